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


# Wire reference 1.4: the variables that concern a run, and what they set. None: the feature is not there yet.
WIRE: dict[str, tuple[str, str, object]] = {
    "WANDB_API_KEY": ("api_key", "k" * 40, "k" * 40),
    "WANDB_IDENTITY_TOKEN_FILE": ("identity_token_file", "/t", "/t"),
    "WANDB_CREDENTIALS_FILE": ("credentials_file", "/c", "/c"),
    "WANDB_BASE_URL": ("base_url", "https://x.example/p/", "https://x.example/p"),
    "WANDB_APP_URL": ("app_url_override", "https://a.example/", "https://a.example"),
    "WANDB_MODE": ("mode", "offline", "offline"),
    "WANDB_ENTITY": ("entity", "e", "e"),
    "WANDB_PROJECT": ("project", "p", "p"),
    "WANDB_RUN_ID": ("run_id", "r", "r"),
    "WANDB_NAME": ("run_name", "n", "n"),
    "WANDB_NOTES": ("run_notes", "n", "n"),
    "WANDB_TAGS": ("run_tags", "a,b", ("a", "b")),
    "WANDB_RUN_GROUP": ("run_group", "g", "g"),
    "WANDB_JOB_TYPE": ("run_job_type", "j", "j"),
    "WANDB_RESUME": ("resume", "allow", "allow"),
    "WANDB_FORK_FROM": ("fork_from", "a?_step=3", ("a", 3, "_step")),
    "WANDB_RESUME_FROM": ("resume_from", "a?_step=2.5", ("a", 2.5, "_step")),
    "WANDB_SWEEP_ID": ("sweep_id", "s", "s"),
    "WANDB_SWEEP_PARAM_PATH": ("sweep_param_path", "/s", "/s"),
    "WANDB_DIR": ("root_dir", "/d", "/d"),
    "WANDB_CONSOLE": ("console", "redirect", "redirect"),
    "WANDB_CONSOLE_MULTIPART": ("console_multipart", "true", True),
    "WANDB_CONSOLE_CHUNK_MAX_BYTES": ("console_chunk_max_bytes", "1000", 1000),
    "WANDB_CONSOLE_CHUNK_MAX_SECONDS": ("console_chunk_max_seconds", "60", 60),
    "WANDB_SILENT": ("silent", "true", True),
    "WANDB_QUIET": ("quiet", "1", True),
    "WANDB_IGNORE_GLOBS": ("ignore_globs", "*.pt,a/*", ("*.pt", "a/*")),
    "WANDB_SAVE_CODE": ("save_code", "true", True),
    "WANDB_DISABLE_CODE": ("save_code", "true", False),
    "WANDB_DISABLE_GIT": ("disable_git", "true", True),
    "WANDB_GIT_COMMIT": ("git_commit", "c", "c"),
    "WANDB_GIT_REMOTE_URL": ("git_remote_url", "u", "u"),
    "WANDB_HOST": ("host", "h", "h"),
    "WANDB_USERNAME": ("username", "u", "u"),
    "WANDB_USER_EMAIL": ("email", "m", "m"),
    "WANDB_PROGRAM": ("program", "t.py", "t.py"),
    "WANDB_NOTEBOOK_NAME": ("notebook_name", "n.ipynb", "n.ipynb"),
    "WANDB_DOCKER": ("docker", "i", "i"),
    "WANDB_INIT_TIMEOUT": ("init_timeout", "30", 30.0),
    "WANDB_FINISH_TIMEOUT": ("finish_timeout", "5", 5.0),
    "WANDB_FINISH_TIMEOUT_RAISES": ("finish_timeout_raises", "true", True),
    "WANDB_HTTP_TIMEOUT": ("x_graphql_timeout_seconds", "9", 9.0),
    "WANDB_FILE_PUSHER_TIMEOUT": ("x_file_transfer_timeout_seconds", "9", 9.0),
    "WANDB_HTTP_PROXY": ("http_proxy", "http://p:1/", "http://p:1"),
    "WANDB_HTTPS_PROXY": ("https_proxy", "http://p:1", "http://p:1"),
    "WANDB_INSECURE_DISABLE_SSL": ("insecure_disable_ssl", "true", True),
    "WANDB__EXTRA_HTTP_HEADERS": ("x_extra_http_headers", '{"A": "b"}', {"A": "b"}),
    "WANDB_X_DISABLE_STATS": ("x_disable_stats", "true", True),
    "WANDB_X_DISABLE_META": ("x_disable_meta", "true", True),
    "WANDB_X_DISABLE_MACHINE_INFO": ("x_disable_machine_info", "true", True),
    "WANDB_X_STATS_SAMPLING_INTERVAL": ("x_stats_sampling_interval", "2", 2.0),
    "WANDB_X_LABEL": ("x_label", "l", "l"),
    "WANDB_X_PRIMARY": ("x_primary", "false", False),
    "WANDB_X_UPDATE_FINISH_STATE": ("x_update_finish_state", "false", False),
    "WANDB_X_FILE_STREAM_TIMEOUT_SECONDS": ("x_file_stream_timeout_seconds", "9", 9.0),
    "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": ("x_file_stream_transmit_interval", "2", 2.0),
    "WANDB_X_FILE_STREAM_MAX_BYTES": ("x_file_stream_max_bytes", "5000000", 5000000),
    "WANDB_X_FILE_STREAM_MAX_LINE_BYTES": ("x_file_stream_max_line_bytes", "1000000", 1000000),
}
SILENT = (
    "WANDB_ORGANIZATION", "WANDB_SHOW_EMOJI", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR",
    "WANDB_SERVICE", "WANDB_ERROR_REPORTING", "WANDB_X_FILE_STREAM_RETRY_MAX",
    "WANDB_X_FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS",
    "WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS", "WANDB_X_FILE_STREAM_NO_GZIP", "WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL",
)  # fmt: skip


