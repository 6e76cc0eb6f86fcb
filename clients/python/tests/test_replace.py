"""Programs that say `import wandb` and get wandbd."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wandbd

SOURCES = str(Path(wandbd.__file__).parent.parent)


def run(*command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": SOURCES} | (env or {})
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def through_run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "wandbd.run", *arguments, env=env)


def test_import_wandb_gives_wandbd_also_below_it(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, wandb, wandbd, wandb.errors\n"
        "from wandb.errors import CommError\n"
        "assert wandb is wandbd and CommError is wandbd.CommError\n"
        "assert sys.modules['wandb.errors'] is sys.modules['wandbd.errors']\n"
        "assert wandb.errors.__name__ == wandb.errors.__spec__.name == 'wandbd.errors'\n"
        "assert __name__ == '__main__' and wandb.run is None\n"
        "print(sys.argv[1:], sys.path[0])\n"
    )
    done = through_run(str(script), "--lr", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"['--lr', '1'] {tmp_path}\n"


@pytest.mark.parametrize("how", ["spawn", "forkserver", "subprocess"])
def test_children_get_it_too(tmp_path: Path, how: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import multiprocessing, subprocess, sys\n"
        "def who(_):\n"
        "    import wandb\n"
        "    return wandb.__name__\n"
        "if __name__ == '__main__':\n"
        "    if sys.argv[1] == 'subprocess':\n"
        "        child = [sys.executable, '-c', 'import wandb; print(wandb.__name__)']\n"
        "        print(subprocess.check_output(child, text=True), end='')\n"
        "    else:\n"
        "        with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:\n"
        "            print(pool.map(who, [0])[0])\n"
    )
    done = through_run(str(script), how)
    assert (done.returncode, done.stdout) == (0, "wandbd\n"), done.stderr


def test_a_real_wandb_further_down_the_path_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "__init__.py").write_text("raise SystemExit('the real one')")
    done = through_run("-c", "import wandb; print(wandb.__name__)", env={"PYTHONPATH": f"{tmp_path}:{SOURCES}"})
    assert (done.returncode, done.stdout) == (0, "wandbd\n"), done.stderr


def test_the_command_runs_any_program(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "wandbd", "run", "--", sys.executable, "-c", "import wandb; print(wandb.__name__)")
    assert (done.returncode, done.stdout) == (0, "wandbd\n"), done.stderr


def test_a_program_that_is_not_there_is_a_clear_message() -> None:
    done = run(sys.executable, "-m", "wandbd", "run", "no-such-program")
    assert done.returncode == 127
    assert done.stderr == "wandbd run: cannot run no-such-program: No such file or directory\n"


def test_a_python_without_wandbd_says_what_is_missing() -> None:
    from wandbd import _replace

    done = run(sys.executable, "-S", "-c", "import wandb", env={"PYTHONPATH": _replace.folder()})
    assert done.returncode == 1
    assert "wandbd is not installed for" in done.stderr and "bin/python" in done.stderr


def test_a_module_of_wandb_that_we_do_not_have_is_named() -> None:
    done = through_run("-c", "import wandb.no_such_part")
    assert done.returncode == 1
    assert "No module named 'wandb.no_such_part'" in done.stderr


def test_without_a_program_the_usage_is_shown() -> None:
    done = run(sys.executable, "-m", "wandbd", "run")
    assert done.returncode == 2 and done.stderr.startswith("usage: wandbd run")
    assert through_run("--help").stdout.startswith("usage: wandbd run")
