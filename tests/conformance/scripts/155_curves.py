"""Custom charts of classifiers, and several lines."""
# points: 13

from typing import Any

from conformance import tried, wandb

truth = [0, 1, 2, 1, 0, 2]
guesses = [0, 2, 2, 1, 0, 1]
chances = [[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]]
names = ["ape", "bee", "cat"]
run = wandb.init(id="c155", name="curves")
run.log({"matrix": wandb.plot.confusion_matrix(y_true=truth, preds=guesses, class_names=names)})
run.log({"chances": wandb.plot.confusion_matrix(probs=chances, y_true=truth, class_names=names, title="from chances")})
run.log({"unnamed": wandb.plot.confusion_matrix(y_true=truth, preds=guesses)})
run.log({"roc": wandb.plot.roc_curve(truth, chances, labels=names), "pr": wandb.plot.pr_curve(truth, chances, labels=names)})
run.log(
    {
        "roc one": wandb.plot.roc_curve(truth, chances, classes_to_plot=[1], title="one"),
        "pr one": wandb.plot.pr_curve(truth, chances, classes_to_plot=[1]),
    }
)
run.log({"lines": wandb.plot.line_series(xs=[0, 1, 2], ys=[[1, 2, 3], [3, 2, 1]], keys=["up", "down"], title="two", xname="step")})
run.log({"lines of their own": wandb.plot.line_series(xs=[[0, 1], [0, 2]], ys=[[1, 2], [3, 4]])})
refused: dict[str, dict[str, Any]] = {
    "neither": {"y_true": truth},
    "both": {"y_true": truth, "preds": guesses, "probs": chances},
    "uneven": {"y_true": truth, "preds": guesses[:2]},
    "names": {"y_true": truth, "preds": guesses, "class_names": ["a"]},
}
for what, words in refused.items():
    with tried(what):
        wandb.plot.confusion_matrix(**words)
with tried("lines"):
    wandb.plot.line_series(xs=[[0, 1]], ys=[[1, 2], [3, 4]])
run.finish()
