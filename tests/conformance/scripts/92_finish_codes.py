"""`finish` with exit codes."""
# points: 2 8

from conformance import wandb

for code in (0, 1, 7, None):
    run = wandb.init(id=f"c92-{code}", name=f"code {code}")
    run.log({"x": 1})
    run.finish(exit_code=code)
