"""Definitions that cannot be."""
# points: 4

from typing import Any

from conformance import outcome, wandb

run = wandb.init(id="c54", name="errors")
CASES: dict[str, dict[str, Any]] = {
    "empty name": {"name": ""},
    "star inside": {"name": "a*b"},
    "two stars": {"name": "**"},
    "unknown summary": {"name": "x", "summary": "average"},
    "best": {"name": "x", "summary": "best"},
    "none and min": {"name": "x", "summary": "none,min"},
    "empty summary": {"name": "x", "summary": ""},
    "goal": {"name": "x", "goal": "minimize"},
    "number as name": {"name": 3},
    "number as step": {"name": "x", "step_metric": 3},
    "star": {"name": "*"},
}
for what, words in CASES.items():
    outcome(what, run.define_metric, **words)
metric = run.define_metric("good", step_metric="axis", summary="min")
run.define_metric("better", step_metric=metric)
run.log({"x": 1, "good": 2, "better": 3})
run.finish()
