"""The embedded backend is kept honest by the real SDK: what `wandb` and `wandbd` log to it, `wandb.Api()` reads back."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Backend, Home, Trainer, eventually
from harness.places import SCRIPTS
from harness.sdk import read_back
from harness.trainer import run as train
from harness.whole import arrived, rows_of, users_part

ROWS = 50


@pytest.mark.parametrize("module", ["wandb", "wandbd"])
def test_the_public_api_reads_back_all_that_was_logged_through(module: str, home: Home, backend: Backend, run_id: str) -> None:
    # When the same script logs through one of the two
    name = f"{run_id}-{module}"
    train(home, SCRIPTS / "whole.py", name, ROWS, module, limit_s=120)
    run = arrived(backend, name, ROWS)

    # Then the real API reads history, config, summary, files and artifacts
    read = read_back(home, backend, name)
    rows = [{key: value for key, value in row.items() if value is not None} for row in read["history"]]
    assert [users_part(row) for row in rows] == rows_of(ROWS)
    assert read["lastHistoryStep"] == len(rows) - 1
    assert len(read["sampled"]) == len(rows)
    assert read["state"] == "finished"
    assert read["name"] == f"name of {name}"
    assert read["tags"] == ["one", "two"]
    assert (read["config"]["lr"], read["config"]["deep"], read["config"]["late"]) == (0.1, {"a": [1, 2]}, True)
    assert read["summary"]["verdict"] == "good"
    assert {file["name"] for file in run["files"]} == set(read["files"])
    (artifact,) = [found for found in read["artifacts"].items() if found[1]["type"] == "model"]
    assert artifact[0] == f"model-{name}:v0"
    content = b"weights of " + name.encode() + b"\0" * 1000
    assert artifact[1]["files"] == {f"model-{name}.bin": hashlib.sha256(content).hexdigest()}
    assert artifact[1]["metadata"] == {"rows": ROWS}


def test_both_sdks_leave_the_same_run(home: Home, backend: Backend, run_id: str) -> None:
    # When the same script logs through both
    names = [f"{run_id}-{module}" for module in ("wandb", "wandbd")]
    for module, name in zip(("wandb", "wandbd"), names, strict=True):
        train(home, SCRIPTS / "whole.py", name, ROWS, module, limit_s=120)
        arrived(backend, name, ROWS)

    # Then what users see is the same
    theirs, ours = (read_back(home, backend, name) for name in names)
    volatile = ("_timestamp", "_runtime")
    strip = [[{k: v for k, v in row.items() if k not in volatile} for row in read["history"]] for read in (theirs, ours)]
    assert strip[0] == strip[1]
    assert {k: v for k, v in theirs["config"].items() if k != "_wandb"} == {k: v for k, v in ours["config"].items() if k != "_wandb"}
    kept = [{k: v for k, v in read["summary"].items() if k not in (*volatile, "_wandb")} for read in (theirs, ours)]
    assert kept[0] == kept[1]
    assert set(theirs["files"]) <= set(ours["files"]), (sorted(theirs["files"]), sorted(ours["files"]))
    # `define_metric` means the same chart axis.
    axes = [sorted(_axes(backend.run(name)["config"])) for name in names]
    assert axes[0] == axes[1]


def _axes(config: dict[str, object]) -> list[str]:
    about = config.get("_wandb")
    assert isinstance(about, dict), config
    metrics = about.get("value", about).get("m", [])
    named = []
    for metric in metrics:
        step = metric.get("5")
        axis = metrics[step - 1].get("1") if step else None
        named.append(f"{metric.get('1') or metric.get('2')} over {axis}")
    return named


QUIET = {"WANDB_SILENT": "true", "WANDB_X_DISABLE_STATS": "true"}


def say(home: Home, script: str, *arguments: object) -> dict[str, Any]:
    """Run a script with the real SDK to its end and return the JSON that it prints after `said`."""
    said: dict[str, Any] = json.loads(train(home, script, *arguments, env=QUIET, limit_s=120).said("said "))
    return said


LOG_FIVE = """
    import sys, wandb
    run = wandb.init(project="e2e", id=sys.argv[1], config={"lr": 0.1, "old": 1}, tags=["a"], notes="n", group="g", job_type="j")
    for step in range(5):
        run.log({"loss": 1 / (step + 3), "deep": {"x": step}})
    print("first", flush=True)
    run.finish()
    print('said {}')
