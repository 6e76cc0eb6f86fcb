"""Big integers, floats of all sizes, booleans, whole floats."""
# points: 3

from conformance import wandb

run = wandb.init(id="c34", name="numbers", config={"big": 2**63, "huge": 10**30, "small": 5e-324, "true": True})
run.log({"int64": 2**63 - 1, "min": -(2**63), "over": 2**63, "under": -(2**63) - 1, "huge": 10**40})
run.log({"whole": 1.0, "exp": 1e300, "tiny": 5e-324, "third": 1 / 3, "neg0": -0.0, "big": 1e16, "1e21": 1e21})
run.log({"true": True, "false": False, "exact": 9007199254740993, "f32": 0.1 + 0.2})
run.summary["big"] = 2**70
run.finish()
