"""Tables that are logged again: immutable, mutable and in increments."""
# points: 13

from conformance import say, tried, wandb

run = wandb.init(id="c148", name="table modes")
fixed = wandb.Table(columns=["a"], data=[[1]])
run.log({"fixed": fixed})
fixed.add_data(2)
run.log({"fixed": fixed})
mutable = wandb.Table(columns=["a"], data=[[1]], log_mode="MUTABLE")
run.log({"mutable": mutable})
mutable.add_data(2)
run.log({"mutable": mutable})
mutable.add_column("b", ["x", "y"])
run.log({"mutable": mutable})
growing = wandb.Table(columns=["a", "b"], log_mode="INCREMENTAL")
for part in range(3):
    growing.add_data(part, f"part {part}")
    growing.add_data(part + 0.5, "more")
    run.log({"growing": growing, "part": part})
with tried("a column of an incremental one"):
    growing.add_column("c", [1] * 6)
say("rows", len(growing.data))
run.log({"other": wandb.Table(columns=["a"], data=[[1]])})
run.log({"other": wandb.Table(columns=["a"], data=[[2]])})
run.finish()
