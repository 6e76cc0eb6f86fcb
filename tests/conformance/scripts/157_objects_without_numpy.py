"""What needs no arrays: lists in histograms and tables, text media."""
# points: 12 13

from conformance import wandb

run = wandb.init(id="c157", name="plain")
run.log({"hist": wandb.Histogram(np_histogram=([3, 2, 1], [0.0, 0.5, 1.0, 1.5])), "page": wandb.Html("<p>1</p>")})
run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, [0.5, 1.5]], [2, [2.5, 3.5]]]), "loss": 0.25})
run.log({"texts": wandb.Table(columns=["prompt", "answer"], data=[["p" * 300, "a\n" * 50]])})
run.finish()
