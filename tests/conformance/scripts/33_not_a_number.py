"""NaN and infinities in rows, summary and config."""
# points: 3 4 5
# online:

import math

from conformance import outcome, wandb

run = wandb.init(id="c33", name="nan", config={"nan": math.nan, "inf": [math.inf, -math.inf], "deep": {"x": math.nan}})
run.define_metric("m", summary="min,max,mean,last,first")
run.log({"nan": math.nan, "inf": math.inf, "minus": -math.inf, "deep": {"n": math.nan}, "list": [1.0, math.nan, math.inf]})
for value in (1.0, math.nan, 2.0):
    run.log({"m": value})
run.summary["own"] = math.nan
run.summary["far"] = {"away": -math.inf}
outcome("read of one's own", lambda: str(run.summary["own"]))
outcome("read of a row's", lambda: str(run.summary["nan"]))
run.finish()
