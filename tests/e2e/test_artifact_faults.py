"""Artifacts when something goes wrong: each fault has a clear outcome, and nothing else is lost."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness import Backend, Chaos, Daemon, Fault, Home, eventually
from harness.chaos import Seen
from harness.daemon import run_status, status
from harness.trainer import Trainer
from harness.trainer import run as train

MIB = 1 << 20

TWO = """
    import sys
    import wandbd as wandb

    run_id, policy = sys.argv[1:3]
    run = wandb.init(project="e2e", id=run_id)
    for name in ("bad", "good"):
        artifact = wandb.Artifact(f"{name}-{run_id}", type="model")
        artifact.add_file(f"{name}.bin", policy=policy)
        run.log_artifact(artifact)
        run.log({"logged": name})
    print("logged", flush=True)
    sys.stdin.readline()
    run.log({"logged": "the rest"})
    run.finish()
"""


@pytest.fixture
def behind(make_home: Callable[..., Home], backend: Backend, chaos: Chaos) -> Home:
    """A home with a daemon whose backend is not there yet."""
    chaos.down()
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    Daemon(home)
    return home


def versions(backend: Backend, run_id: str) -> dict[str, dict[str, Any]]:
    """The committed versions of a run, by the part of their name before the run's id."""
    artifacts = backend.run(run_id)["artifacts"]
    return {
        artifact["name"].split(":")[0].removesuffix(f"-{run_id}"): artifact for artifact in artifacts if artifact["state"] == "COMMITTED"
    }


def content(backend: Backend, version: dict[str, Any], name: str) -> bytes:
    """A file of a version, as the backend has it."""
    (file,) = [file for file in version["files"] if file["name"] == name]
    return backend.download(file["url"])


def all_rows(backend: Backend, run_id: str) -> list[Any]:
    """What the script logged beside its artifacts."""
    return [row["logged"] for row in backend.history(run_id)]


def weights(words: str, size: int) -> bytes:
    """Content that no other test has: the backend takes nothing twice."""
    return (words.encode() * (size // len(words) + 1))[:size]


def changed(path: Path) -> None:
    """The same size, other bytes."""
    path.write_bytes(b"2" * path.stat().st_size)


def truncated(path: Path) -> None:
    """Half of it."""
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("fault", [changed, truncated, Path.unlink], ids=["changed", "truncated", "deleted"])
def test_a_file_that_is_not_any_more_what_was_logged_costs_its_own_version_and_is_named(
    behind: Home, backend: Backend, chaos: Chaos, run_id: str, fault: Callable[[Path], None]
) -> None:
    # Given two artifacts whose files are uploaded in place, and a network that is slower than the user
    for name in ("bad", "good"):
        (behind.work / f"{name}.bin").write_bytes(weights(run_id + name, MIB))
    trainer = Trainer(behind, TWO, run_id, "immutable")
    trainer.said("logged")
    hashed(behind, run_id)

    # When one of the files is changed all the same
    fault(behind.work / "bad.bin")
    chaos.up()
    trainer.say()
    trainer.succeeds()

    # Then only that version is missing, and the status says why
    backend.finished(run_id, 120)
    assert all_rows(backend, run_id) == ["bad", "good", "the rest"]
    found = versions(backend, run_id)
    assert set(found) == {"good"}, found.keys()
    assert content(backend, found["good"], "good.bin") == weights(run_id + "good", MIB)
    (why,) = run_status(behind, run_id)["artifacts_failed"]
    assert "bad.bin" in why, why
    assert sum(count for reason, count in status(behind)["dropped"].items() if "artifact" in reason) == 1


def hashed(home: Home, run_id: str) -> None:
    """Wait until the daemon has read the files of all artifacts of a run: their records are in its journal."""
    (journal,) = [path for path in home.journals() if run_id in path.name]

    def both() -> bool:
        text = journal.read_bytes()
        return all(text.count(f"{name}-{run_id}".encode()) >= 2 for name in ("bad", "good"))

    eventually(both, 30, "both artifacts are hashed")


@pytest.mark.parametrize("fault", [changed, truncated, Path.unlink], ids=["overwritten", "truncated", "deleted"])
def test_a_checkpoint_that_is_gone_right_after_log_artifact_arrives_as_it_was(
    behind: Home, backend: Backend, chaos: Chaos, run_id: str, fault: Callable[[Path], None]
) -> None:
    # Given files that are larger than what is copied at once
    for name in ("bad", "good"):
        (behind.work / f"{name}.bin").write_bytes(weights(run_id + name, 32 * MIB))
    trainer = Trainer(behind, TWO, run_id, "mutable")
    trainer.said("logged")

    # When one is written over as soon as log_artifact has returned
    fault(behind.work / "bad.bin")
    chaos.up()
    trainer.say()
    trainer.succeeds()

    # Then both arrive as they were, and their copies go
    backend.finished(run_id, 120)
    found = versions(backend, run_id)
    for name in ("bad", "good"):
        assert content(backend, found[name], f"{name}.bin") == weights(run_id + name, 32 * MIB), name
    assert status(behind)["dropped"] == {}
    eventually(lambda: not snapshots(behind), 30, "the staging directory is empty after the delivery")


COPIED = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1])
    run.log({"logged": "model"})
    artifact = wandb.Artifact(f"model-{sys.argv[1]}", type="model")
    artifact.add_file("model.bin")
    run.log_artifact(artifact)
    print("logged", flush=True)
    sys.stdin.readline()
    run.finish()
