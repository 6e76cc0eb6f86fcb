"""Columns that are added, computed and read."""
# points: 13

import numpy as np
from conformance import outcome, tried, wandb

run = wandb.init(id="c149", name="table columns")
table = wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"], [3, "z"]])
table.add_column("c", [0.5, 1.5, 2.5])
table.add_computed_columns(lambda index, row: {"double": row["a"] * 2, "index": int(index)})
outcome("column", table.get_column, "a")
outcome("as numpy", lambda: table.get_column("c", convert_to="numpy").tolist())
outcome("index", lambda: [int(one) for one in table.get_index()])
outcome("rows", lambda: [[int(index), list(row)] for index, row in table.iterrows()])
outcome("columns", lambda: list(table.columns))
with tried("too short"):
    table.add_column("d", [1])
with tried("there already"):
    table.add_column("a", [1, 2, 3])
with tried("no list"):
    table.add_column("e", 3)
table.add_column("n", np.array([7, 8, 9]))
run.log({"columns": table})
linked = wandb.Table(columns=["of", "v"], data=[[table.index_ref(0), 1], [table.index_ref(2), 2]])
run.log({"linked": linked})
run.finish()
