"""Tables, joined and partitioned ones, as objects of artifacts."""
# points: 13

import numpy as np
from conformance import outcome, wandb

run = wandb.init(id="c152", name="tables in artifacts")
left = wandb.Table(columns=["id", "v"], data=[["a", 1], ["b", 2]])
right = wandb.Table(columns=["id", "w"], data=[["a", 0.5], ["b", None]])
artifact = wandb.Artifact("tables152", type="dataset")
outcome("path", lambda: artifact.add(left, "left").path)
artifact.add(right, "sub/right")
artifact.add(wandb.JoinedTable(left, right, "id"), "joined")
run.log_artifact(artifact)
parts = wandb.Artifact("parts152", type="dataset")
for number in range(2):
    parts.add(wandb.Table(columns=["n"], data=[[number]]), f"parts/{number}")
parts.add(wandb.data_types.PartitionedTable("parts"), "whole")
run.log_artifact(parts)
pictures = wandb.Artifact("pictures152", type="dataset")
pictures.add(wandb.Table(columns=["p"], data=[[wandb.Image(np.full((3, 3), number, np.uint8))] for number in range(2)]), "table")
run.log_artifact(pictures)
run.finish()
