"""Tables of plain cells: numbers, texts, nothing, dates, lists; columns without names and with odd ones."""
# points: 13

import datetime
import math
from typing import Any

from conformance import say, tried, wandb

run = wandb.init(id="c144", name="tables")
plain = wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, 'ü "\\\n\x01']])
run.log({"plain": plain})
numbers = wandb.Table(columns=["n"], data=[[1], [2.5], [None], [math.nan], [math.inf], [1e22], [1e-7], [-0.0], [2**40]])
run.log({"numbers": numbers})
moments = wandb.Table(columns=["when", "day"])
moments.add_data(datetime.datetime(2020, 1, 2, 3, 4, 5, 678901), datetime.date(2021, 6, 7))
moments.add_data(None, None)
moments.add_data(datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone.utc), datetime.date(1969, 12, 31))
run.log({"moments": moments})
run.log(
    {"flags": wandb.Table(columns=["flag"], data=[[True], [False], [None]]), "empty": wandb.Table(columns=["a"]), "nothing": wandb.Table()}
)
run.log({"lists": wandb.Table(columns=["l", "d"], data=[[[1, 2], {"z": 1, "a": "x"}], [[3, 4], {"z": 2, "a": "y"}]])})
run.log({"numbered": wandb.Table(columns=[1, 2], data=[[1, 2]]), "rows": wandb.Table(rows=[["x", 1, 2]])})
run.log({"defaults": wandb.Table(data=[["in", "out", "expected"]]), "one column": wandb.Table(columns=["c"], data=[["x"]] * 20)})
say("shape", [plain.columns, plain.data])
refused: dict[str, dict[str, Any]] = {
    "columns": {"columns": "ab"},
    "column of float": {"columns": [1.5]},
    "short row": {"columns": ["a", "b"], "data": [[1]]},
    "data": {"columns": ["a"], "data": 3},
    "mixed": {"columns": ["a"], "data": [[1], ["x"]]},
    "mode": {"columns": ["a"], "log_mode": "OTHER"},
}
for what, words in refused.items():
    with tried(what):
        wandb.Table(**words)
with tried("add_data"):
    plain.add_data(1)
with tried("other type"):
    plain.add_data("x", 1)
run.finish()
