"""What is sent for W&B's data types, and what stands in the row."""

from __future__ import annotations

import json
import os
import pickle
import sys
import types
from array import array
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from wandbd._values import convert

numpy = pytest.importorskip("numpy")


class Log:
    """A run of the recording core, and what it was told."""

    def __init__(self, core: Any) -> None:
        self.core = core
        self.run = core.Run(os.urandom(4).hex(), "abc", {"run_id": "abc"})

    def __call__(self, value: Any, key: str = "key", path: str = "") -> Any:
        """The row's value, with the ids of media numbered in the order in which they came."""
        template = convert(value, self.run, key, path or key)
        assert isinstance(template, self.core.Template)
        return self.numbered(template.value)

    @property
    def media(self) -> list[dict[str, Any]]:
        return [call[0] for call in self.core.named("media")]

    def numbered(self, value: Any) -> Any:
        ids = {media["id"]: str(number) for number, media in enumerate(self.media)}
        text = json.dumps(value)
        for id, number in ids.items():
            text = text.replace(id, number)
        return json.loads(text)

    def only(self) -> dict[str, Any]:
        (media,) = self.media
        return media


@pytest.fixture
def log(core: Any) -> Log:
    return Log(core)


def row(media: dict[str, Any]) -> Any:
    return json.loads(media["row_json"])


# Pictures


def test_a_picture_is_a_place_in_the_row_and_raw_pixels_before_it(log: Log) -> None:
    pixels = numpy.arange(24, dtype="uint8").reshape(2, 4, 3)

    assert log(wandb.Image(pixels, caption="c")) == {"$wandbd": "0"}

    media = log.only()
    assert (media["dir"], media["extension"]) == ("images", ".png")
    assert row(media) == {"caption": "c", "_type": "image-file", "format": "png", "width": 4, "height": 2}
    made = media["pixels"]
    assert made["array"]["dtype"] == "|u1"
    assert made["array"]["shape"] == [2, 4, 3]
    assert bytes(made["array"]["data"]) == pixels.tobytes()
    assert not made["channels_first"]


def test_a_picture_is_a_snapshot_of_its_array(log: Log) -> None:
    pixels = numpy.zeros((2, 2), "uint8")
    picture = wandb.Image(pixels)
    pixels[:] = 255

    log(picture)

    assert bytes(log.only()["pixels"]["array"]["data"]) == bytes(4)


def test_an_object_goes_out_once_per_run(log: Log) -> None:
    picture = wandb.Image(numpy.zeros((2, 2)))

    assert log(picture) == log(picture, "other") == {"$wandbd": "0"}

    assert len(log.media) == 1
    other = log.core.Run("another session", "abd", {"run_id": "abd"})
    convert(picture, other, "key", "key")
    assert len(log.media) == 2


@pytest.mark.parametrize(
    ("shape", "file_type", "sent"),
    [
        ((4, 5), None, [4, 5]),
        ((4, 5, 1), None, [4, 5]),
        ((1, 4, 5, 3), None, [4, 5, 3]),
        ((1, 1, 3), None, [1, 1, 3]),
        ((1, 1, 1), None, [1, 1]),
        ((5, 1, 1), None, [5, 1]),
        ((4, 5, 4), None, [4, 5, 4]),
        ((4, 5, 4), "jpg", [4, 5, 3]),
    ],
)
def test_trivial_axes_and_what_a_format_cannot_hold_are_left_out(
    log: Log, shape: tuple[int, ...], file_type: str | None, sent: list[int]
) -> None:
    log(wandb.Image(numpy.zeros(shape, "uint8"), file_type=file_type))
    assert log.only()["pixels"]["array"]["shape"] == sent


def test_an_array_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="Un-supported shape for image conversion"):
        wandb.Image(numpy.zeros((2, 2, 5)))
    with pytest.raises(ValueError, match="file_type must be one of"):
        wandb.Image(numpy.zeros((2, 2)), file_type="gif")


