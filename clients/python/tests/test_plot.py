"""Charts: presets of W&B over tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import wandbd as wandb
from logged import Log
from wandbd._values import convert


@pytest.fixture
def log(core: Any) -> Log:
    return Log(core)


CHARTS: list[tuple[Callable[[], Any], str, list[list[Any]]]] = [
    (lambda: wandb.plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["a", "b"]), "wandb/lineseries/v0",
     [[0, "a", 1], [1, "a", 2], [0, "b", 3], [1, "b", 4]]),
    (lambda: wandb.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 0, 1], class_names=["x", "y"]),
     "wandb/confusion_matrix/v1",
     [["x", "x", 1.0], ["x", "y", 0.0], ["y", "x", 1.0], ["y", "y", 1.0]]),
    (lambda: wandb.plot.roc_curve([0, 1, 1], [[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], classes_to_plot=[1]),
     "wandb/area-under-curve/v0", [[1, 0.0, 0.0], [1, 0.0, 0.5], [1, 0.0, 1.0], [1, 1.0, 1.0]]),
    (lambda: wandb.plot.pr_curve([0, 1, 1], [[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], classes_to_plot=[1], interp_size=3),
     "wandb/area-under-curve/v0", [[1, 1.0, 1.0], [1, 1.0, 0.5], [1, 1.0, 0.0]]),
]  # fmt: skip


@pytest.mark.parametrize(("chart", "preset", "rows"), CHARTS)
def test_a_chart_is_its_table_under_another_key_and_a_panel_in_the_config(
    log: Log, chart: Callable[[], Any], preset: str, rows: list[list[Any]]
) -> None:
    value, key = log(chart(), "c")

    assert key == "c_table"
    assert value == {"$wandbd": log.table()["id"]}
    assert log.artifact()["file"][0]["path"] == "c_table.table.json"
    assert log.rows() == rows
    ((said, _),) = log.core.named("config")
    panel = said["_wandb"]["visualize"]["c"]
    assert panel["panel_type"] == "Vega2"
    assert panel["panel_config"]["panelDefId"] == preset
    query = panel["panel_config"]["userQuery"]["queryFields"][0]["fields"][-1]
    assert query["args"] == [{"name": "tableKey", "value": "c_table"}]


def test_presets_name_columns_of_a_table(core: Any) -> None:
    table = wandb.Table(columns=["x", "y"], data=[[1, 2]])
    for chart, fields in (
        (wandb.plot.line(table, "x", "y"), {"x": "x", "y": "y", "stroke": None}),
        (wandb.plot.scatter(table, "x", "y"), {"x": "x", "y": "y"}),
        (wandb.plot.bar(table, "x", "y"), {"label": "x", "value": "y"}),
        (wandb.plot.histogram(table, "x"), {"value": "x"}),
    ):
        assert chart.spec.fields == fields
    split = wandb.plot_table("me/mine", table, {}, split_table=True)
    split.set_key("k")
    assert split.spec.table_key == "Custom Chart Tables/k_table"
    with pytest.raises(wandb.Error, match="Expected `data_table` to be `wandb.Table` type, instead got list"):
        wandb.plot_table("a", [], {})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must match y-series"):
        wandb.plot.line_series([[1], [2]], [[1]])
    with pytest.raises(ValueError, match="not both"):
        wandb.plot.confusion_matrix(probs=[[1]], preds=[0], y_true=[0])


def test_a_chart_inside_a_dict_has_the_whole_path_in_its_key(log: Log) -> None:
    chart = wandb.plot.bar(wandb.Table(columns=["x", "y"], data=[["a", 2]]), "x", "y")
    template = convert(chart, log.run, "b", "a.b")
    assert template.key == "a.b_table"
    assert "a.b" in log.core.named("config")[0][0]["_wandb"]["visualize"]
