"""Neither git state nor code where they are turned off."""
# points: 1 7
# env: WANDB_DISABLE_GIT=true
# env: WANDB_DISABLE_CODE=true
# env: WANDB_SAVE_CODE=true

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conformance import wandb

if len(sys.argv) > 1:
    run = wandb.init(id="c84", name="no code", project="84_without_git_and_code")
    run.log({"x": 1})
    run.finish()
else:
    repo = Path("repo").absolute()
    repo.mkdir()
    for file in (sys.argv[0], Path(sys.argv[0]).with_name("conformance.py")):
        shutil.copy(file, repo)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=repo, env=os.environ, check=True)
    script = repo / Path(sys.argv[0]).name
    subprocess.run([sys.executable, str(script), "in"], cwd=repo, check=True)