def test_a_picture_may_be_a_buffer_without_numpy(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy")
    view = memoryview(bytes(range(6))).cast("B", (2, 3))
    log(wandb.Image(view))
    assert log.only()["pixels"]["array"] == {"dtype": "|u1", "shape": [2, 3], "data": bytes(range(6))}


def test_a_picture_by_path_is_read_when_it_is_logged_and_measured_by_the_daemon(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "a b.jpeg"
    path.write_bytes(b"jpeg")
    log(wandb.Image(path))

    media = log.only()
    assert media["bytes"] == b"jpeg"
    assert (media["basename"], media["extension"], media["measure"]) == ("a b.jpeg", ".jpeg", True)
    assert row(media) == {"_type": "image-file", "format": "jpeg"}
    with pytest.raises(FileNotFoundError):
        wandb.Image(str(tmp_path / "none.png"))


def test_a_file_that_is_gone_when_it_is_logged_is_left_out_aloud(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"png")
    picture = wandb.Image(path)
    path.unlink()
    assert convert(picture, log.run, "key", "key").text == ""
    assert "'key' is left out" in capsys.readouterr().err


class Tensor:
    """As much of a tensor of torch as is used."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.ndim, self.shape, self.dtype = array.ndim, array.shape, array.dtype

    def __getitem__(self, at: Any) -> Tensor:
        return Tensor(self.array[at])

    def detach(self) -> Tensor:
        return self

    cpu = contiguous = detach

    def numpy(self) -> Any:
        return self.array


@pytest.mark.parametrize(
    ("shape", "sent", "size"),
    [((3, 4, 5), [3, 4, 5], (5, 4)), ((1, 4, 5), [1, 4, 5], (5, 4)), ((4, 5), [1, 4, 5], (5, 4))],
)
def test_tensors_of_torch_have_their_channels_first(
    log: Log, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], sent: list[int], size: tuple[int, int]
) -> None:
    torch = types.ModuleType("torch")
    torch.Tensor, torch.bfloat16 = Tensor, object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    log(wandb.Image(Tensor(numpy.ones(shape, "float32"))))
    made = log.only()["pixels"]
    assert made["channels_first"]
    assert made["array"]["shape"] == sent
    assert (row(log.only())["width"], row(log.only())["height"]) == size


def test_a_large_file_is_kept_by_the_daemon(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes((4 << 20) + 1))
    log(wandb.Video(str(path)))

    file = log.only()["file"]
    assert file["staged"]
    assert file["path"].startswith(log.core.staging)
    assert Path(file["path"]).stat().st_size == path.stat().st_size


def test_a_large_file_is_read_in_place_when_the_staging_directory_is_full(log: Log, tmp_path: Path) -> None:
    log.core.stage_answer.update(full="full", kept=[])
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes((4 << 20) + 1))
    log(wandb.Video(str(path)))
    assert log.only()["file"] == {"path": str(path), "staged": False}


def test_boxes_and_masks_are_media_of_their_own_and_their_labels_are_in_the_config(log: Log) -> None:
    mask = numpy.array([[0, 1], [1, 0]])
    boxes = [{"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}, "class_id": 1, "scores": {"acc": 0.5}}]
    picture = wandb.Image(
        numpy.zeros((2, 2)),
        masks={"pred": {"mask_data": mask, "class_labels": {0: "bg", 1: "cat"}}},
        boxes={"gt": {"box_data": boxes}},
    )

    assert log(picture, "seg") == {"$wandbd": "2"}

    box, masked, image = log.media
    assert log.numbered(row(image))["boxes"] == {"gt": {"$wandbd": "0"}}
    assert log.numbered(row(image))["masks"] == {"pred": {"$wandbd": "1"}}
    assert (box["dir"], box["extension"]) == ("metadata/boxes2D", ".boxes2D.json")
    assert json.loads(box["bytes"]) == {"box_data": boxes}
    assert (masked["dir"], masked["extension"]) == ("images/mask", ".mask.png")
    assert row(masked) == {"_type": "mask"}
    said = [call[0]["_wandb"] for call in log.core.named("config")]
    assert said == [
        {
            "bounding_box/class_labels": {
                "seg_wandb_delimeter_gt": {
                    "type": "bounding_box/class_labels",
                    "key": "seg_wandb_delimeter_gt",
                    "value": {"1": "class_1"},
                }
            }
        },
        {
            "mask/class_labels": {
                "seg_wandb_delimeter_pred": {
                    "type": "mask/class_labels",
                    "key": "seg_wandb_delimeter_pred",
                    "value": {"0": "bg", "1": "cat"},
                }
            }
        },
    ]
    log(picture, "seg")
    assert len(log.core.named("config")) == 2  # said once


def test_a_mask_needs_data_or_a_file() -> None:
    with pytest.raises(KeyError, match='Missing key "mask_data"'):
        wandb.Image(numpy.zeros((2, 2)), masks={"m": {}})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"mask_data": numpy.zeros(3)}, "mask_data must be a 2D array"),
        ({"mask_data": numpy.full((2, 2), 256)}, "integers between 0 and 255"),
        ({"mask_data": numpy.zeros((2, 2)), "class_labels": {"a": "b"}}, "dictionary of numbers to strings"),
    ],
)
def test_a_mask_that_cannot_be_is_refused(value: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        wandb.Image(numpy.zeros((2, 2)), masks={"m": value})


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ({}, "must contain a position"),
        ({"position": {"minX": 0}}, "must contain a position"),
        ({"position": {"middle": [0, 1], "width": 1, "height": 1}, "class_id": "a"}, "class_id must be an integer"),
        ({"position": {"middle": [0, 1], "width": 1, "height": 1}, "scores": 1}, "scores must be a dictionary"),
    ],
)
def test_boxes_that_cannot_be_are_refused(box: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        wandb.Image(numpy.zeros((2, 2)), boxes={"b": {"box_data": [box]}})


def test_a_list_of_pictures_is_one_object_of_at_most_108(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [wandb.Image(numpy.zeros((2, 3)), caption=f"c{n}") for n in range(110)]

    found = log(pictures)

    assert "Only 108 Image will be uploaded" in capsys.readouterr().err
    assert len(log.media) == found["count"] == 108
    assert found["filenames"][107] == {"$wandbd": "107", "as": "path"}
    assert found["captions"][:2] == ["c0", "c1"]
    assert {key: found[key] for key in ("_type", "width", "height", "format")} == {
        "_type": "images/separated",
        "width": 3,
        "height": 2,
        "format": "png",
    }


def test_a_list_says_which_pictures_have_masks(log: Log) -> None:
    mask = {"m": {"mask_data": numpy.zeros((2, 2), "uint8"), "class_labels": {0: "a"}}}
    found = log([wandb.Image(numpy.zeros((2, 2))), wandb.Image(numpy.zeros((2, 2)), masks=mask)])
    assert found["all_masks"] == [None, {"m": {"$wandbd": "1"}}]
    assert "all_boxes" not in found
    assert "captions" not in found


def test_a_mixed_list_keeps_its_order(log: Log) -> None:
    found = log([wandb.Html("a"), 1, {"b": wandb.Html("c")}])
    assert found == [{"$wandbd": "0"}, 1, {"b": {"$wandbd": "1"}}]


def test_a_picture_at_an_address_cannot_be_in_a_row(log: Log) -> None:
    picture = wandb.Image("https://example.com/x/cat.png?size=2")
    assert picture.format == "png"
    with pytest.raises(ValueError, match="cannot currently be added to a run"):
        log(picture)


def test_a_value_for_which_there_is_no_room_is_left_out(log: Log) -> None:
    log.core.full = True
    assert convert(wandb.Html("a"), log.run, "key", "key").text == ""


# Numbers


def test_numbers_are_counted_in_the_daemon(log: Log) -> None:
    numbers = numpy.arange(10, dtype="float32")
    histogram = wandb.Histogram(numbers, num_bins=4)

    assert log(histogram) == {"$wandbd": "0"}

    made = log.only()["histogram"]
    assert (made["bins"], made["array"]["dtype"], made["array"]["shape"]) == (4, "<f4", [10])
    assert bytes(made["array"]["data"]) == numbers.tobytes()
    assert row(log.only()) == {"_type": "histogram"}
    assert histogram.histogram == [3, 2, 2, 3]
    assert histogram.bins[0] == 0.0


@pytest.mark.parametrize(
    "numbers", [[1, 2, 3.5], (1, 2, 3.5), array("d", [1, 2, 3.5]), memoryview(array("d", [1, 2, 3.5]))]
)
def test_numbers_may_be_lists_and_buffers(log: Log, numbers: Any) -> None:
    log(wandb.Histogram(numbers))
    assert numpy.frombuffer(log.only()["histogram"]["array"]["data"]).tolist() == [1, 2, 3.5]


def test_what_numpy_has_counted_stands_in_the_row(log: Log) -> None:
    found = log(wandb.Histogram(np_histogram=numpy.histogram([1, 2, 2], bins=2)))
    assert found == {"_type": "histogram", "values": [1, 2], "bins": [1.0, 1.5, 2.0]}
    assert log.media == []


def test_a_histogram_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="The maximum length of a histogram is 512"):
        wandb.Histogram([1], num_bins=513)
    with pytest.raises(ValueError, match=r"len\(bins\) must be len\(histogram\) \+ 1"):
        wandb.Histogram(np_histogram=([1], [1]))


# Sounds, clips, pages and others


def test_samples_become_a_sound_with_their_rate(log: Log) -> None:
    clips = [wandb.Audio(numpy.zeros(100), sample_rate=50, caption="a"), wandb.Audio([0.0, 1.0], 50)]

    found = log(clips)

    assert found == {
        "_type": "audio",
        "count": 2,
        "audio": [{"$wandbd": "0"}, {"$wandbd": "1"}],
        "sampleRates": [50, 50],
        "durations": [2.0, 0.04],
        "captions": ["a", ""],
    }
    assert log.media[0]["sound"]["rate"] == 50
    assert (log.media[0]["dir"], log.media[0]["extension"]) == ("audio", ".wav")
    with pytest.raises(ValueError, match='"sample_rate" is required'):
        wandb.Audio(numpy.zeros(3))


def test_frames_become_a_gif_and_a_batch_is_shown_as_a_grid(log: Log) -> None:
    log(wandb.Video(numpy.zeros((3, 5, 3, 8, 10), "uint8"), fps=7, format="gif"))
    media = log.only()
    assert (media["frames"]["rate"], media["extension"]) == (7, ".gif")
    assert row(media) == {"_type": "video-file", "width": 40, "height": 8}
    for bad, message in (({}, "requires a `format`"), ({"format": "avi"}, "accepts gif, mp4, webm, ogg")):
        with pytest.raises(ValueError, match=message):
            wandb.Video(numpy.zeros((5, 3, 8, 10)), **bad)
    assert log([wandb.Video(BytesIO(b"gif"), format="gif")])["captions"] is False


def test_a_page_gets_a_stylesheet_unless_it_is_not_wanted(log: Log, tmp_path: Path) -> None:
    log(wandb.Html("<p>x</p>"))
    log(wandb.Html("<html><p>"))
    log(wandb.Html(StringIO("x"), inject=False))
    path = tmp_path / "page.html"
    path.write_text("y")
    log(wandb.Html(str(path), inject=False))
    head = b'<base target="_blank"><link rel="stylesheet" type="text/css" href="https://app.wandb.ai/normalize.css" />'
    assert [media["bytes"] for media in log.media] == [
        head + b"<p>x</p>",
        b"<html><head>" + head + b"</head><p>",
        b"x",
        b"y",
    ]
    assert log.media[3]["basename"] == "page.html"
    assert log([wandb.Html("a")]) == {"_type": "html", "count": 1, "html": [{"$wandbd": "4"}]}


def test_points_go_as_an_array_and_scenes_as_json(log: Log) -> None:
    points = wandb.Object3D(numpy.zeros((2, 3)))
    box = wandb.box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(1, 0, 0, 0), color=(1, 0, 0), label="b")
    scene = wandb.Object3D.from_point_cloud([[0, 0, 0]], [box])

    found = log([points, scene])

    assert found == {
        "_type": "object3D",
        "filenames": [{"$wandbd": "0", "as": "name"}, {"$wandbd": "1", "as": "name"}],
        "count": 2,
        "objects": [{"$wandbd": "0"}, {"$wandbd": "1"}],
    }
    assert log.media[0]["points"]["shape"] == [2, 3]
    assert json.loads(log.media[1]["bytes"])["boxes"][0]["corners"][0] == [-0.5, -0.5, -0.5]
    with pytest.raises(ValueError, match="must be one of either"):
        wandb.Object3D(numpy.zeros((2, 5)))
    with pytest.raises(ValueError, match="zero quaternion"):
        wandb.box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(0, 0, 0, 0), color=(1, 0, 0))


def test_a_molecule_says_its_type(log: Log) -> None:
    found = log([wandb.Molecule(StringIO("ATOM"), caption="m", file_type="pdb")])
    assert found == {"_type": "molecule", "filenames": [{"$wandbd": "0", "as": "path"}], "count": 1, "captions": ["m"]}
    assert log.only()["extension"] == ".pdb"
    with pytest.raises(ValueError, match="Must pass file_type"):
        wandb.Molecule(StringIO("ATOM"))


def test_a_graph_is_written_when_it_is_logged(log: Log) -> None:
    graph = wandb.Graph()
    one = graph.add_node(id=1, name="a", size=[2, 3])
    graph.add_edge(one, graph.add_node(wandb.data_types.Node(id=2)))
    log(graph)
    assert json.loads(log.only()["bytes"]) == {
        "format": "keras",
        "nodes": [{"name": "a", "id": 1, "size": [2, 3]}, {"name": None, "id": 2}],
        "edges": [[1, 2]],
    }
    assert one.num_parameters is None


def test_an_object_made_by_a_worker_process_can_be_logged_by_another(log: Log) -> None:
    mask = {"m": {"mask_data": numpy.ones((2, 3), "uint8"), "class_labels": {1: "a"}}}
    picture = pickle.loads(pickle.dumps(wandb.Image(numpy.full((2, 3), 7, "uint8"), caption="c", masks=mask)))
    log([picture, pickle.loads(pickle.dumps(wandb.Image(numpy.zeros((2, 3)))))])
    assert bytes(log.media[1]["pixels"]["array"]["data"]) == bytes([7] * 6)
    assert row(log.media[1])["caption"] == "c"


def test_data_between_making_and_logging_is_moved_to_a_file_beyond_the_limit(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wandbd.data_types import _held

    monkeypatch.setattr(_held, "LIMIT_BYTES", 10_000)
    pages = [wandb.Html(str(number) * 6000, inject=False) for number in range(4)]
    in_file = [page._source._held._file is not None for page in pages]
    assert in_file == [False, True, True, True]
    log(pages)
    assert [media["bytes"] for media in log.media] == [str(number).encode() * 6000 for number in range(4)]


def test_the_data_types_are_those_of_wandb() -> None:
    for name in wandb.data_types.__all__:
        assert getattr(wandb.data_types, name).__doc__
    assert wandb.Image in wandb.data_types.artifact_types()
    with pytest.raises(AttributeError, match="wandbd does not provide `EvalTable` yet"):
        _ = wandb.data_types.EvalTable
