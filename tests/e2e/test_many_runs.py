"""One daemon for all: many runs at once, within the limits of the service."""

import json
from collections.abc import Callable
from pathlib import Path

from harness import Backend, Chaos, Daemon, Home, Trainer
from harness.places import SCRIPTS

PROCESSES = 4
RUNS = 16
ROWS = 200
LIMITS = {"posts_per_second_per_run": 2, "posts_per_second_per_project": 500}


def test_sixty_four_runs_at_once_are_whole_over_one_pool_of_connections_and_within_the_limits(
    make_home: Callable[..., Home], tmp_path: Path, run_id: str
) -> None:
    # Given a server that enforces W&B's limits, and one daemon
    home = make_home({"WANDBD_AUTOSTART": "0", "WANDB_X_DISABLE_STATS": "true"})
    data = tmp_path / "server"
    data.mkdir(mode=0o700)
    (data / "rules.json").write_text(json.dumps(LIMITS))
    server = Backend(home, data)
    chaos = Chaos(server.url)
    try:
        home.extra |= server.environment(chaos.url)
        Daemon(home)

        # When 64 runs pass at once
        trainers = [Trainer(home, SCRIPTS / "many.py", f"{run_id}-{process}", RUNS, ROWS) for process in range(PROCESSES)]
        for trainer in trainers:
            trainer.said("open", 60)
        for trainer in trainers:
            trainer.say()
        for trainer in trainers:
            trainer.succeeds(120)

        # Then each has its own rows, all of them, in order
        for process in range(PROCESSES):
            for number in range(RUNS):
                name = f"{run_id}-{process}-{number}"
                run = server.finished(name, 120)
                rows = [(row["_step"], row["i"], row["value"]) for row in server.history(name)]
                assert rows == [(i, i, number * 1000 + i) for i in range(ROWS)], name
                assert (run["exitcode"], run["config"]["number"]) == (0, number)
                assert not run["violations"], run["violations"]

        # And the server had to slow nobody down
        posts = chaos.seen("file_stream")
        assert not [seen for seen in posts if seen.status == 429]
        assert len(posts) >= PROCESSES * RUNS

        # And connections are kept and shared: later runs need no new ones
        before = chaos.connections
        assert before < len(chaos.seen()) / 2
        for number in range(3):
            later = Trainer(home, SCRIPTS / "many.py", f"{run_id}-later{number}", 1, 10)
            later.said("open")
            later.say()
            later.succeeds()
            server.finished(f"{run_id}-later{number}-0")
        assert chaos.connections == before
    finally:
        chaos.close()
        server.stop()
