"""Damage, nonsense and full disks: each a clear message, and nothing else lost."""

import json
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Backend, Chaos, Daemon, Home, Trainer, eventually
from harness.daemon import accepts, command, run_status, status
from harness.places import SCRIPTS, WANDBD
from harness.trainer import run as train

LINE_LIMIT = 10_383_360

ROWS_SCRIPT = """
    import sys
    import wandbd as wandb
    run = wandb.init(project="e2e", id=sys.argv[1], settings=wandb.Settings(console="off"))
    for i in range(int(sys.argv[2])):
        run.log({"i": i, "word": f"row {i}"})
    run.finish()
"""


@pytest.fixture
def undelivered(make_home: Callable[..., Home], backend: Backend, chaos: Chaos) -> Callable[..., tuple[Home, Daemon]]:
    """Makes a home with journaled runs that no server has seen; the proxy is up again afterwards, the daemon ended."""

    def make(*run_ids: str, rows: int = 2_000) -> tuple[Home, Daemon]:
        home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
        chaos.down()
        daemon = Daemon(home)
        for run_id in run_ids:
            train(home, SCRIPTS / "paced.py", run_id, rows, 1.0)
        assert daemon.stop() == 0
        chaos.up()
        return home, daemon

    return make


def journal_of(home: Home, run_id: str) -> Path:
    """Return the journal of a run."""
    (found,) = [path for path in home.journals() if path.name == f"run-{run_id}.wandb"]
    return found


