"""`define_metric` with every kind of summary."""
# points: 4

from conformance import say, wandb

run = wandb.init(id="c50", name="kinds")
for kind in ("min", "max", "mean", "first", "last", "none", "copy", "min,max", "mean,last"):
    run.define_metric("of " + kind, summary=kind)
for value in (3, 1, 2):
    run.log(
        {"of " + kind: value for kind in ("min", "max", "mean", "first", "last", "none", "copy", "min,max", "mean,last")} | {"plain": value}
    )
say("reads", {key: run.summary.get(key) for key in ("plain",)})
say("min", run.summary["of min"]["min"])
run.finish()