"""


def test_a_daemon_that_is_killed_while_it_copies_a_checkpoint_copies_it_again(
    make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given a checkpoint that takes a moment to be copied
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home)
    model = os.urandom(MIB) * 200
    (home.work / "model.bin").write_bytes(model)
    trainer = Trainer(home, COPIED, run_id)
    trainer.said("logged")

    # When the daemon is killed as soon as it has taken it over, and comes again
    daemon.kill()
    daemon.start()
    trainer.say()
    trainer.succeeds(120)

    # Then it arrives whole, once
    backend.finished(run_id, 120)
    assert content(backend, versions(backend, run_id)["model"], "model.bin") == model
    assert status(home)["dropped"] == {}


def snapshots(home: Home) -> list[Path]:
    """Files in the staging directory."""
    return [path for path in (home.state / "staging").rglob("*") if path.is_file()]


QUOTA = """
    import sys
    import wandbd as wandb

    run_id = sys.argv[1]
    run = wandb.init(project="e2e", id=run_id)
    for name in ("large", "small"):
        run.log({"logged": name})
        artifact = wandb.Artifact(f"{name}-{run_id}", type="model")
        try:
            artifact.add_file(f"{name}.bin")
            run.log_artifact(artifact)
        except Exception as error:
            print("raised", type(error).__name__, error, flush=True)
    run.log({"logged": "the rest"})
    run.finish()
"""


def test_a_full_staging_directory_costs_the_checkpoint_alone_and_says_what_to_do(
    make_home: Callable[..., Home], backend: Backend, run_id: str
) -> None:
    # Given a quota that is smaller than a checkpoint
    home = make_home(backend.environment() | {"WANDBD_AUTOSTART": "0"})
    Daemon(home, env={"WANDBD_STAGING_BYTES": str(MIB)})
    (home.work / "large.bin").write_bytes(weights(run_id, 4 * MIB))
    (home.work / "small.bin").write_bytes(weights(run_id, 1000))

    trainer = train(home, QUOTA, run_id)

    # Then training and metrics go on, smaller artifacts too, and one line says what is wrong and what to do
    backend.finished(run_id)
    assert all_rows(backend, run_id) == ["large", "small", "the rest"]
    assert set(versions(backend, run_id)) == {"small"}
    assert "WANDBD_STAGING_BYTES" in trainer.text(), trainer.text()
    assert not [line for line in trainer.lines if line.startswith("raised")], trainer.text()
    assert status(home)["staging_limit"] == MIB


LARGE = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1])
    artifact = wandb.Artifact(f"model-{sys.argv[1]}", type="model")
    artifact.add_file("model.bin", policy="immutable")
    run.log_artifact(artifact)
    run.log({"logged": "model"})
    run.finish()
"""
PART = 5 * MIB
PARTS = 8


def part(seen: Seen) -> str:
    """Which part of an upload a request carries; empty for others."""
    words = urlsplit(seen.target)
    return f"{words.path}?{words.query}" if seen.method == "PUT" and "part" in seen.target.lower() else ""


