"""The project is named after the git repository and the script's folder below it."""
# points: 2
# online:
# env: WANDB_PROJECT
# projects: c25repo c25repo-sub_deep uncategorized

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conformance import say, wandb

here = Path.cwd()
if len(sys.argv) > 1:
    run = wandb.init(id=sys.argv[1], name=sys.argv[1])
    say(f"project of {sys.argv[1]}", run.project)
    run.log({"x": 1})
    run.finish()
else:
    repo = here / "c25repo"
    (repo / "sub" / "deep").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    for folder, name in ((repo, "c25a"), (repo / "sub" / "deep", "c25b")):
        for file in (sys.argv[0], Path(sys.argv[0]).with_name("conformance.py")):
            shutil.copy(file, folder)
        script = folder / Path(sys.argv[0]).name
        subprocess.run([sys.executable, str(script), name], cwd=folder, env=os.environ, check=True)
