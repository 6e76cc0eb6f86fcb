"""Facts about the program: the project's name, and arguments without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from wandbd._program import default_project, masked

KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["--lr", "0.1", "data/train.csv"], ["--lr", "0.1", "data/train.csv"]),
        ([f"--api-key={KEY}"], ["--api-key=***"]),
        (["--api_key", KEY, "x"], ["--api_key", "***", "x"]),
        (["--hf-token", "hf_abcdefghijklmnopqrst"], ["--hf-token", "***"]),
        (["--password=correct-horse"], ["--password=***"]),
        ([KEY], ["***"]),
        ([f"wandb={KEY}"], ["wandb=***"]),
        (["--url", "https://user:pass@host/x"], ["--url", "https://***@host/x"]),
        (["--key", "64"], ["--key", "64"]),
        (["--monkey=business-as-usual", "--tokens=100000000"], ["--monkey=business-as-usual", "--tokens=100000000"]),
    ],
)
def test_arguments_that_look_like_keys_are_masked_and_others_are_kept(args: list[str], shown: list[str]) -> None:
    assert masked(args) == shown


def test_the_key_in_use_is_masked_wherever_it_stands() -> None:
    assert masked(["--x=a:odd-key:b"], key="odd-key") == ["--x=a:***:b"]


def test_the_project_is_named_after_the_repository_and_the_scripts_folder(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    (root / "train" / "a").mkdir(parents=True)
    (root / ".git").mkdir()
    assert default_project("train.py", str(root)) == "repo"
    assert default_project("train/a/x.py", str(root)) == "repo-train_a"
    assert default_project("x.py", str(root / "train" / "a")) == "repo-train_a"
    assert default_project("", str(root / "train")) == "repo"
    assert default_project("-m pkg.train", str(root)) == "repo"
    assert default_project("/elsewhere/x.py", str(root)) == "repo"


def test_outside_a_repository_the_project_is_uncategorized(tmp_path: Path) -> None:
    assert default_project("x.py", str(tmp_path)) == "uncategorized"
