"""`write_logs` adds lines to the console."""
# points: 6

from conformance import wandb

run = wandb.init(id="c73", name="logs", settings=wandb.Settings(console="off"))
print("not captured")
run.write_logs("a line")
run.write_logs("two\nlines\n")
run.write_logs("with \rreturn")
run.log({"x": 1})
run.finish()
