"""YAML without PyYAML: what is read means what it means to PyYAML, and the rest is refused by line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd import errors
from wandbd._yaml import NotReadable, subset

SETTINGS = """\
# a comment
wandb_version: 1

lr:
  desc: null
  value: 1.0e-3
opt: {name: "adam", betas: [0.9, 0.999]}   # on one line
layers:
- 64
- size: 32
  act: relu
- - x
  - 'it''s'
text: |
  first
    second

folded: >-
  one
  two
more: [1,
  2, # two
  3]
"""


def test_a_config_file_is_read_as_pyyaml_reads_it() -> None:
    assert subset(SETTINGS, "f") == {
        "wandb_version": 1,
        "lr": {"desc": None, "value": 0.001},
        "opt": {"name": "adam", "betas": [0.9, 0.999]},
        "layers": [64, {"size": 32, "act": "relu"}, ["x", "it's"]],
        "text": "first\n  second\n",
        "folded": "one two",
        "more": [1, 2, 3],
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", "1e-3"), ("yes", True), ("Off", False), ("~", None), ("0x1F", 31), ("017", 15),
        ("1_000", 1000), ("-5", -5), (".5", 0.5), (".inf", math.inf), ("'1'", "1"), ('"a\\tb\\u00e9"', "a\tbé"),
        ("http://x/y#z", "http://x/y#z"), ("a b # c", "a b"), ("2020", 2020), ("", None), ("[]", []), ("{}", {}),
        ("{a: {b: [1]}, c: }", {"a": {"b": [1]}, "c": None}),
    ],
)  # fmt: skip
def test_a_word_means_what_it_means_to_pyyaml(text: str, value: Any) -> None:
    assert subset(f"key: {text}\n", "f") == {"key": value}


@pytest.mark.parametrize(
    "text", ["a: &x 1", "a: !!int 1", "a: b: c", "a: [1", "a: 'x' y", "a:\n  - 1\n b: 2", "\ta: 1"]
)
def test_what_is_not_read_is_an_error_that_names_the_file_and_the_line(text: str) -> None:
    with pytest.raises(NotReadable, match=r"settings\.yaml, line \d+: .*PyYAML"):
        subset(text, "settings.yaml")


def test_a_config_file_that_cannot_be_read_is_a_config_error(core: Any) -> None:
    Path("bad.yaml").write_text("a: [1")
    with pytest.raises(errors.ConfigError, match="Invalid YAML in config yaml: .*bad.yaml"):
        wandb.init(config="bad.yaml")
    Path("old.yaml").write_text("wandb_version: 2\n")
    with pytest.raises(errors.ConfigError, match="Unknown config version"):
        wandb.init(config="old.yaml")


def test_defaults_are_below_the_config_of_init_and_a_sweep_is_above_and_locked(
    core: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("config-defaults.yaml").write_text("a: 1\nb: {value: 1}\nc: 1\n")
    Path("sweep.yaml").write_text("wandb_version: 1\nc:\n  value: 3\nd:\n  value: {x: 1}\n")
    monkeypatch.setenv("WANDB_SWEEP_ID", "s1")
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", "sweep.yaml")
    monkeypatch.setenv("WANDB_PROJECT", "swept")
    run = wandb.init(project="mine", config={"b": 2, "c": 2, "d": {"y": 2}})
    assert run.config.as_dict() == {"a": 1, "b": 2, "c": 3, "d": {"y": 2, "x": 1}}
    run.config.update({"c": 4, "e": 5})
    assert (run.config.c, run.config.e) == (3, 5)
    assert (run.sweep_id, run.project) == ("s1", "swept")
    assert core.opened[0].fields["sweep_id"] == "s1"
    err = capsys.readouterr().err
    assert "Ignoring project 'mine' when running a sweep." in err
    assert "Config item 'c' was locked by 'sweep' (ignored update)." in err


def test_absl_flags_are_a_config() -> None:
    class Flags:
        def flag_values_dict(self) -> dict[str, Any]:
            return {"lr": 0.5}

    assert wandb.init(mode="disabled", config=Flags()).config.as_dict() == {"lr": 0.5}
