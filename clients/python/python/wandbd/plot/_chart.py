"""Custom charts: a table, and a panel in the run's workspace that draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wandbd._errors import Error

if TYPE_CHECKING:
    from wandbd.data_types._media import Sender
    from wandbd.data_types._table import Table


@dataclass
class CustomChartSpec:
    """Which preset draws which columns."""

    spec_name: str
    fields: dict[str, Any]
    string_fields: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    panel_type: str = "Vega2"
    split_table: bool = False

    @property
    def table_key(self) -> str:
        """The key of the table in the row.

        Raises:
            Error: The chart has no key yet: it is not logged.
        """
        if not self.key:
            raise Error("Key for the custom chart spec is not set.")
        return f"Custom Chart Tables/{self.key}_table" if self.split_table else f"{self.key}_table"

    @property
    def config_value(self) -> dict[str, Any]:
        """What the run's config says of the chart."""
        table: dict[str, Any] = {
            "name": "summaryTable",
            "args": [{"name": "tableKey", "value": self.table_key}],
            "fields": [],
        }
        leaves: list[dict[str, Any]] = [{"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")]
        run_sets = {"name": "runSets", "args": [{"name": "runSets", "value": "${runSets}"}], "fields": [*leaves, table]}
        return {
            "panel_type": self.panel_type,
            "panel_config": {
                "panelDefId": self.spec_name,
                "fieldSettings": self.fields,
                "stringSettings": self.string_fields,
                "transform": {"name": "tableWithLeafColNames"},
                "userQuery": {"queryFields": [run_sets]},
            },
        }

    @property
    def config_key(self) -> tuple[str, str, str]:
        """Where it says so."""
        return ("_wandb", "visualize", self.key)


@dataclass
class CustomChart:
    """A table that is drawn by one of W&B's presets, or one's own."""

    table: Table
    spec: CustomChartSpec

    def set_key(self, key: str) -> None:
        """Say under which key it is logged."""
        self.spec.key = key

    def _said(self, to: Sender) -> tuple[Table, str]:
        """Tell the run of it; the table and the key that it gets in the row."""
        self.set_key(to.path)
        _say(self.spec, to)
        return self.table, self.spec.table_key


@dataclass
class VisualizeSpec:
    """Which preset draws a table."""

    name: str
    key: str = ""

    @property
    def config_value(self) -> dict[str, Any]:
        """What the run's config says of it."""
        return {"id": self.name, "historyFieldSettings": {"x-axis": "_step", "key": self.key}}

    @property
    def config_key(self) -> tuple[str, str, str]:
        """Where it says so."""
        return ("_wandb", "viz", self.key)


@dataclass
class Visualize:
    """A table that is drawn by an old preset."""

    table: Table
    spec: VisualizeSpec

    def set_key(self, key: str) -> None:
        """Say under which key it is logged."""
        self.spec.key = key

    def _said(self, to: Sender) -> tuple[Table, str]:
        self.set_key(to.path)
        _say(self.spec, to)
        return self.table, to.path


def _say(spec: CustomChartSpec | VisualizeSpec, to: Sender) -> None:
    from wandbd.data_types._media import say_in_config

    _, kind, key = spec.config_key
    say_in_config(to, kind, key, spec.config_value)


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: dict[str, Any],
    string_fields: dict[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Draw a table by a preset of Vega.

    Args:
        vega_spec_name: Of W&B (`wandb/line/v0`) or one's own (`entity/name`).
        data_table: The data.
        fields: The table's columns by the names of the preset.
        string_fields: Texts by the names of the preset.
        split_table: Whether the table goes to a section of its own.

    Raises:
        Error: `data_table` is no table.
    """
    from wandbd.data_types._table import Table

    if not isinstance(data_table, Table):
        raise Error(f"Expected `data_table` to be `wandb.Table` type, instead got {type(data_table).__name__}")
    return CustomChart(
        data_table, CustomChartSpec(vega_spec_name, fields, string_fields or {}, split_table=split_table)
    )


def visualize(id: str, value: Table) -> Visualize:
    """Draw a table by an old preset.

    Raises:
        Error: `value` is no table.
    """
    from wandbd.data_types._table import Table

    if not isinstance(value, Table):
        raise Error(f"Expected `value` to be `wandb.Table` type, instead got {type(value).__name__}")
    return Visualize(value, VisualizeSpec(id))
