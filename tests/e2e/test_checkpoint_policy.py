"""What becomes of checkpoints when the network is slower than they come: the user's choice, counted, and never in the way."""

from collections.abc import Callable

import pytest

from harness import Backend, Chaos, Daemon, Home, eventually
from harness.daemon import run_status
from harness.trainer import Trainer

CHECKPOINTS = 5

LOGS = """
    import sys
    import wandbd as wandb

    run_id, count = sys.argv[1], int(sys.argv[2])
    run = wandb.init(project="e2e", id=run_id)
    for i in range(count):
        with open("model.bin", "w") as file:
            file.write(f"epoch {i} of {run_id}")
        artifact = wandb.Artifact(f"run_{run_id}_model", type="model")
        artifact.add_file("model.bin")
        run.log_artifact(artifact, aliases=["best", f"epoch_{i}"] if i == 1 else [f"epoch_{i}"])
        run.log({"epoch": i})
    print("logged", flush=True)
    sys.stdin.readline()
    run.finish()
"""


@pytest.mark.parametrize(
    ("policy", "delivered"),
    [("all", [0, 1, 2, 3, 4]), ("newest", [1, 4]), ("every:2", [0, 1, 2, 4])],
    ids=["all", "newest and best", "every second"],
)
def test_checkpoints_that_newer_ones_wait_behind_are_left_out_as_the_user_wants(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str, policy: str, delivered: list[int]
) -> None:
    # Given a network that is away while five checkpoints are written over each other, the second of them the best one
    chaos.down()
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0", "WANDBD_CHECKPOINTS": policy})
    Daemon(home)
    trainer = Trainer(home, LOGS, run_id, CHECKPOINTS)
    trainer.said("logged")

    # When it comes back
    chaos.up()
    trainer.say()
    trainer.succeeds()
    run = backend.finished(run_id, 120)

    # Then those arrive that the user wants, with their own content, and the others are counted
    found = sorted((artifact for artifact in run["artifacts"] if artifact["type"] == "model"), key=lambda one: str(one["version"]))
    contents = [backend.download(one["files"][0]["url"]).decode() for one in found]
    assert contents == [f"epoch {i} of {run_id}" for i in delivered]
    assert [f"epoch_{i}" in one["aliases"] for i, one in zip(delivered, found, strict=True)] == [True] * len(found)
    assert [row["epoch"] for row in backend.history(run_id)] == list(range(CHECKPOINTS))
    assert run_status(home, run_id)["artifacts_superseded"] == CHECKPOINTS - len(delivered)
    eventually(lambda: not [path for path in (home.state / "staging").rglob("*") if path.is_file()], 30, "all copies are gone")
