"""A table in Markdown of two sides and their ratio."""

from collections.abc import Callable


class Table:
    """Rows of figures; those with a goal say whether it was reached."""

    def __init__(self, get: Callable[[str, str], float | None]) -> None:
        """Figures come from `get(what, module)`."""
        self._get = get
        self._lines = ["| | wandbd | wandb 0.31 | ratio | goal | reached |", "|---|---:|---:|---:|---|---|"]

    def row(
        self, title: str, what: str, unit: str, goal: str = "", factor: float | None = None, more: bool = False, most: float | None = None
    ) -> None:
        """Add a figure that both sides may have. `factor`: how much better ours has to be; `more`: more is better; `most`: our limit."""
        self.pair(title, self._get(what, "wandbd"), self._get(what, "wandb"), unit, goal, factor, more, most)

    def pair(
        self,
        title: str,
        ours: float | None,
        theirs: float | None,
        unit: str,
        goal: str = "",
        factor: float | None = None,
        more: bool = False,
        most: float | None = None,
    ) -> None:
        """Add two given figures."""
        ratio = _ratio(ours, theirs, more)
        reached = ""
        if most is not None and ours is not None:
            reached = "yes" if ours <= most else "**no**"
        elif factor is not None and ratio is not None:
            reached = "yes" if ratio >= factor else "**no**"
        shown = f"{ratio:.1f}×" if ratio is not None else ""
        self._lines.append(f"| {title} | {_figure(ours, unit)} | {_figure(theirs, unit)} | {shown} | {goal} | {reached} |")

    def text(self) -> str:
        """Return the whole table."""
        return "\n".join(self._lines)


def _ratio(ours: float | None, theirs: float | None, more: bool) -> float | None:
    if ours is None or theirs is None:
        return None
    better, worse = (ours, theirs) if more else (theirs, ours)
    return better / worse if worse else None


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".strip()
