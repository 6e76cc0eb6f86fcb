"""Limits that users set for what is sent: of a post, and of a row."""

import json
from collections.abc import Callable

from harness import Backend, Chaos, Daemon, Home
from harness.trainer import run as train

POST = 20_000
LINE = 5_000
ROWS = 400

MANY = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1])
    for i in range(int(sys.argv[2])):
        run.log({"i": i, "text": "x" * 400})
    run.finish()
"""

WIDE = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1])
    run.log({"small": 1, "wide": "x" * 6000})
    run.log({"small": 2, "wide": "x" * 600})
    run.finish()
"""


def test_no_post_is_longer_than_the_user_wants(make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str) -> None:
    # Given a backlog that is longer than the limit by far
    chaos.down()
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0", "WANDB_X_FILE_STREAM_MAX_BYTES": str(POST)})
    Daemon(home)
    train(home, MANY, run_id, ROWS)

    chaos.up()

    backend.finished(run_id, 120)
    assert [row["i"] for row in backend.history(run_id)] == list(range(ROWS))
    posts = [seen.body for seen in chaos.seen("file_stream")]
    lines = [sum(len(line) for file in json.loads(body).get("files", {}).values() for line in file["content"]) for body in posts]
    assert max(lines) <= POST, lines
    assert len([size for size in lines if size > POST // 2]) >= 5, "posts are filled up to the limit"


def test_a_row_beyond_the_users_limit_loses_its_largest_value_alone_and_it_is_named(home: Home, backend: Backend, run_id: str) -> None:
    home.extra |= {"WANDB_X_FILE_STREAM_MAX_LINE_BYTES": str(LINE)}

    trainer = train(home, WIDE, run_id)

    backend.finished(run_id)
    first, second = backend.history(run_id)
    assert first["small"] == 1
    assert first.get("wide") != "x" * 6000
    assert (second["small"], second["wide"]) == (2, "x" * 600)
    assert [line for line in trainer.errors if "wide" in line], trainer.text()