def test_a_daemon_that_is_killed_in_an_upload_in_parts_goes_on_with_the_parts_that_are_missing(
    make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a file that goes up in eight parts, of which the third one that comes hangs
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home, env={"WANDBD_UPLOAD_MAX_BYTES": str(PART)})
    model = os.urandom(PART * PARTS - 1000)
    (home.work / "model.bin").write_bytes(model)
    came: set[str] = set()

    def third(seen: Seen) -> bool:
        if part(seen):
            came.add(part(seen))
        return len(came) > 3 and bool(part(seen))

    chaos.inject(Fault("hang", ("upload",), times=PARTS, matching=third))
    train(home, LARGE, run_id)

    def there() -> list[str]:
        return [part(seen) for seen in chaos.seen("upload") if part(seen) and seen.status == 200]

    eventually(lambda: len(there()) == 3, 60, "three parts are there")
    noted(home, 3)

    # When the daemon is killed and comes again
    daemon.kill()
    chaos.heal()
    chaos.release()
    before = len(chaos.seen())
    daemon.start()

    # Then only what is missing is sent, and the file is whole
    backend.finished(run_id, 120)
    done = {part(seen) for seen in chaos.seen()[:before] if part(seen) and seen.status == 200}
    again = [part(seen) for seen in chaos.seen()[before:] if part(seen)]
    assert len(done) == 3
    assert len(again) == PARTS - 3, f"{len(again)} parts were sent after the kill"
    assert content(backend, versions(backend, run_id)["model"], "model.bin") == model
    assert not list(home.state.glob("runs/*/*.parts/*"))


def noted(home: Home, parts: int) -> None:
    """Wait until so many finished parts are noted on disk."""

    def all_of_them() -> bool:
        (note,) = home.state.glob("runs/*/*.parts/*.json")
        (upload,) = json.loads(note.read_text())["files"].values()
        return len(upload["done"]) >= parts

    eventually(all_of_them, 20, f"{parts} parts are noted")


def test_an_upload_address_that_has_expired_is_renewed(home: Home, backend: Backend, chaos: Chaos, run_id: str) -> None:
    # Given a store that refuses the first address of each file, as stores do when it is too old
    home.extra |= backend.environment(chaos.url)
    chaos.inject(
        Fault(
            "answer",
            ("upload",),
            times=2,
            status=403,
            body=b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
        )
    )
    (home.work / "model.bin").write_bytes(weights(run_id, MIB))

    train(home, LARGE, run_id)

    backend.finished(run_id, 120)
    assert chaos.pending() == 0
    assert content(backend, versions(backend, run_id)["model"], "model.bin") == weights(run_id, MIB)
    assert not [seen for seen in chaos.seen("upload") if seen.authorization]


TREE = """
    import sys
    import wandbd as wandb

    run = wandb.init(project="e2e", id=sys.argv[1])
    artifact = wandb.Artifact(f"tree-{sys.argv[1]}", type="data")
    artifact.add_dir("tree")
    run.log_artifact(artifact)
    run.log({"logged": "tree"})
    run.finish()
"""


@pytest.fixture
def tree(home: Home) -> Iterator[Path]:
    """A folder with all that does not belong into an artifact, and two files that do."""
    tree = home.work / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "a.txt").write_text("a")
    (tree / "deep/b.txt").write_text("b")
    (tree / "linked.txt").symlink_to("a.txt")
    (tree / "dangling").symlink_to("nowhere")
    (tree / "deep/loop").symlink_to("..")
    (tree / "self").symlink_to("self")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        here = os.getcwd()
        os.chdir(tree)  # A socket's path has to be short.
        end.bind("socket")
        os.chdir(here)
        yield tree


def test_a_folder_with_pipes_sockets_and_loops_of_links_is_logged_without_them_and_they_are_named(
    home: Home, backend: Backend, run_id: str, tree: Path
) -> None:
    trainer = train(home, TREE, run_id)

    backend.finished(run_id)
    version = versions(backend, run_id)["tree"]
    names = {file["name"] for file in version["files"]}
    assert {"a.txt", "deep/b.txt", "linked.txt"} <= names
    assert len([name for name in names if name.endswith("b.txt")]) <= 2, "a loop of links ends"
    assert not {"pipe", "socket", "dangling", "self"} & names, names
    told = "\n".join(trainer.errors)
    assert all(name in told for name in ("pipe", "socket", "dangling")), told
    assert json.dumps(all_rows(backend, run_id)) == '["tree"]'
