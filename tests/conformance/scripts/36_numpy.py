"""numpy scalars and arrays of all kinds."""
# points: 3 4

import numpy as np
from conformance import tried, wandb

run = wandb.init(id="c36", name="numpy", config={"scalar": np.float32(0.5), "array": np.arange(3), "flag": np.bool_(True)})
run.log({"f32": np.float32(0.1), "f64": np.float64(0.1), "f16": np.float16(0.1), "i8": np.int8(-3), "u64": np.uint64(2**64 - 1)})
run.log({"bool": np.bool_(True), "str": np.str_("text"), "nan": np.float32("nan"), "zero dim": np.array(7)})
run.log({"one": np.array([3.5]), "one by one": np.array([[4]]), "small": np.arange(5), "matrix": np.arange(6).reshape(2, 3)})
run.log({"exactly 32": np.arange(32), "bools": np.array([True, False]), "texts": np.array(["a", "b"]), "empty": np.array([])})
run.log({"many": np.arange(100.0), "many ints": np.arange(64), "in a dict": {"x": np.float32(2), "y": np.arange(2)}})
run.log({"in a list": [np.float32(1.5), np.int64(2)], "date": np.datetime64("2026-01-02"), "complex": np.float64(1) / 3})
run.log({"with nan": np.array([1.0, np.nan, 3.0])})
with tried("many with nan"):
    run.log({"many with nan": np.append(np.arange(40.0), [np.nan, np.inf])})
with tried("complex array"):
    run.log({"complex array": np.array([1 + 2j])})
run.summary["array"] = np.arange(4)
run.finish()
