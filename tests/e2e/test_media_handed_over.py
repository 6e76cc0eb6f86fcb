"""Raw data on its way from the training process to the daemon: in memory, by file, and from a forked child."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Backend, Daemon, Home
from harness.trainer import run as train

# Over 8 MiB: it goes by a file.
LARGE = 9 << 20
MANY = 12

# `sizes` are bytes of random text; what is over 8 MiB, or finds the small window half full, goes by a private file.
HANDED_OVER = """
    import hashlib, json, os, random, sys
    import wandbd as wandb

    run_id, sizes = sys.argv[1], json.loads(sys.argv[2])
    run = wandb.init(project="e2e", id=run_id)
    digests = []

    def log(who, size):
        text = random.Random(f"{who}-{size}").randbytes(size // 2).hex()
        page = wandb.Html(text, inject=False)
        run.log({"who": who, "page": page})
        return hashlib.sha256(text.encode()).hexdigest()

    for number, size in enumerate(sizes):
        digests.append(log(str(number), size))
    child = os.fork()
    if child == 0:
        log("child", 300_000)
        log("child", 10_000_000)
        os._exit(0 if run._core.flush(60.0) else 1)
    assert os.waitpid(child, 0)[1] == 0
    run.finish()
    print("digests", json.dumps(digests), flush=True)
"""


def pages(backend: Backend, run: dict[str, Any], run_id: str) -> list[tuple[str, str]]:
    """Who logged a page, and the digest of what the server has of it; rows, files and sizes agree."""
    files = {file["name"]: file["url"] for file in run["files"]}
    found = []
    for row in backend.history(run_id):
        text = backend.download(files[row["page"]["path"]])
        digest = hashlib.sha256(text).hexdigest()
        assert (digest, len(text)) == (row["page"]["sha256"], row["page"]["size"])
        found.append((row["who"], digest))
    return found


def test_data_of_any_size_arrives_also_from_a_child_and_leaves_nothing_behind(home: Home, backend: Backend, run_id: str) -> None:
    # Given a small window, so that also middle-sized data goes by file
    small = {"WANDBD_BUFFER_BYTES": str(2 << 20)}
    sizes = [10, 100_000, LARGE, *[600_000] * MANY, 0]

    # When a process hands over data of all sizes, and so does its forked child
    trainer = train(home, HANDED_OVER, run_id, json.dumps(sizes), env=small, limit_s=120)

    # Then all of it is on the server, once and whole
    run = backend.finished(run_id, 60)
    found = pages(backend, run, run_id)
    digests = json.loads(trainer.last("digests ") or "[]")
    assert [page for page in found if page[0] != "child"] == list(zip(map(str, range(len(sizes))), digests, strict=True))
    assert [who for who, _ in found].count("child") == 2
    assert not run["violations"], run["violations"]

    # And no file that it went by is left
    staging = Path(home.state, "staging")
    assert [path for path in staging.rglob("*") if path.is_file()] == []


LEFT_BEHIND = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1])
    run.log({"who": "one", "page": wandb.Html("x" * int(sys.argv[2]), inject=False)})
    run.finish()
"""


def test_data_that_no_daemon_took_is_there_for_the_next_one(make_home: Callable[..., Home], backend: Backend, run_id: str) -> None:
    # Given a process that ends without ever having seen a daemon
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    train(home, LEFT_BEHIND, run_id, LARGE, limit_s=60)

    # When a daemon is started
    Daemon(home)

    # Then it finds what was left behind, with the file that it names
    run = backend.finished(run_id, 60)
    assert pages(backend, run, run_id) == [("one", hashlib.sha256(b"x" * LARGE).hexdigest())]
    assert not run["violations"], run["violations"]
