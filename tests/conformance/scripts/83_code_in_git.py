"""Code saving in a git repository: the script, the commit, the remote and the changes."""
# points: 7
# env: WANDB_SAVE_CODE=true

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conformance import wandb

if len(sys.argv) > 1:
    run = wandb.init(id="c83", name="code", save_code=True)
    run.log({"x": 1})
    run.finish()
else:
    repo = Path("repo").absolute()
    repo.mkdir()
    for file in (sys.argv[0], Path(sys.argv[0]).with_name("conformance.py")):
        shutil.copy(file, repo)
    (repo / "data.txt").write_text("old\n")
    when = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    for words in (
        ["init", "-q", "-b", "main"],
        ["remote", "add", "origin", "https://user:secret@git.example/repo.git"],
        ["add", "."],
        ["-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "-m", "first"],
    ):
        subprocess.run(["git", *words], cwd=repo, env=os.environ | when, check=True)
    (repo / "data.txt").write_text("new\n")
    script = repo / Path(sys.argv[0]).name
    subprocess.run([sys.executable, str(script), "in", "repo"], cwd=repo, check=True)
