"""Figures and pictures of other libraries, logged as they are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wandbd as wandb
from wandbd._values import convert

numpy = pytest.importorskip("numpy")


@pytest.fixture
def log(core: Any) -> Callable[[Any], dict[str, Any]]:
    run = core.Run(os.urandom(4).hex(), "abc", {"run_id": "abc"})

    def log(value: Any) -> dict[str, Any]:
        template = convert(value, run, "key", "key")
        (media,) = (call[0] for call in core.named("media"))
        core.calls.clear()
        assert template.value == {"$wandbd": media["id"]}
        return dict(media)

    return log


@pytest.fixture
def pyplot() -> Iterator[Any]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot

    yield matplotlib.pyplot
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize(("mode", "shape"), [("L", [2, 3]), ("LA", [2, 3, 2]), ("RGB", [2, 3, 3]), ("RGBA", [2, 3, 4])])
def test_a_picture_of_pil_goes_as_raw_pixels(log: Any, mode: str, shape: list[int]) -> None:
    pil = pytest.importorskip("PIL.Image")
    picture = pil.new(mode, (3, 2))
    for value in (picture, wandb.Image(picture)):
        media = log(value)
        assert media["pixels"]["array"]["shape"] == shape
        assert json.loads(media["row_json"])["width"] == 3


def test_a_picture_of_pil_in_another_mode_is_encoded_by_pil(log: Any) -> None:
    pil = pytest.importorskip("PIL.Image")
    assert log(wandb.Image(pil.new("P", (3, 2))))["bytes"].startswith(b"\x89PNG")
    assert log(wandb.Image(pil.new("1", (3, 2)), file_type="bmp"))["bytes"].startswith(b"BM")


def test_a_mode_converts_an_array(log: Any) -> None:
    pytest.importorskip("PIL.Image")
    pixels = numpy.full((2, 3, 3), 9, "uint8")
    media = log(wandb.Image(pixels, mode="L"))
    assert bytes(media["pixels"]["array"]["data"]) == bytes([9] * 6)


def test_the_pixels_of_an_object_can_be_looked_at(core: Any) -> None:
    pytest.importorskip("PIL.Image")
    pixels = numpy.arange(24, dtype="uint8").reshape(2, 4, 3)
    picture = wandb.Image(pixels)
    assert numpy.asarray(picture.image).tolist() == pixels.tolist()
    assert picture.to_data_array()[1][3] == (21, 22, 23)
    assert picture == wandb.Image(pixels)
    assert picture != wandb.Image(pixels + 1)


def test_a_figure_of_matplotlib_as_an_image_goes_as_its_pixels(log: Any, pyplot: Any) -> None:
    figure, axes = pyplot.subplots(figsize=(2, 1), dpi=50)
    axes.plot([1, 2])
    for value in (figure, axes, pyplot):
        assert log(wandb.Image(value))["pixels"]["array"]["shape"] == [50, 100, 4]
    assert log(wandb.Image(figure, file_type="jpg"))["bytes"].startswith(b"\xff\xd8")


def test_a_figure_of_matplotlib_is_logged_as_a_plot_or_a_picture(log: Any, pyplot: Any) -> None:
    figure, axes = pyplot.subplots()
    axes.imshow(numpy.zeros((2, 2)))
    assert log(figure)["dir"] == "images"
    with pytest.raises(ValueError, match="does not currently support converting matplotlib figures containing images"):
        wandb.Plotly(figure)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_figure_of_plotly_is_logged_as_its_json(log: Any) -> None:
    graphs = pytest.importorskip("plotly.graph_objects")
    figure = graphs.Figure(graphs.Scatter(x=[1], y=[2]))
    for value in (figure, wandb.Plotly(figure)):
        media = log(value)
        assert (media["dir"], media["extension"]) == ("plotly", ".plotly.json")
        assert json.loads(media["bytes"])["data"][0]["type"] == "scatter"
    with pytest.raises(ValueError, match="Logged plots must be plotly figures"):
        wandb.Plotly(3)
