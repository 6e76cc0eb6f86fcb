"""The main job: a Keras model trains, and its metrics and checkpoints are to be seen."""

import zipfile

from harness import Backend, Home, eventually
from harness.places import SCRIPTS
from harness.sdk import read_back
from harness.trainer import run as train

EPOCHS = 4
BATCHES = 3  # 72 samples for training, 32 in a batch


def test_a_fit_with_both_callbacks_arrives_with_metrics_system_stats_and_one_checkpoint_version_per_epoch(
    home: Home, backend: Backend, run_id: str
) -> None:
    # When a model is fitted with both callbacks and a learning rate schedule
    home.extra |= {"KERAS_BACKEND": "jax", "WANDB_X_STATS_SAMPLING_INTERVAL": "0.5"}
    trainer = train(home, SCRIPTS / "fit.py", run_id, EPOCHS, limit_s=180)
    assert trainer.said("tensorflow") == "False"
    run = backend.finished(run_id)

    # Then every batch and every epoch has its row
    rows = backend.history(run_id)
    batches = [row for row in rows if "batch/loss" in row]
    epochs = [row for row in rows if "epoch/loss" in row]
    assert [row["batch/batch_step"] for row in batches] == list(range(EPOCHS * BATCHES))
    assert [row["epoch/epoch"] for row in epochs] == list(range(EPOCHS))
    assert len(rows) == len(batches) + len(epochs)
    wanted = {"epoch/loss", "epoch/accuracy", "epoch/val_loss", "epoch/val_accuracy", "epoch/learning_rate"}
    assert wanted <= epochs[0].keys(), wanted - epochs[0].keys()
    assert all(isinstance(row["batch/learning_rate"], float) for row in batches)

    # And system metrics have W&B's names
    events = backend.events(run_id)
    assert events, "no system metrics"
    named = {key for event in events for key in event}
    wanted = {"system.cpu", "system.memory_percent", "system.proc.memory.rssMB", "system.disk./.usagePercent", "system.network.sent"}
    assert wanted <= named, wanted - named

    # And every epoch has its version of the checkpoint, each a file of its own that a person can load
    versions = [artifact for artifact in run["artifacts"] if artifact["type"] == "model"]
    assert len(versions) == EPOCHS
    read = read_back(home, backend, run_id)
    contents = set()
    for number in range(EPOCHS):
        artifact = read["artifacts"][f"run_{run_id}_model:v{number}"]
        assert f"epoch_{number}" in artifact["aliases"]
        assert ("latest" in artifact["aliases"]) == (number == EPOCHS - 1)
        contents.add(artifact["files"]["model.keras"])
    assert len(contents) == EPOCHS, "two versions have the same content: a later epoch has overwritten an earlier one"
    assert zipfile.is_zipfile(home.work / "model.keras")
    copies = home.state / "staging"
    eventually(lambda: not [path for path in copies.rglob("*") if path.is_file()], 30, "the copies of checkpoints go after the delivery")
