"""The scripts, and what their header lines say."""

import re
from dataclasses import dataclass, field
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "scripts"

POINTS = {
    1: "settings and credentials",
    2: "run identity",
    3: "history",
    4: "summary and metrics",
    5: "config",
    6: "console",
    7: "environment and files",
    8: "states",
    10: "offline and foreign files",
    11: "artifacts",
    12: "media",
    13: "tables and charts",
}
"""What users know of W&B, by the numbers that scripts name in `# points:`."""


@dataclass
class Script:
    """One script. Its name is also the project that it logs to."""

    name: str
    about: str
    points: tuple[int, ...]
    exit: int
    projects: tuple[str, ...]
    online: bool
    environment: dict[str, str | None] = field(default_factory=dict)

    def own_environment(self, work: Path) -> dict[str, str | None]:
        """Return the variables that it asks for; None removes one."""
        return {name: value and value.replace("{work}", str(work)) for name, value in self.environment.items()}


def scripts() -> list[Script]:
    """Return all scripts in the order of their names."""
    return [_read(path) for path in sorted(SCRIPTS.glob("[0-9]*.py"))]


def _read(path: Path) -> Script:
    text = path.read_text(encoding="utf-8")
    about = re.match(r'"""(.+?)"""', text, re.DOTALL)
    assert about is not None, f"{path.name} does not begin with a sentence on what it shows"
    headers: dict[str, list[str]] = {}
    for line in text.splitlines():
        header = re.fullmatch(r"# (points|env|exit|projects|online): ?(.*)", line)
        if header:
            headers.setdefault(header[1], []).append(header[2])
    environment: dict[str, str | None] = {}
    for line in headers.get("env", []):
        name, equals, value = line.partition("=")
        environment[name] = value if equals else None
    return Script(
        name=path.stem,
        about=about[1],
        points=tuple(int(word) for word in " ".join(headers.get("points", [])).split()),
        exit=int((headers.get("exit") or ["0"])[0]),
        projects=(path.stem, *" ".join(headers.get("projects", [])).split()),
        online="online" in headers,
        environment=environment,
    )