def flip(path: Path, place: int) -> None:
    """Turn one bit around."""
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def test_a_torn_journal_delivers_its_beginning_and_its_neighbour_everything(
    undelivered: Callable[..., tuple[Home, Daemon]], backend: Backend, run_id: str
) -> None:
    # Given two journals, one of them cut somewhere
    home, daemon = undelivered(f"{run_id}-torn", f"{run_id}-good")
    torn = journal_of(home, f"{run_id}-torn")
    whole = torn.stat().st_size
    os.truncate(torn, random.Random(run_id).randrange(whole // 2, whole - 10))

    # When a daemon starts
    daemon.start()

    # Then the torn one delivers a beginning without a hole, closed as failed; the other one is not touched by it
    run = backend.finished(f"{run_id}-torn")
    numbers = [row["i"] for row in backend.history(f"{run_id}-torn")]
    assert 0 < len(numbers) <= 2_000
    assert numbers == list(range(len(numbers)))
    assert run["exitcode"] == 1
    assert backend.finished(f"{run_id}-good")["exitcode"] == 0
    assert [row["i"] for row in backend.history(f"{run_id}-good")] == list(range(2_000))


def test_a_journal_cut_in_its_first_bytes_is_named_and_harms_nobody(
    undelivered: Callable[..., tuple[Home, Daemon]], backend: Backend, run_id: str
) -> None:
    # Given a journal of which only three bytes are left, one of another file type, and one that is empty
    home, daemon = undelivered(f"{run_id}-short", f"{run_id}-other", f"{run_id}-empty", f"{run_id}-good", rows=100)
    os.truncate(journal_of(home, f"{run_id}-short"), 3)
    journal_of(home, f"{run_id}-other").write_bytes(b"PNG not a journal at all" * 100)
    os.truncate(journal_of(home, f"{run_id}-empty"), 0)

    # When a daemon starts, then the good one arrives
    daemon.start()
    assert backend.finished(f"{run_id}-good")["historyLineCount"] == 100

    # And the log names the bad ones
    eventually(lambda: f"run-{run_id}-other.wandb" in daemon.text(), 10, "the log names the foreign file")
    assert f"run-{run_id}-short.wandb" in daemon.text()
    assert accepts(home)


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_costs_only_what_lies_in_its_block(
    seed: int, undelivered: Callable[..., tuple[Home, Daemon]], backend: Backend, run_id: str
) -> None:
    # Given a journal of several blocks with one wrong bit in the middle
    name = f"{run_id}-{seed}"
    home, daemon = undelivered(name, rows=4_000)
    journal = journal_of(home, name)
    size = journal.stat().st_size
    assert size > 5 * 32768
    flip(journal, random.Random(seed).randrange(2 * 32768, size - 2 * 32768))

    # When a daemon starts
    daemon.start()

    # Then most rows arrive, in order, each as it was, and the damage is reported with the file's name
    backend.finished(name)
    rows = backend.history(name)
    numbers = [row["i"] for row in rows]
    assert numbers == sorted(set(numbers))
    assert all(row["name"] == f"row {row['i']}" for row in rows)
    assert 4_000 > len(numbers) > 4_000 * (1 - 3 * 32768 / size), len(numbers)
    assert journal.name in daemon.text()


@pytest.mark.parametrize("damage", ["flipped", "truncated", "emptied", "removed", "nonsense"])
def test_a_damaged_cursor_neither_loses_nor_doubles_a_row(
    damage: str, make_home: Callable[..., Home], backend: Backend, chaos: Chaos, run_id: str
) -> None:
    # Given a run that was partly delivered when its daemon was killed
    name = f"{run_id}-{damage}"
    home = make_home(backend.environment(chaos.url) | {"WANDBD_AUTOSTART": "0"})
    daemon = Daemon(home)
    trainer = Trainer(home, SCRIPTS / "paced.py", name, 60_000, 60.0)
    eventually(lambda: (found := backend.find(name)) and found["historyLineCount"] > 0, 30, "some rows are delivered")
    chaos.down()
    daemon.kill()
    trainer.kill()
    (cursor,) = home.journals()[0].parent.glob("*.cursor")

    # When its cursor is damaged
    if damage == "flipped":
        flip(cursor, cursor.stat().st_size // 2)
    elif damage == "truncated":
        os.truncate(cursor, cursor.stat().st_size // 2)
    elif damage == "emptied":
        os.truncate(cursor, 0)
    elif damage == "removed":
        cursor.unlink()
    else:
        cursor.write_bytes(b'{"position": "everywhere"}')

    # Then the next daemon delivers each row once
    chaos.up()
    daemon.start()
    run = backend.finished(name)
    numbers = [row["i"] for row in backend.history(name)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= int(trainer.last("acked ") or 0)
    assert not run["violations"]


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("unshare") is None, reason="only root can mount a small disk in a namespace")
def test_a_full_disk_is_named_and_when_there_is_room_again_everything_arrives(home: Home, backend: Backend, run_id: str) -> None:
    # Given a state directory on a disk of 6 MB that is all but full
    home.extra["WANDBD_AUTOSTART"] = "0"
    base = home.root / "state"
    base.mkdir(mode=0o700)
    mount = f'mount -t tmpfs -o size=6m,mode=0700 tmpfs {base} && head -c 5500000 /dev/zero > {base}/ballast && exec "$@"'
    daemon = Daemon(home, wrapper=("unshare", "-m", "sh", "-c", mount, "sh"))

    # When a run logs more than fits
    trainer = Trainer(home, SCRIPTS / "watched.py", run_id)
    trainer.said("ready")
    trainer.say("log 30000")
    trainer.said("logged", 60)

    # Then the daemon lives and says what is wrong, the trainer goes on
    eventually(lambda: "No space left" in daemon.text(), 20, "the log says that the disk is full")
    assert daemon.text().count("No space left") < 20, "it says so again and again"
    assert status(home)["pid"]
    trainer.say("log 1000")
    trainer.said('logged {"rss"', 60)

    # And when there is room again, all rows arrive
    os.unlink(f"/proc/{daemon.pid}/root{base}/ballast")
    enlarge = ["nsenter", f"--mount=/proc/{daemon.pid}/ns/mnt", "mount", "-o", "remount,size=64m", str(base)]
    assert os.spawnvp(os.P_WAIT, enlarge[0], enlarge) == 0
    trainer.say("finish")
    trainer.succeeds(60)
    run = backend.finished(run_id)
    assert [row["_step"] for row in backend.history(run_id)] == list(range(31_000))
    assert run["exitcode"] == 0


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("environment", "WANDBD_KEEP_DAYS=soon"),
        ("file", "nonsense_key = 1"),
        ("file", 'keep_days = "soon"'),
        ("file", "this is not TOML ["),
    ],
)
def test_a_wrong_config_value_ends_the_start_with_a_line_that_names_it(where: str, what: str, home: Home, tmp_path: Path) -> None:
    # Given a wrong value
    file = tmp_path / "wandbd.toml"
    file.write_text(what + "\n" if where == "file" else "")
    env = dict([what.split("=", 1)]) if where == "environment" else {}

    # When the daemon is to serve with it
    tried = command(home, "serve", "--config", str(file), env=env, limit_s=20)

    # Then it does not, nothing was bound, and one line says why
    assert tried.returncode not in (0, 101), tried.stderr
    named = [str(file), "nonsense_key", "keep_days"] if where == "file" else ["keep-days", "WANDBD_KEEP_DAYS"]
    assert any(name in tried.stderr for name in named), tried.stderr
    assert home.socket is None


def test_sync_names_what_is_no_journal_and_delivers_what_is(
    undelivered: Callable[..., tuple[Home, Daemon]], backend: Backend, run_id: str, tmp_path: Path
) -> None:
    # Given a foreign file, and an offline run
    home, daemon = undelivered()
    daemon.start()
    train(home, ROWS_SCRIPT, run_id, 50, env={"WANDB_MODE": "offline"} | backend.environment())
    (folder,) = (home.work / "wandb").glob("offline-run-*")
    foreign = tmp_path / "notes.wandb"
    foreign.write_text("a shopping list\n" * 100)

    # When both are to be sent
    tried = command(home, "sync", str(foreign), str(folder), env=backend.environment(), limit_s=90)

    # Then the bad one is named, the good one arrives, and the exit status tells that something failed
    assert tried.returncode != 0
    assert str(foreign) in tried.stdout + tried.stderr
    assert backend.finished(run_id)["historyLineCount"] == 50


def test_sync_of_a_path_that_does_not_exist_says_so(home: Home, tmp_path: Path) -> None:
    tried = command(home, "sync", str(tmp_path / "missing.wandb"))
    assert tried.returncode not in (0, 101)
    assert str(tmp_path / "missing.wandb") in tried.stdout + tried.stderr


def test_a_row_over_the_line_limit_loses_only_its_largest_value(home: Home, backend: Backend, run_id: str) -> None:
    # When a row is logged that no W&B server takes
    script = f"""
        import wandbd as wandb
        run = wandb.init(project="e2e", id="{run_id}")
        run.log({{"i": 0}})
        run.log({{"i": 1, "huge": "x" * {LINE_LIMIT + 10}, "word": "kept"}})
        run.log({{"i": 2}})
        run.finish()
    """
    daemon = Daemon(home)
    trainer = train(home, script)

    # Then only its largest value is missing, and one warning names it
    backend.finished(run_id)
    rows = backend.history(run_id)
    assert [row["i"] for row in rows] == [0, 1, 2]
    assert rows[1]["word"] == "kept"
    assert "huge" not in rows[1]
    said = [line for line in trainer.errors + daemon.text().splitlines() if "huge" in line]
    assert said, trainer.text() + daemon.text()


def test_odd_keys_arrive_as_they_are(home: Home, backend: Backend, run_id: str, tmp_path: Path) -> None:
    # When rows have keys that nobody would choose
    keys = [
        "a.b",
        "a/b",
        "with space",
        "日本語",
        'quo"te',
        "back\\slash",
        "new\nline",
        "tab\t",
        "emoji 🦀",
        "x" * 300,
        "1",
        "-",
        "__proto__",
        "system.cpu",
    ]
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(keys))
    script = f"""
        import json, wandbd as wandb
        keys = json.load(open({str(file)!r}))
        run = wandb.init(project="e2e", id="{run_id}", config={{key: key for key in keys}})
        for number, key in enumerate(keys):
            run.log({{key: number}})
        run.finish()
    """
    train(home, script)

    # Then each arrives literally
    run = backend.finished(run_id)
    rows = backend.history(run_id)
    assert [row.get(key) for row, key in zip(rows, keys, strict=True)] == list(range(len(keys)))
    # In names of the config W&B strips dashes, which leaves nothing of this one.
    keys.remove("-")
    assert {key: run["config"].get(key) for key in keys} == {key: key for key in keys}


def test_values_that_are_not_finite_arrive_as_they_are(home: Home, backend: Backend, run_id: str) -> None:
    # When a row holds what JSON does not know
    script = f"""
        import wandbd as wandb
        run = wandb.init(project="e2e", id="{run_id}")
        run.log({{"a": float("nan"), "b": float("inf"), "c": -float("inf"), "d": [1.0, float("nan")], "i": 2**70}})
        run.finish()
    """
    train(home, script)

    # Then the row does, too
    backend.finished(run_id)
    (row,) = backend.history(run_id)
    assert row["a"] != row["a"]
    assert (row["b"], row["c"]) == (float("inf"), -float("inf"))
    assert row["d"][1] != row["d"][1]
    assert row["i"] == 2**70


def test_a_step_that_goes_back_is_refused_with_both_steps_named(home: Home, backend: Backend, run_id: str) -> None:
    # When steps are 5, 5, 3, 9 and then the next
    script = f"""
        import wandbd as wandb
        run = wandb.init(project="e2e", id="{run_id}")
        run.log({{"a": 1}}, step=5)
        run.log({{"b": 2}}, step=5)
        run.log({{"back": 3}}, step=3)
        run.log({{"c": 4}}, step=9, commit=True)
        run.log({{"d": 5}})
        run.finish()
    """
    trainer = train(home, script)

    # Then only the third call is missing, and a warning names both steps
    backend.finished(run_id)
    rows = backend.history(run_id)
    assert [(row["_step"], row.get("a"), row.get("b"), row.get("c"), row.get("d")) for row in rows] == [
        (5, 1, 2, None, None),
        (9, None, None, 4, None),
        (10, None, None, None, 5),
    ]
    assert not any("back" in row for row in rows)
    said = [line for line in trainer.errors if "3" in line and "5" in line and "step" in line]
    assert said, trainer.text()


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [
        ("run.log(7)", "TypeError", "dict"),
        ("run.log({3: 1})", "TypeError", "3"),
        ("run.log({'a': object()})", "TypeError", "object"),
        ("run.log({'a': 1}, step='two')", "TypeError", "two"),
        ("wandb.init(id='a/b')", "UsageError", "/"),
        ("wandb.init(project='a/b')", "UsageError", "a/b"),
        ("wandb.init(nonsense=1)", "TypeError", "nonsense"),
        ("wandb.sweep({})", "AttributeError", "sweep"),
        ("run.no_such_thing", "AttributeError", "no_such_thing"),
    ],
)
def test_wrong_calls_raise_at_once_and_name_what_is_wrong(
    call: str, error: str, named: str, home: Home, backend: Backend, run_id: str
) -> None:
    # When something is called wrongly
    script = f"""
        import wandbd as wandb
        def init():
            return wandb.init(project="e2e", id="{run_id}", settings=wandb.Settings(console="off"))
        run = {"None" if call.startswith("wandb.init") else "init()"}
        try:
            {call}
        except Exception as error:
            print("raised", type(error).__name__, error)
        run = run or init()
        run.log({{"after": 1}})
        run.finish()
    """
    home.extra["WANDB_MODE"] = "offline"
    trainer = train(home, script)

    # Then the exception says so, and the run goes on
    raised = trainer.said("raised") if trainer.last("raised") is not None else ""
    kind, _, text = raised.partition(" ")
    assert kind == error, f"raised {raised!r}"
    assert any(word in text for word in named.split("|")), text


def test_garbage_on_the_socket_ends_that_connection_only(home: Home, backend: Backend, run_id: str) -> None:
    # Given a daemon to which somebody talks nonsense
    import socket

    Daemon(home)
    path = home.socket
    assert path is not None
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">I", 0xFFFFFFFF) * 100):
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(str(path))
            end.sendall(garbage)

    # When a trainer comes, then it is served
    train(home, ROWS_SCRIPT, run_id, 20)
    assert backend.finished(run_id)["historyLineCount"] == 20
    assert run_status(home, run_id)["rows"] == 20


def test_an_unknown_command_or_option_is_refused_with_usage(home: Home) -> None:
    for words in (["fly"], ["serve", "--fast"], ["retry"]):
        tried = command(home, *words)
        assert tried.returncode == 2, (words, tried)
        assert "Usage" in tried.stderr or "usage" in tried.stderr
    assert WANDBD.exists()
