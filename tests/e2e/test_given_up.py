"""An `init` that has to know the server's answer, and gives up waiting for it, leaves nothing behind that could surprise anybody."""

import json
from collections.abc import Callable
from typing import Any

from harness import Backend, Chaos, Daemon, Fault, Home, Trainer, eventually
from harness.daemon import command

FIRST = """
    import sys
    import wandbd as wandb
    with wandb.init(project="given-up", id=sys.argv[1]) as run:
        run.log({"i": 1})
"""
RESUMING = """
    import sys
    import wandbd as wandb
    try:
        wandb.init(project="given-up", id=sys.argv[1], resume="must")
    except wandb.CommError as error:
        print("gave-up", error)
"""


def runs(home: Home, run_id: str) -> list[dict[str, Any]]:
    """What the daemon says of all parts of a run."""
    said: Any = json.loads(command(home, "status", "--json").stdout)
    return [run for run in said["runs"] if run["run_id"] == run_id]


def test_a_run_that_init_gave_up_on_is_left_alone_until_a_person_says_otherwise(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a finished run, and a server that has begun to hang
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0", "WANDB_INIT_TIMEOUT": "2"})
    Daemon(home)
    Trainer(home, FIRST, run_id).succeeds(60)
    assert backend.finished(run_id)["exitcode"] == 0
    chaos.inject(Fault("hang", routes=("graphql",), times=1_000_000))

    # When an init that must resume it gives up
    trainer = Trainer(home, RESUMING, run_id)
    trainer.succeeds(60)
    assert any(chaos.url in line for line in trainer.lines if line.startswith("gave-up"))

    # Then nothing of it is sent, also when the server is there again
    eventually(lambda: any("gave up" in (run["cause"] or "") for run in runs(home, run_id)), 30, "the status says why it is not sent")
    chaos.heal()
    chaos.release()
    assert backend.run(run_id)["exitcode"] == 0
    assert backend.run(run_id)["state"] == "finished"

    # And a person can send it after all
    assert command(home, "retry", run_id).returncode == 0
    eventually(lambda: backend.run(run_id)["exitcode"] == 1, 60, "the second part has arrived")
