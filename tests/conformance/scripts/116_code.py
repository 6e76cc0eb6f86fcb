"""log_code with a name, a root and own choices."""
# points: 11 7

import os
from pathlib import Path

from conformance import say, wandb

for name in ("src/a.py", "src/b.py", "src/deep/c.py", "src/notes.txt", "src/wandb/d.py", "src/build.sh", "src/skip/e.py"):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    Path(name).write_text(name, encoding="utf-8")
with wandb.init(id="c116", name="code") as run:
    artifact = run.log_code("src", name="source116")
    say("python", [artifact.name, artifact.type, sorted(artifact.manifest.entries), artifact.digest])
    artifact = run.log_code("src", name="all116", include_fn=lambda path: True, exclude_fn=lambda path: "skip" in path)
    say("chosen", sorted(artifact.manifest.entries))
    rooted = run.log_code("src", name="rooted116", include_fn=lambda path, root: os.path.relpath(path, root).startswith("deep"))
    say("rooted", sorted(rooted.manifest.entries))
    say("nothing", run.log_code("src", name="none116", include_fn=lambda path: False))
