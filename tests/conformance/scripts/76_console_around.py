"""Only what is printed while the run lives is its console; two runs share the terminal in turn."""
# points: 6

import subprocess

from conformance import wandb

print("before")
run = wandb.init(id="c76a", name="first")
print("in the first")
subprocess.run(["echo", "of a subprocess"], check=True)
run.finish()
print("between")
run = wandb.init(id="c76b", name="second")
print("in the second")
run.finish()
print("behind")
