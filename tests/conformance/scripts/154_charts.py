"""Custom charts: lines, points, bars, histograms."""
# points: 13

from conformance import outcome, tried, wandb

run = wandb.init(id="c154", name="charts")
table = wandb.Table(columns=["x", "y", "label"], data=[[1, 2.5, "a"], [2, 3.5, "b"]])
run.log({"line": wandb.plot.line(table, "x", "y", title="A line")})
run.log({"scatter": wandb.plot.scatter(wandb.Table(columns=["x", "y"], data=[[1, 2]]), "x", "y", title="Points")})
run.log({"bar": wandb.plot.bar(wandb.Table(columns=["label", "y"], data=[["a", 2]]), "label", "y", title="Bars")})
run.log({"histogram": wandb.plot.histogram(wandb.Table(columns=["v"], data=[[1], [2]]), "v", title="Counts")})
run.log({"stroke": wandb.plot.line(wandb.Table(columns=["x", "y", "s"], data=[[1, 2, "a"]]), "x", "y", stroke="s", title="Strokes")})
run.log({"deep/line": wandb.plot.line(wandb.Table(columns=["x", "y"], data=[[1, 2]]), "x", "y"), "n": 1})
run.log({"line": wandb.plot.line(wandb.Table(columns=["x", "y"], data=[[3, 4]]), "x", "y", title="A line")})
own = wandb.plot_table("entity/preset", wandb.Table(columns=["a"], data=[[1]]), {"value": "a"}, {"title": "own"})
run.log({"own": own})
run.log({"in": {"side": wandb.plot.line(wandb.Table(columns=["x", "y"], data=[[5, 6]]), "x", "y")}})
outcome("kind", lambda: type(own).__name__)
with tried("no table"):
    wandb.plot_table("entity/preset", [[1]], {}, {})
run.finish()
