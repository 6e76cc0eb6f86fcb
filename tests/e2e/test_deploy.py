"""What the README tells people to type exists."""

import re

from harness import Home
from harness.daemon import command
from harness.places import REPO


def commands_of(text: str) -> list[str]:
    """Return the lines of all shell blocks."""
    blocks = re.findall(r"```(?:sh|shell|bash|console)\n(.*?)```", text, re.DOTALL)
    return [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_every_make_target_that_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?<![\w/])make ([a-z]+)\b", "\n".join(commands_of((REPO / name).read_text()))))
        assert named <= targets, f"{name} names {named - targets}"


def test_every_command_of_the_daemon_that_the_readme_names_exists(home: Home) -> None:
    for name in ("README.md", "deploy/systemd/README.md"):
        path = REPO / name
        if not path.exists():
            continue
        for line in commands_of(path.read_text()):
            found = re.match(r"(?:\S*/)?wandbd ([a-z]+)", line)
            if found:
                tried = command(home, found.group(1), "--help")
                assert tried.returncode == 0, f"{name}: {line}"


def test_every_file_that_the_readme_and_the_architecture_link_to_exists() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        text = (REPO / name).read_text()
        links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
        missing = [link for link in links if link and not (REPO / link).exists()]
        assert not missing, f"{name} links to {missing}"


def test_the_systemd_unit_runs_a_command_that_exists(home: Home) -> None:
    units = list((REPO / "deploy" / "systemd").glob("*.service"))
    assert units
    for unit in units:
        text = unit.read_text()
        start = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)
        assert start, f"{unit.name} starts nothing"
        words = start.group(1).split()
        at = next(number for number, word in enumerate(words) if word.endswith("wandbd"))
        tried = command(home, words[at + 1], "--help")
        assert tried.returncode == 0, start.group(0)
        for option in (word for word in words[at + 2 :] if word.startswith("--")):
            assert option.split("=")[0] in tried.stdout, f"{unit.name}: {option}"
