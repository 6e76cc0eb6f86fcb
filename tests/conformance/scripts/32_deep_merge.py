"""Pieces of one row are merged deeply; lists and scalars replace."""
# points: 3

from conformance import wandb

run = wandb.init(id="c32", name="merge")
run.log({"deep": {"a": {"x": 1, "y": 2}, "b": 1}}, commit=False)
run.log({"deep": {"a": {"y": 3, "z": 4}}}, commit=False)
run.log({"deep": {"c": [1, {"k": 2}]}, "list": [1, 2]}, commit=False)
run.log({"list": [3], "empty": {}})
run.log({"deep": {"a": 5}}, commit=False)
run.log({"deep": {"b": {"now": "a dict"}}})
run.log({"deep": {"new": {"x": {"y": {"z": {"w": 1}}}}}})
run.log({})
run.log({"empty": {}})
run.finish()
