"""Molecules from files and texts."""
# points: 12

import io
from pathlib import Path

from conformance import tried, wandb

run = wandb.init(id="c141", name="molecules")
Path("water.pdb").write_text("ATOM      1  O   HOH     1       0.000   0.000   0.000\n")
run.log({"file": wandb.Molecule("water.pdb"), "caption": wandb.Molecule("water.pdb", caption="water")})
run.log(
    {"io": wandb.Molecule(io.StringIO("no molecule"), file_type="sdf"), "list": [wandb.Molecule("water.pdb"), wandb.Molecule("water.pdb")]}
)
for what, arguments, words in (
    ("other kind", ("water.txt",), {}),
    ("io without kind", (io.StringIO("x"),), {}),
    ("number", (3,), {}),
):
    with tried(what):
        wandb.Molecule(*arguments, **words)
run.finish()
