"""Where settings come from, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd._settings import resolve


def resolved(environ: dict[str, str] | None = None, said: Any = None, cwd: str = ".", **arguments: Any) -> Any:
    return resolve(arguments, said, environ or {}, cwd)


def write_settings(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[default]\n" + text)


def test_arguments_beat_settings_beat_environment_beat_local_file_beat_global_file_beat_defaults(
    tmp_path: Path,
) -> None:
    write_settings(
        tmp_path / "config" / "settings", "entity = global\nproject = global\nmode = offline\nhost = global\n"
    )
    write_settings(
        tmp_path / "wandb" / "settings", "entity = local\nproject = local\nrun_group = local\nhost = local\n"
    )
    environ = {
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_ENTITY": "env",
        "WANDB_PROJECT": "env",
        "WANDB_RUN_GROUP": "env",
    }

    settings = resolved(
        environ, wandb.Settings(entity="said", project="said"), str(tmp_path), entity="argument"
    ).settings

    assert settings.entity == "argument"
    assert settings.project == "said"
    assert settings.run_group == "env"
    assert settings.host == "local"
    assert settings.mode == "offline"
    assert settings.x_stats_sampling_interval == 15.0


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("WANDB_NAME", "n", "run_name", "n"),
        ("WANDB_TAGS", "a,b", "run_tags", ("a", "b")),
        ("WANDB_NOTES", "x", "run_notes", "x"),
        ("WANDB_JOB_TYPE", "j", "run_job_type", "j"),
        ("WANDB_DIR", "/d", "root_dir", "/d"),
        ("WANDB_SILENT", "True", "silent", True),
        ("WANDB_QUIET", "0", "quiet", False),
        ("WANDB_X_DISABLE_STATS", "true", "x_disable_stats", True),
        ("WANDB__DISABLE_STATS", "1", "x_disable_stats", True),
        ("WANDB__EXTRA_HTTP_HEADERS", '{"A": "b"}', "x_extra_http_headers", {"A": "b"}),
        ("WANDB_FINISH_TIMEOUT", "2.5", "finish_timeout", 2.5),
        ("WANDB_INSECURE_DISABLE_SSL", "yes", "insecure_disable_ssl", True),
    ],
)
def test_every_variable_sets_its_setting(variable: str, text: str, name: str, value: object) -> None:
    assert getattr(resolved({variable: text}).settings, name) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [("WANDB_MODE", "sideways"), ("WANDB_SILENT", "perhaps"), ("WANDB_FINISH_TIMEOUT", "soon"), ("WANDB_TAGS", "a,,b")],
)
def test_a_wrong_value_in_the_environment_is_an_error_that_names_the_variable(variable: str, text: str) -> None:
    with pytest.raises(wandb.UsageError, match=variable):
        resolved({variable: text})


def test_a_variable_that_is_not_used_yet_is_one_warning_and_not_silence() -> None:
    assert resolved({"WANDB_LAUNCH": "1"}).warnings == ["WANDB_LAUNCH is set, but wandbd does not use it yet"]
    assert resolved({"WANDB_SAVE_CODE": "false", "WANDB_X_PRIMARY": "true"}).warnings == []


def test_settings_that_are_not_built_are_refused_in_code_unless_they_ask_for_nothing() -> None:
    assert wandb.Settings(launch=False, git_remote="origin").launch is False
    for given in ({"launch": True}, {"git_remote": "other"}, {"x_stats_gpu_device_ids": [1]}):
        with pytest.raises(wandb.UsageError, match=f"does not provide the setting `{next(iter(given))}` yet"):
            wandb.Settings(**given)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(wandb.UsageError, match="unknown setting `bogus`"):
        wandb.Settings(bogus=1)
    with pytest.raises(AttributeError):
        _ = wandb.Settings().bogus


def test_secrets_are_not_shown() -> None:
    settings = wandb.Settings(api_key="k" * 40, x_extra_http_headers={"A": "secret"}, entity="me")
    assert repr(settings) == "Settings(api_key=***, x_extra_http_headers=***, entity='me')"
    with pytest.raises(wandb.UsageError) as error:
        wandb.Settings(x_extra_http_headers="{secret")
    assert "secret" not in str(error.value).replace("x_extra", "")


def test_a_broken_settings_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("no section here")
    assert "cannot read the settings file" in resolved(cwd=str(tmp_path)).warnings[0]
