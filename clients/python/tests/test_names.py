"""What `import wandbd as wandb` offers."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import _names
from wandbd._run import Run

PACKAGE = Path(wandb.__file__).parent

# As `inspect` shows them for wandb 0.31.0: names in order, with defaults.
WANDB_SIGNATURES = {
    "init": "entity project dir id name notes tags config config_exclude_keys config_include_keys allow_val_change "
    "group job_type mode force reinit resume resume_from fork_from save_code tensorboard sync_tensorboard monitor_gym "
    "settings anonymous",
    "log": "data step commit",
    "finish": "exit_code",
    "define_metric": "name step_metric step_sync hidden summary overwrite",
    "log_artifact": "artifact_or_path name type aliases tags",
    "use_artifact": "artifact_or_name type aliases use_as",
    "log_model": "path name aliases",
    "use_model": "name",
    "link_model": "path registered_model_name name aliases",
    "save": "glob_str base_path policy glob",
    "restore": "name run_path replace root",
    "alert": "title text level wait_duration",
    "setup": "settings",
    "teardown": "exit_code",
    "login": "key relogin host force timeout verify referrer prompt anonymous",
}


@pytest.mark.parametrize("name", WANDB_SIGNATURES)
def test_functions_take_wandbs_arguments_in_wandbs_order(name: str) -> None:
    expected = WANDB_SIGNATURES[name].split()
    ours = list(inspect.signature(getattr(wandb, name)).parameters)
    assert ours[: len(expected)] == expected


ARTIFACT_SIGNATURES = {
    "__init__": "self name type description metadata incremental use_as storage_region digest_algorithm",
    "add": "self obj name overwrite",
    "add_dir": "self local_path name skip_cache policy merge",
    "add_file": "self local_path name is_tmp skip_cache policy overwrite",
    "add_reference": "self uri name checksum max_objects",
    "checkout": "self root",
    "delete": "self delete_aliases",
    "download": "self root allow_missing_references skip_cache path_prefix multipart",
    "file": "self root",
    "files": "self names per_page start",
    "get": "self name",
    "get_added_local_path_name": "self local_path",
    "get_entry": "self name",
    "link": "self target_path aliases",
    "new_file": "self name mode encoding policy",
    "remove": "self item",
    "save": "self project settings",
    "verify": "self root",
    "wait": "self timeout",
}


@pytest.mark.parametrize("name", ARTIFACT_SIGNATURES)
def test_methods_of_artifacts_take_wandbs_arguments_in_wandbs_order(name: str) -> None:
    assert list(inspect.signature(getattr(wandb.Artifact, name)).parameters) == ARTIFACT_SIGNATURES[name].split()


def test_run_methods_take_the_same_arguments_as_the_functions() -> None:
    shared = "alert define_metric finish log_artifact log_code log_model link_model mark_preempting restore save"
    for name in (*shared.split(), "use_artifact", "use_model"):
        method = list(inspect.signature(getattr(Run, name)).parameters)[1:]
        assert method == list(inspect.signature(getattr(wandb, name)).parameters)


def test_everything_that_is_exported_is_there_and_documented(core: Any) -> None:
    for name in wandb.__all__:
        value = getattr(wandb, name)
        assert name in ("run", "__version__") or value.__doc__


def test_a_name_of_wandb_that_is_not_built_says_so() -> None:
    with pytest.raises(AttributeError, match="wandbd does not provide `Api` yet"):
        _ = wandb.Api
    with pytest.raises(ImportError):
        from wandbd import Api  # noqa: F401


def test_features_that_older_scripts_require_are_on_and_others_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    wandb.require("core")
    assert "is a no-op" in capsys.readouterr().err
    with pytest.raises(wandb.errors.UnsupportedError, match="unsupported requirement: flying"):
        wandb.require(["core", "flying"])


def test_any_other_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'wandbd' has no attribute 'nonsense'"):
        _ = wandb.nonsense


def test_no_name_is_both_built_and_listed_as_missing(core: Any) -> None:
    run = wandb.init()
    assert not _names.MODULE & set(wandb.__all__)
    assert not [name for name in _names.RUN if hasattr(run, name)]
    with pytest.raises(AttributeError, match=r"wandbd does not provide `Run\.watch` yet"):
        run.watch("model")


def test_importing_loads_nothing_but_the_module_itself() -> None:
    code = """
import sys
import wandbd
ours = {name for name in sys.modules if name.startswith("wandbd")}
assert ours == {"wandbd"}, ours
heavy = {"json", "subprocess", "threading", "socket", "configparser", "logging", "numpy", "keras"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(PACKAGE.parent)})


def test_no_module_writes_to_the_terminal_by_print() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "print(" not in path.read_text(), path
