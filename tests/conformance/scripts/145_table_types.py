"""Types of columns: optional, given, mixed, cast."""
# points: 13

from conformance import tried, wandb

run = wandb.init(id="c145", name="table types")
run.log({"bare": wandb.Table(columns=["a", "b"], data=[[1, "x"]], optional=False)})
run.log({"some": wandb.Table(columns=["a", "b"], data=[[1, "x"]], optional=[True, False])})
run.log({"given": wandb.Table(columns=["a", "b"], data=[[1, "x"]], dtype=[int, str])})
run.log({"one type": wandb.Table(columns=["a", "b"], data=[["y", "x"]], dtype=str)})
run.log({"mixed": wandb.Table(columns=["a", "b"], data=[[1, "x"], ["y", 2.5], [None, [1]]], allow_mixed_types=True)})
cast = wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
cast.cast("a", float)
run.log({"cast": cast})
with tried("cast to text"):
    wandb.Table(columns=["a"], data=[[1]]).cast("a", str)
with tried("wrong type"):
    wandb.Table(columns=["a"], data=[["x"]], dtype=int)
with tried("none where it is not optional"):
    wandb.Table(columns=["a"], data=[[None]], dtype=int, optional=False)
keys = wandb.Table(columns=["id", "v"], data=[["k1", 1], ["k2", 2]])
keys.set_pk("id")
run.log({"keys": keys})
run.finish()