"""

READ = """
    import json, sys, wandb
    api = wandb.Api()
    run = api.run("local/e2e/" + sys.argv[1])
    print("said", json.dumps({
        "rows": [[row["_step"], row.get("loss")] for row in run.scan_history()],
        "keyed": [row["loss"] for row in run.scan_history(keys=["loss"], min_step=1, max_step=4, page_size=2)],
        "sampled": [row["deep.x"] for row in run.history(keys=["deep.x"], samples=100, pandas=False)],
        "few": len(run.history(samples=2, pandas=False)),
        "last": run.lastHistoryStep, "state": run.state, "config": run.config, "summary": run.summary._json_dict, "tags": run.tags,
        "notes": run.notes, "group": run.group, "job_type": run.job_type, "name": run.name,
        "console": [line.content for line in run.console_logs()], "metadata": sorted(run.metadata or {}),
    }))
"""


def test_the_public_api_samples_scans_and_describes_a_run(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run of the real SDK
    say(home, LOG_FIVE, run_id)

    # When the real API reads it
    read = say(home, READ, run_id)

    # Then each way of reading gives the rows that it is meant to give, to the last bit
    losses = [1 / (step + 3) for step in range(5)]
    assert read["rows"] == [list(row) for row in enumerate(losses)]
    assert read["keyed"] == losses[1:4]
    assert read["sampled"] == [0, 1, 2, 3, 4]
    assert read["few"] == 2
    assert (read["last"], read["state"]) == (4, "finished")
    assert (read["notes"], read["group"], read["job_type"], read["tags"]) == ("n", "g", "j", ["a"])
    assert read["console"] == ["first"]
    assert "python" in read["metadata"]


def test_the_public_api_changes_a_run_and_its_files(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run
    say(home, LOG_FIVE, run_id)

    # When the real API changes it
    script = """
        import json, sys, wandb
        path = "local/e2e/" + sys.argv[1]
        run = wandb.Api().run(path)
        run.name, run.notes, run.tags, run.group = "renamed", "", [], "other"
        run.config["lr"] = 0.5
        run.update()
        run.summary.update({"verdict": {"good": True}})
        open("late.txt", "w").write("late")
        size = run.upload_file("late.txt").size
        names = [file.name for file in run.files(pattern="%.txt")]
        text = run.file("late.txt").download(root="down").read()
        run.file("late.txt").delete()
        left = [file.name for file in wandb.Api().run(path).files(pattern="late%")]
        found = [found.id for found in wandb.Api().runs("local/e2e", {"$and": [{"group": "other"}, {"config.lr": 0.5}, {"name": run.id}]})]
        print("said", json.dumps({"size": size, "names": names, "text": text, "left": left, "found": found}))
    """
    changed = say(home, script, run_id)

    # Then all is as it was asked for
    assert changed == {"size": 4, "names": ["late.txt", "requirements.txt"], "text": "late", "left": [], "found": [run_id]}
    run = say(home, READ, run_id)
    assert (run["name"], run["notes"] or "", run["tags"], run["group"], run["job_type"]) == ("renamed", "", [], "other", "j")
    assert run["config"] == {"lr": 0.5, "old": 1}
    assert run["summary"]["verdict"] == {"good": True}
    assert run["state"] == "finished"

    # And a deleted run is gone
    say(home, "import sys, wandb; wandb.Api().run('local/e2e/' + sys.argv[1]).delete(); print('said {}')", run_id)
    assert backend.find(run_id) is None


def test_the_real_sdk_resumes_forks_and_rewinds(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run
    say(home, LOG_FIVE, run_id)
    go_on = """
        import json, sys, wandb
        how = json.loads(sys.argv[1])
        run = wandb.init(project="e2e", config={"new": 2}, **how)
        run.log({"loss": 9})
        run.finish()
        print('said {}')
    """

    # When it is resumed, forked and rewound
    say(home, go_on, json.dumps({"id": run_id, "resume": "must"}))
    resumed = say(home, READ, run_id)
    say(home, go_on, json.dumps({"id": f"{run_id}-fork", "fork_from": f"{run_id}?_step=2"}))
    forked = say(home, READ, f"{run_id}-fork")
    say(home, go_on, json.dumps({"id": run_id, "resume_from": f"{run_id}?_step=1"}))
    rewound = say(home, READ, run_id)

    # Then the rows go on where each of them begins
    losses = [[step, 1 / (step + 3)] for step in range(5)]
    assert resumed["rows"] == [*losses, [5, 9]]
    assert resumed["config"] == {"lr": 0.1, "old": 1, "new": 2}
    assert (resumed["tags"], resumed["notes"]) == (["a"], "n")
    assert forked["rows"] == [*losses[:3], [3, 9]]
    assert rewound["rows"] == [*losses[:2], [2, 9]]
    assert {name: backend.run(name)["violations"] for name in (run_id, f"{run_id}-fork")} == {run_id: {}, f"{run_id}-fork": {}}


def test_a_stopped_run_is_interrupted_and_was_killed(home: Home, backend: Backend, run_id: str) -> None:
    # Given a run of the real SDK in the middle of its training
    script = """
        import sys, time, wandb
        run = wandb.init(project="e2e", id=sys.argv[1], settings=wandb.Settings(x_file_stream_transmit_interval=1))
        print("started", flush=True)
        while True:
            run.log({"a": 1})
            time.sleep(0.2)
    """
    trainer = Trainer(home, script, run_id, env=QUIET)
    trainer.said("started")

    # When the real API asks it to stop, then it gets its interrupt and ends as killed
    say(home, "import sys, wandb; wandb.Api().run('local/e2e/' + sys.argv[1]).stop(); print('said {}')", run_id)
    trainer.wait(60)
    assert any("KeyboardInterrupt" in line for line in trainer.errors), trainer.text()
    state = eventually(lambda: (run := backend.find(run_id)) and run["state"] != "running" and run["state"], 30, "the run has ended")
    assert state == "killed"
    assert backend.run(run_id)["exitcode"] == 255


def test_writers_that_share_a_run_make_one_history(home: Home, backend: Backend, run_id: str) -> None:
    # Given two writers of one run in shared mode
    script = """
        import sys, wandb
        name, me = sys.argv[1:]
        first = me == "a"
        settings = wandb.Settings(mode="shared", x_label=me, x_primary=first, x_update_finish_state=first)
        run = wandb.init(project="e2e", id=name, settings=settings)
        print("from", me, flush=True)
        for number in range(5):
            run.log({me: number})
        sys.stdin.readline()
        run.finish()
    """
    writers = []
    for me in ("a", "b"):
        writers.append(Trainer(home, script, run_id, me, env=QUIET))
        writers[-1].said("from")

    # When they end, the primary one last
    for writer in reversed(writers):
        writer.say()
        writer.succeeds()

    # Then all their rows, lines and values are in the run
    run = backend.finished(run_id)
    rows = backend.history(run_id)
    assert {me: sorted(row[me] for row in rows if me in row) for me in "ab"} == {"a": list(range(5)), "b": list(range(5))}
    assert (run["state"], run["violations"]) == ("finished", {})
    assert (run["summary"]["a"], run["summary"]["b"]) == (4, 4)
    assert sorted(backend.console(run_id).splitlines()) == ["from a", "from b"]


def _token() -> str:
    claims = ({"alg": "none"}, {"sub": "t", "exp": 4e9})
    parts = [base64.urlsafe_b64encode(json.dumps(claim).encode()).decode().rstrip("=") for claim in claims]
    return ".".join([*parts, "c2ln"])


@pytest.fixture
def strict() -> Iterator[Backend]:
    """A backend with W&B's limits, identity tokens that live for seconds, and without structured consoles."""
    home = Home()
    data = home.root / "backend"
    data.mkdir(mode=0o700)
    rules = {
        "posts_per_second_per_run": 2,
        "posts_per_second_per_project": 500,
        "identity_tokens": [_token()],
        "access_token_s": 302,
        "disabled_features": ["STRUCTURED_CONSOLE_LOGS"],
    }
    (data / "rules.json").write_text(json.dumps(rules))
    server = Backend(home, data)
    yield server
    server.stop()
    home.close()


def test_the_real_sdk_logs_in_with_an_identity_token_and_keeps_the_limits(strict: Backend, run_id: str, tmp_path: Path) -> None:
    # Given a trainer that has an identity token and no key
    token = tmp_path / "token"
    token.write_text(_token())
    home = Home({"WANDB_BASE_URL": strict.url, "WANDB_IDENTITY_TOKEN_FILE": str(token)})

    # When it logs to a backend whose access tokens are soon to be renewed
    script = """
        import sys, time, wandb
        run = wandb.init(project="e2e", id=sys.argv[1], settings=wandb.Settings(x_file_stream_transmit_interval=1))
        for step in range(20):
            run.log({"a": step})
            time.sleep(0.2)
        print("plain", flush=True)
        run.finish()
        print('said {}')
    """
    say(home, script, run_id)
    home.close()

    # Then the run is whole, by more than one token, without a broken rule, and its console is of the plain kind
    assert [row["a"] for row in strict.history(run_id)] == list(range(20))
    assert strict.get("/api/server")["tokenExchanges"] > 1
    assert strict.get("/api/violations") == {}
    (line,) = strict._lines(run_id, "console")
    assert (line["text"], line["level"]) == ("plain", "")
