"""Files of a run, and what else a script can say about it."""

from __future__ import annotations

import datetime
import logging
import os
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb


@pytest.fixture
def run(core: Any) -> Any:
    return wandb.init(project="p", settings={"silent": True})


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_saved_files_are_linked_into_the_runs_folder_and_their_places_returned(core: Any, run: Any) -> None:
    make("out/a.txt", "out/deep/b.txt")
    places = wandb.save("out/*.txt")
    assert places == [os.path.join(run.dir, "out/a.txt")]
    assert os.readlink(places[0]) == os.path.abspath("out/a.txt")
    assert core.named("save") == [([("out/a.txt", os.path.abspath("out/a.txt"))], "live")]


def test_the_base_path_says_which_folders_are_kept(core: Any, run: Any) -> None:
    make("x/y/a.txt")
    assert run.save("x/y/a.txt", base_path="x", policy="now") == [os.path.join(run.dir, "y/a.txt")]
    assert run.save(os.path.abspath("x/y/*"), policy="end") == [os.path.join(run.dir, "y/a.txt")]
    assert [(files[0][0], policy) for files, policy in core.named("save")] == [("y/a.txt", "now"), ("y/a.txt", "end")]


def test_a_file_that_was_put_into_the_runs_folder_is_saved_from_there(core: Any, run: Any) -> None:
    Path(run.dir, "model.h5").write_text("m")
    assert run.save("model.h5") == [os.path.join(run.dir, "model.h5")]
    assert core.named("save") == [([("model.h5", os.path.join(run.dir, "model.h5"))], "live")]


def test_names_with_brackets_are_taken_literally_on_demand(core: Any, run: Any) -> None:
    make("a[1].txt")
    assert run.save("a[1].txt") == []
    assert run.save("a[1].txt", glob=False) == [os.path.join(run.dir, "a[1].txt")]