@pytest.mark.parametrize("variable", WIRE)
def test_every_variable_of_the_wire_reference_has_its_effect_or_one_warning(variable: str) -> None:
    name, text, value = WIRE[variable]
    found = resolved({variable: text})
    assert getattr(found.settings, name) == value
    assert found.warnings == []


@pytest.mark.parametrize("variable", SILENT)
def test_variables_that_nothing_here_could_obey_are_accepted_in_silence(variable: str) -> None:
    assert resolved({variable: "7"}).warnings == []


@pytest.mark.parametrize(
    ("variable", "text", "fix"),
    [
        ("WANDB_RUN_ID", "a/b", "Run ID cannot contain"), ("WANDB_PROJECT", "a/b", "cannot contain characters"),
        ("WANDB_RESUME", "perhaps", "should be 'allow'"), ("WANDB_CONSOLE_CHUNK_MAX_BYTES", "-1", "a whole number"),
        ("WANDB_X_STATS_SAMPLING_INTERVAL", "0.01", "not be less than 0.1"), ("WANDB_HTTP_PROXY", "proxy:1", "a URL"),
        ("WANDB_FORK_FROM", "a", "_step="), ("WANDB_SWEEP_ID", " s", "whitespace"), ("WANDB_BASE_URL", "x", "a URL"),
        ("WANDB_INIT_TIMEOUT", "soon", "a number of seconds"), ("WANDB_MODE", "on", "'offline'"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_variable_and_the_fix(variable: str, text: str, fix: str) -> None:
    with pytest.raises(wandb.UsageError, match=f"{variable}: .*{fix}|{fix}.*{variable}"):
        resolved({variable: text})


def test_a_wrong_value_in_a_settings_file_is_a_warning_and_left_out(tmp_path: Path) -> None:
    write_settings(tmp_path / "wandb" / "settings", "mode = sideways\nentity = me\nroot_dir = /x\nbogus = 1\n")
    found = resolved(cwd=str(tmp_path))
    assert (found.settings.mode, found.settings.entity, found.settings.root_dir) == ("online", "me", None)
    assert ["sideways" in found.warnings[0], "`root_dir`" in found.warnings[1], len(found.warnings)] == [True, True, 2]


def test_older_spellings_of_internal_settings_are_known() -> None:
    assert wandb.Settings(_disable_stats=True).x_disable_stats is True
