"""A run from `init` to `finish`, over a core that records."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import errors

KEY = "k" * 40


@pytest.fixture(autouse=True)
def _core(core: Any) -> Any:
    return core


def fields(core: Any) -> dict[str, Any]:
    found: dict[str, Any] = core.opened[-1].fields
    return found


def test_init_hands_everything_it_was_told_to_the_core(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(sys, "argv", ["train.py", "--token", "s3cret-s3cret", "--lr=1"])

    wandb.init(
        entity="me", project="p", id="abc", name="n", notes="o", tags=["t", "u"],
        config={"lr": 1.0, "inf": float("inf")}, group="g", job_type="j",
        settings={"x_label": "l", "x_stats_disk_paths": ["/data"]},
    )  # fmt: skip

    said = fields(core)
    assert {key: said[key] for key in ("entity", "project", "run_id", "display_name", "notes", "tag", "group")} == {
        "entity": "me", "project": "p", "run_id": "abc", "display_name": "n", "notes": "o", "tag": ["t", "u"],
        "group": "g",
    }  # fmt: skip
    assert said["job_type"] == "j"
    assert json.loads(said["config_json"]) == {"lr": 1.0, "inf": None}
    assert (said["server"]["api_key"], said["server"]["base_url"]) == (KEY, "https://api.wandb.ai")
    assert said["program"]["arg"] == ["--token", "***", "--lr=1"]
    assert said["program"]["cwd"] == os.getcwd()
    assert said["program"]["implementation"] == "CPython"
    assert said["stats"]["label"] == "l"
    assert said["stats"]["disk_path"] == ["/data"]
    assert said["feature"] == [13, 14, 15, 16, 69]
    assert (said["offline"], said["console"]) == (False, "wrap")
    assert re.fullmatch(rf"{os.getcwd()}/wandb/run-\d{{8}}_\d{{6}}-abc", said["folder"])
    assert core.configured["convert"]({1}) == [1]


def test_the_fields_are_those_of_the_contract(core: Any) -> None:
    proto = (Path(__file__).parents[3] / "proto" / "wandbd" / "v1" / "wandbd.proto").read_text()

    def names(message: str) -> set[str]:
        body = re.search(rf"message {message} {{(.*?)^}}", proto, re.S | re.M)
        assert body is not None
        return set(re.findall(r"(\w+) = \d+;", body.group(1)))

    core.answer = {"opened": True}
    wandb.init(mode="shared", fork_from="x?_step=3", settings={"console_multipart": True})
    said = fields(core)
    assert set(said) == names("OpenRun")
    for part, message in (("server", "Server"), ("program", "Program"), ("stats", "Stats"), ("fork_from", "Branch")):
        assert set(said[part]) == names(message)
    for part, message in (("console_files", "ConsoleFiles"), ("shared", "Shared")):
        assert set(said[part]) == names(message)


def test_a_run_has_wandbs_attributes(core: Any) -> None:
    core.info.update(entity="me", url="http://x/me/p/runs/abc", display_name="fair-sun-1")
    run = wandb.init(project="p", id="abc", notes="o", tags=("a",), group="g", job_type="j")
    assert (run.id, run.entity, run.project, run.path) == ("abc", "me", "p", "me/p/abc")
    assert (run.name, run.notes, run.tags, run.group, run.job_type) == ("fair-sun-1", "o", ("a",), "g", "j")
    assert (run.url, run.project_url) == ("http://x/me/p/runs/abc", "http://x/me/p")
    assert (run.offline, run.disabled, run.resumed, run.step) == (False, False, False, 0)
    assert (run.sweep_id, run.starting_step) == (None, 0)
    assert not os.path.exists("wandb")
    assert os.path.isdir(run.dir)
    assert run.dir == run.sync_dir + "/files"
    assert wandb.run is run


def test_reading_what_the_server_says_waits_once_and_not_again(core: Any) -> None:
    run = wandb.init()
    core.calls.clear()
    assert (run.name, run.entity, run.url) == (None, "", None)
    assert core.named("opened") == [(2.0,)]


def test_log_is_the_cores_own_method(core: Any) -> None:
    run = wandb.init()
    assert wandb.log.__self__ is core.opened[0]  # type: ignore[attr-defined]
    assert run.log.__self__ is core.opened[0]  # type: ignore[attr-defined]
    wandb.log({"a": 1})
    assert core.opened[0].rows == [{"a": 1}]


def test_names_tags_and_notes_can_change(core: Any) -> None:
    run = wandb.init()
    run.name, run.notes = "n", "o"
    run.tags += ("x",)
    assert core.named("update") == [({"display_name": "n"},), ({"notes": "o"},), ({"tags": ["x"]},)]
    assert (run.name, run.notes, run.tags) == ("n", "o", ("x",))
    with pytest.raises(AttributeError):
        run.foo = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("bad", ["a/b", "a:b", "a#b", "a?b", "a'b", "a,b", "a;b", " a", "a ", ""])
def test_a_bad_run_id_is_refused(bad: str) -> None:
    with pytest.raises(wandb.UsageError, match="Run ID cannot"):
        wandb.init(id=bad)


@pytest.mark.parametrize("bad", ["a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "x" * 129])
def test_a_bad_project_is_refused(bad: str) -> None:
    with pytest.raises(wandb.UsageError, match="Invalid project name"):
        wandb.init(project=bad)


def test_random_run_ids_have_eight_small_letters_and_digits() -> None:
    ids = set()
    for _ in range(50):
        run = wandb.init(mode="disabled")
        ids.add(run.id)
        run.finish()
    assert len(ids) == 50
    assert all(re.fullmatch("[0-9a-z]{8}", run_id) for run_id in ids)


@pytest.mark.parametrize(
    "argument",
    [
        {"settings": {"launch": True}},
    ],
)  # fmt: skip
def test_an_argument_that_is_not_built_is_refused_and_not_ignored(argument: dict[str, Any]) -> None:
    with pytest.raises(errors.UnsupportedError, match="does not provide"):
        wandb.init(**argument)
    assert wandb.run is None


def test_an_unknown_argument_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        wandb.init(foo=1)  # type: ignore[call-arg]


def test_arguments_that_left_wandb_are_accepted_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    wandb.init(magic=True, anonymous="allow")
    err = capsys.readouterr().err
    assert "`magic`" in err
    assert "`anonymous`" in err


def test_force_without_a_key_is_an_error() -> None:
    with pytest.raises(wandb.UsageError, match="No API key configured"):
        wandb.init(force=True)


def test_everything_before_init_says_that_init_comes_first() -> None:
    for touch, what in (
        (lambda: wandb.config.lr, r"wandb\.config\.lr"),
        (lambda: wandb.config["lr"], r"wandb\.config\['lr'\]"),
        (lambda: wandb.config.update({"a": 1}), r"wandb\.config\.update"),
        (lambda: setattr(wandb.config, "x", 1), r"wandb\.config\.x"),
        (lambda: wandb.summary["x"], r"wandb\.summary\['x'\]"),
        (lambda: wandb.log({"a": 1}), r"wandb\.log\(\)"),
        (lambda: wandb.define_metric("a"), r"wandb\.define_metric\(\)"),
        (lambda: wandb.log_artifact("a"), r"wandb\.log_artifact\(\)"),
    ):
        with pytest.raises(wandb.Error, match=rf"You must call wandb\.init\(\) before {what}"):
            touch()  # type: ignore[no-untyped-call]
    assert wandb.run is None
    wandb.finish()


def test_names_taken_before_init_mean_the_run_afterwards() -> None:
    from wandbd import config, log

    wandb.init(config={"lr": 1})
    assert config.lr == 1
    log({"a": 1})


def test_a_finished_run_refuses_writes_and_keeps_what_it_knows(core: Any) -> None:
    run = wandb.init(config={"a": 1}, id="abc")
    wandb.finish(exit_code=3)
    assert core.named("finish") == [("abc", 3, "ack", 5.0)]
    assert wandb.run is None
    assert run.config["a"] == 1
    for write in (lambda: run.log({"a": 1}), lambda: run.config.update({"b": 1}), lambda: run.define_metric("x")):
        with pytest.raises(wandb.UsageError, match=r"Run \(abc\) is finished"):
            write()
    run.finish()
    assert len(core.named("finish")) == 1


def test_a_with_block_ends_the_run_and_says_whether_it_failed(core: Any) -> None:
    with wandb.init(id="good"):
        pass
    with pytest.raises(ValueError, match="x"), wandb.init(id="bad"):
        raise ValueError("x")
    assert [call[:2] for call in core.named("finish")] == [("good", 0), ("bad", 1)]


def test_a_second_init_returns_the_run_that_is_there(capsys: pytest.CaptureFixture[str], core: Any) -> None:
    first = wandb.init(config={"a": 1})
    assert wandb.init(config={"b": 1}) is first
    assert "returning the previous run" in capsys.readouterr().err
    assert wandb.init(reinit=False) is first
    assert len(core.opened) == 1
    assert dict(first.config.items()) == {"a": 1}


def test_reinit_finishes_the_previous_run_or_makes_one_beside_it(core: Any) -> None:
    first = wandb.init(id="first")
    beside = wandb.init(id="beside", reinit="create_new")
    assert wandb.run is first
    beside.log({"x": 1})
    second = wandb.init(id="second", reinit="finish_previous")
    assert wandb.run is second
    assert [call[0] for call in core.named("finish")] == ["beside", "first"]


def test_the_environment_tells_children_about_the_run_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDBD_RUN", "outer")
    run = wandb.init(project="p", config={"a": 1}, settings={"api_key": KEY})
    told = json.loads(os.environ["WANDBD_RUN"])
    assert (told["run_id"], told["session"], told["project"], told["pid"]) == (run.id, run.session, "p", os.getpid())
    assert told["config"] == {"a": 1}
    assert KEY not in os.environ["WANDBD_RUN"]
    run.finish()
    assert os.environ["WANDBD_RUN"] == "outer"


# Terminal


def test_the_terminal_says_what_is_tracked_where_and_how_to_send_an_offline_run(
    core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = wandb.init(mode="offline")
    run.finish()
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.startswith("wandb: ") for line in err.splitlines())
    assert "Tracking run with wandbd version 0.0.fake" in err
    assert f"Run data is saved locally in {run.sync_dir}" in err
    assert f"wandb: wandbd sync {run.sync_dir}\n" in err
    assert fields(core)["offline"] is True
    assert "/offline-run-" in fields(core)["folder"]


def test_the_page_is_named_once_as_soon_as_it_is_known_and_at_the_end(
    core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = wandb.init()
    assert "View run" not in capsys.readouterr().err
    core.info.update(url="http://x/r", display_name="sun", state="LIVE")
    run.define_metric("a")
    run.define_metric("b")
    assert capsys.readouterr().err == "wandb: View run at http://x/r\n"
    run.finish()
    assert "View run sun at: http://x/r" in capsys.readouterr().err


def test_the_cores_messages_are_passed_on(core: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = wandb.init()
    core.pending_messages.append("no daemon")
    run.finish()
    assert capsys.readouterr().err.count("wandb: WARNING no daemon\n") == 1


@pytest.mark.parametrize(
    ("result", "line"),
    [
        ({"outcome": "spilled"}, "WARNING wandbd did not answer: the run is saved on this disk"),
        ({"outcome": "lost", "lost_rows": 7}, "ERROR 7 history rows could not be saved"),
        ({"outcome": "lost"}, "ERROR wandbd did not accept the run"),
        ({"dropped_rows": 3}, "WARNING 3 history rows were dropped"),
        ({"run": {"cause": "no credentials"}}, "WARNING Not uploaded yet: no credentials"),
    ],
)
def test_the_last_lines_say_what_a_person_has_to_know(
    core: Any, capsys: pytest.CaptureFixture[str], result: dict[str, Any], line: str
) -> None:
    run = wandb.init()
    core.result.update(result)
    run.finish()
    assert line in capsys.readouterr().err


def test_silent_says_nothing_and_quiet_little(
    core: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    core.info.update(url="http://x/r")
    with wandb.init(settings=wandb.Settings(silent=True)):
        core.pending_messages.append("something")
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("WANDB_QUIET", "true")
    with wandb.init():
        pass
    assert [line[7:18] for line in capsys.readouterr().err.splitlines()] == [
        "View run at",
        "View run " + wandb_id(core),
    ]


def wandb_id(core: Any) -> str:
    return str(core.opened[-1].run_id)[:2]


# Finish


@pytest.mark.parametrize(
    ("environ", "wait"),
    [
        ({}, "ack"), ({"WANDBD_FINISH": "delivered"}, "delivered"), ({"CI": "1"}, "delivered"),
        ({"SLURM_JOB_ID": "1"}, "delivered"), ({"KUBERNETES_SERVICE_HOST": "x"}, "delivered"),
        ({"CI": "1", "WANDBD_FINISH": "ack"}, "ack"),
    ],
)  # fmt: skip
def test_finish_waits_for_the_disk_or_where_the_machine_goes_away_for_the_server(
    core: Any, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], wait: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    wandb.init(id="a").finish()
    wandb.init(id="b", mode="offline").finish()
    assert core.named("finish") == [("a", 0, wait, 5.0 if wait == "ack" else 300.0), ("b", 0, "ack", 5.0)]


def test_the_time_limit_of_finish_can_be_set_and_can_raise(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDBD_FINISH", "delivered")
    monkeypatch.setenv("WANDB_FINISH_TIMEOUT", "7")
    core.result.update(outcome="timeout")
    wandb.init(id="a").finish()
    assert core.named("finish") == [("a", 0, "delivered", 7.0)]
    with pytest.raises(TimeoutError):
        wandb.init(settings={"finish_timeout_raises": True}).finish()


def test_ctrl_c_while_waiting_leaves_the_rest_to_the_daemon(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = wandb.init()

    def interrupted(*_: object) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(core.opened[0], "finish", interrupted)
    run.finish()
    assert wandb.run is None


# Disabled


def test_a_disabled_run_does_nothing_and_needs_no_core(monkeypatch: pytest.MonkeyPatch, core: Any) -> None:
    monkeypatch.setitem(sys.modules, "wandbd._core", None)
    run = wandb.init(mode="disabled", config={"lr": 1}, project="p")
    run.log({"a": 1, "n": {"x": 2}})
    run.summary["q"] = 3
    run.define_metric("a")
    assert (run.disabled, run.offline, run.url, run.entity, run.step) == (True, False, None, "dummy", 0)
    assert (run.summary["a"], run.summary.n.x, run.summary.q, run.config.lr) == (1, 2, 3, 1)
    Path("f.txt").write_text("x")
    artifact = wandb.Artifact("a", "b")
    artifact.add_file("f.txt")
    run.log_artifact(artifact)
    run.log_artifact("f.txt")
    run.finish()
    assert core.opened == []
    assert core.calls == []


# Config


def test_config_is_read_as_attribute_item_and_dict() -> None:
    config = wandb.init(config={"lr": 1, "n": {"x": 1}, "t": (1, 2)}).config
    assert (config.lr, config["lr"], config.get("nope", 5), "lr" in config) == (1, 1, 5, True)
    assert config.as_dict() == {"lr": 1, "n": {"x": 1}, "t": [1, 2]}
    assert (list(config.keys()), list(config)) == (["lr", "n", "t"], ["lr", "n", "t"])
    assert dict(config.items()) == dict(config) == config.as_dict()
    assert str(config) == "{'lr': 1, 'n': {'x': 1}, 't': [1, 2]}"
    with pytest.raises(AttributeError, match="nope"):
        _ = config.nope
    with pytest.raises(KeyError):
        _ = config["nope"]


def test_a_config_value_changes_only_with_leave_and_nothing_of_a_refused_update_is_kept(core: Any) -> None:
    config = wandb.init(config={"lr": 1}).config
    with pytest.raises(errors.ConfigError, match='Attempted to change value of key "lr" from 1 to 2'):
        config.update({"new": 1, "lr": 2})
    with pytest.raises(errors.ConfigError):
        config.lr = 3
    with pytest.raises(errors.ConfigError):
        config["lr"] = 3
    assert config.as_dict() == {"lr": 1}
    assert core.named("config") == []
    config.lr = 1
    config.update({"lr": 2}, allow_val_change=True)
    assert core.named("config") == [({"lr": 1}, []), ({"lr": 2}, [])]


def test_allow_val_change_of_init_holds_for_all_writes() -> None:
    config = wandb.init(config={"lr": 1}, allow_val_change=True).config
    config.lr = 2
    assert config.lr == 2


def test_config_takes_namespaces_defaults_and_files(core: Any) -> None:
    Path("c.json").write_text('{"a": {"value": 1, "desc": "x"}, "b": 2, "wandb_version": 1}')
    config = wandb.init(config="c.json").config
    config.update(argparse.Namespace(w=1))
    config.setdefaults({"a": 9, "q": 2})
    config["--dashed-"] = 1
    assert config.as_dict() == {"a": 1, "b": 2, "w": 1, "q": 2, "dashed": 1}
    assert core.named("config")[1] == ({"q": 2}, [])


def test_config_of_init_can_be_narrowed() -> None:
    values = {"a": 1, "b": 2, "c": 3}
    with wandb.init(config=values, config_include_keys=["a"]) as run:
        assert run.config.as_dict() == {"a": 1}
    with wandb.init(config=values, config_exclude_keys=["a"]) as run:
        assert run.config.as_dict() == {"b": 2, "c": 3}
    with pytest.raises(wandb.UsageError, match="at most only one of exclude or include"):
        wandb.init(config=values, config_include_keys=["a"], config_exclude_keys=["b"])


@pytest.mark.parametrize(("bad", "error"), [(3, TypeError), ({3: 4}, TypeError), ("none.yaml", errors.ConfigError)])
def test_a_config_that_cannot_be_is_refused(bad: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        wandb.init(config=bad)


# Summary


def test_the_summary_is_asked_from_the_daemon(core: Any) -> None:
    run = wandb.init()
    core.fetched = {"summary_json": '{"loss": 0.5, "nan": NaN, "n": {"x": {"y": 2}}}'}
    summary = run.summary
    assert (summary["loss"], summary.loss, summary.n.x.y, summary["n"]["x"]["y"]) == (0.5, 0.5, 2, 2)
    assert (summary.get("zz", 7), "loss" in summary, sorted(summary.keys())) == (7, True, ["loss", "n", "nan"])
    assert dict(summary)["loss"] == 0.5
    assert not hasattr(summary, "zz")
    with pytest.raises(KeyError):
        _ = summary["zz"]


def test_without_an_answer_the_summary_shows_what_this_process_logged_and_warns_once(
    core: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = wandb.init()
    run.log({"a": 1})
    assert run.summary["a"] == 1
    assert run.summary["a"] == 1
    assert capsys.readouterr().err.count("did not answer within 2 s") == 1


def test_summary_writes_are_explicit_and_replace_tables(core: Any) -> None:
    core.fetched = {"summary_json": '{"n": {"x": 1}, "a": 1}'}
    summary = wandb.init().summary
    summary["best"] = 1
    summary.update({"a": 2}, b=3)
    summary["n"] = {"z": 1}
    summary.n.x = 5
    del summary["a"]
    del summary.never
    assert core.named("summary") == [
        ({"best": 1}, []),
        ({"a": 2, "b": 3}, []),
        ({"n": {"z": 1}}, [["n"]]),
        ({"n": {"x": 5}}, []),
        ({}, [["a"]]),
        ({}, [["never"]]),
    ]


# Metrics


def test_define_metric_hands_over_words_and_checks_them(core: Any) -> None:
    run = wandb.init()
    epoch = run.define_metric("epoch", hidden=True)
    wandb.define_metric("val/*", step_metric=epoch, summary="min,max")
    assert core.named("define_metric")[1] == (
        "val/*",
        {"step_metric": "epoch", "step_sync": True, "hidden": False, "summary": ("min", "max"), "overwrite": False},
    )
    for bad, message in (
        ({"name": ""}, "non-empty name"),
        ({"name": 3}, "name type: int"),
        ({"name": "a*b"}, "glob suffixes only"),
        ({"name": "a", "summary": "best"}, "summary op: best"),
        ({"name": "a", "step_metric": 3}, "step_metric type: int"),
        ({"name": "a", "hidden": 3}, "hidden type: int"),
    ):
        with pytest.raises(wandb.Error, match=message):
            run.define_metric(**bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        run.define_metric("a", goal="min")  # type: ignore[call-arg]