def test_without_links_a_copy_is_saved_once(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", no)
    make("a.txt")
    run = wandb.init(settings={"symlink": False, "silent": True})
    (place,) = run.save("a.txt")
    assert not os.path.islink(place)
    assert core.named("save") == [([("a.txt", place)], "now")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"glob_str": "a", "policy": "later"}, "policies are currently supported"),
        ({"glob_str": "../a"}, "may not walk above"), ({"glob_str": "*"}, "may not start with"),
        ({"glob_str": "a", "base_path": "a"}, "cannot be the same"),
    ],
)  # fmt: skip
def test_what_cannot_be_saved_is_refused(run: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run.save(**arguments)


def test_a_disabled_run_saves_nothing_and_says_false() -> None:
    run = wandb.init(mode="disabled")
    make("a")
    assert run.save("a") is False
    assert (run.restore("a"), run.log_code(), run.alert("a", "b"), run.mark_preempting()) == (None, None, None, None)


def test_a_file_is_restored_from_this_run_or_another(core: Any, run: Any) -> None:
    core.restored.update(found=True, text="hello")
    os.makedirs(os.path.join(run.dir, "sub"))
    with wandb.restore("sub/f.txt") as file:  # type: ignore[union-attr]
        assert (file.read(), file.name) == ("hello", os.path.join(run.dir, "sub/f.txt"))
    assert core.named("restore")[0][:4] == (None, run.session, "", "sub/f.txt")
    wandb.restore("sub/f.txt").close()  # type: ignore[union-attr]
    assert len(core.named("restore")) == 1, "it is there already"
    wandb.restore("g", run_path="e/p/id", root=".", replace=True).close()  # type: ignore[union-attr]
    assert core.named("restore")[1][1:] == ("", "e/p/id", "g", os.path.abspath("g"))


def test_what_cannot_be_restored_is_an_error(core: Any, run: Any) -> None:
    core.restored.update(message="file not found")
    with pytest.raises(ValueError, match="File f not found"):
        run.restore("f")
    core.restored.update(message="connection refused")
    with pytest.raises(wandb.CommError, match="connection refused"):
        run.restore("f")
    run.finish()
    with pytest.raises(ValueError, match="run_path required"):
        wandb.restore("f")


def test_source_files_are_an_artifact_of_code(core: Any, run: Any) -> None:
    make("a.py", "requirements.txt", "data.csv", "wandb/x.py", "sub/b.py")
    artifact = run.log_code()
    assert artifact.type == "code"
    assert artifact.name.startswith("source-p-")
    (call,) = core.named("log_artifact")
    assert sorted(path for path, _, _ in call[0]["file"]) == ["a.py", "requirements.txt", "sub/b.py"]
    assert core.named("config") == [({"_wandb": {"code_path": artifact.name}}, [])]
    only = run.log_code(name="n", include_fn=lambda path: path.endswith(".csv"), exclude_fn=lambda path, root: False)
    assert only.name == "n"
    assert run.log_code(include_fn=lambda path: False) is None


def test_alerts_have_a_level_and_a_waiting_time(core: Any, run: Any) -> None:
    run.alert("t", "x")
    wandb.alert("t", "x", level=wandb.AlertLevel.WARN, wait_duration=datetime.timedelta(minutes=5))
    run.alert("t", "x", "ERROR", 2)
    assert core.named("alert") == [("t", "x", "INFO", 60.0), ("t", "x", "WARN", 300.0), ("t", "x", "ERROR", 2.0)]
    with pytest.raises(ValueError, match="level must be one of"):
        run.alert("t", "x", level="LOUD")
    with pytest.raises(TypeError, match="wait_duration"):
        run.alert("t", "x", wait_duration="soon")


def test_preempting_and_logs_are_passed_on_and_ignored_or_refused_after_the_end(core: Any, run: Any) -> None:
    wandb.mark_preempting()
    run.write_logs("a")
    run.write_logs("b\n")
    assert core.named("preempting") == [()]
    run.finish()
    run.write_logs("late")
    assert core.named("logs") == [("a\n",), ("b\n",)]
    for late in (run.mark_preempting, run.log_code, lambda: run.alert("a", "b"), lambda: run.save("a"), run.status):
        with pytest.raises(wandb.UsageError, match="is finished"):
            late()


def test_loggers_can_be_captured_while_the_run_lasts(core: Any) -> None:
    run = wandb.init(settings={"capture_loggers": {"mine": "WARNING"}})
    logging.getLogger("mine").warning("careful")
    logging.getLogger("mine").info("never mind")
    run.finish()
    logging.getLogger("mine").warning("after")
    assert core.named("logs") == [("WARNING:mine:careful\n",)]


def test_the_stop_button_calls_the_scripts_function_once(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from wandbd import _stop

    monkeypatch.setattr(_stop, "LOOK_S", 0.001)
    called = threading.Event()
    run = wandb.init(settings={"stop_fn": called.set})
    assert core.configured["interrupt_on_stop"] is False
    core.opened[0].stopped = True
    assert called.wait(10)
    run.finish()


def test_without_a_function_the_stop_button_interrupts(core: Any, run: Any) -> None:
    assert core.configured["interrupt_on_stop"] is True


def test_the_settings_of_a_run_say_what_became_of_it(core: Any, run: Any) -> None:
    settings = run.settings
    assert (settings.run_id, settings.project, settings.mode) == (run.id, "p", "online")
    assert (settings.sync_dir, settings.files_dir) == (run.sync_dir, run.dir)
    assert (settings._offline, settings._noop, settings.run_mode) == (False, False, "run")


def test_a_failed_block_leaves_its_traceback_in_the_console_log(core: Any) -> None:
    with pytest.raises(ValueError, match="odd"), wandb.init(settings={"silent": True}):
        raise ValueError("odd")
    (call,) = core.named("output")
    assert call[0] is True
    assert call[1].startswith("Traceback")
    assert call[1].endswith("ValueError: odd\n")


def test_a_folder_that_cannot_be_written_is_replaced_by_the_temporary_one(
    core: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    run = wandb.init(dir=str(tmp_path / "file" / "below"))
    assert not run.sync_dir.startswith(str(tmp_path / "file"))
    assert "Unable to create root directory" in capsys.readouterr().err


def test_status_and_page(core: Any, run: Any) -> None:
    core.fetched = {"rows": 5, "rows_delivered": 3}
    assert (run.status().sync_items_total, run.status().sync_items_pending) == (5, 2)
    core.info.update(url="http://x/me/p/runs/a")
    assert "src='http://x/me/p/runs/a?jupyter=true'" in run.to_html()
    assert run.display() is False
    assert run._repr_mimebundle_()["text/html"].startswith("<button")
