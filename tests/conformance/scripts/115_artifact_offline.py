"""Artifacts of an offline run are sent with it."""
# points: 11 10
# online:
# env: WANDB_MODE=offline

from pathlib import Path

from conformance import offline_folders, say, sync, tried, wandb

run = wandb.init(id="c115", name="offline")
Path("f.txt").write_text("before", encoding="utf-8")
artifact = wandb.Artifact("offline115", type="dataset", metadata={"a": 1})
artifact.add_file("f.txt")
artifact.add_reference("nfs://host/x", name="ref")
run.log_artifact(artifact, aliases=["best"], tags=["t"])
Path("f.txt").write_text("after", encoding="utf-8")
with tried("wait"):
    artifact.wait()
with tried("use"):
    run.use_artifact("offline115:latest")
with tried("use a model"):
    run.use_model("offline115:latest")
say("draft", [artifact.is_draft(), artifact.name, artifact.id])
run.finish()
sync(*offline_folders())
