"""Tables: their types, their changes, and what is sent for them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

import wandbd as wandb
from logged import Log
from wandbd._values import convert
from wandbd.data_types._media import artifact_files
from wandbd.data_types._table_log import legal

numpy = pytest.importorskip("numpy")


@pytest.fixture
def log(core: Any) -> Log:
    return Log(core)


def optional(name: str, **params: Any) -> dict[str, Any]:
    kind: dict[str, Any] = {"wb_type": name}
    if params:
        kind["params"] = params
    kinds = [kind, {"wb_type": "none"}]
    if name > "none" or name == "list":  # by their texts: that of a list begins with its elements'
        kinds.reverse()
    return {"wb_type": "union", "params": {"allowed_types": kinds}}


def test_rows_go_first_then_the_table_then_its_artifact(log: Log) -> None:
    found = log(wandb.Table(columns=["a", "b"], data=[[1, "x"], (2, "y")]), "tab")

    order = [call[0] for call in log.core.calls if call[0] in ("table_rows", "media", "log_artifact")]
    assert order == ["table_rows", "media", "log_artifact"]
    table = log.table()
    assert found == {"$wandbd": table["id"]}
    assert log.core.named("table_rows") == [(table["id"], 0, [[1, "x"], [2, "y"]])]
    assert (table["dir"], table["extension"]) == ("table", ".table.json")
    assert table["table"]["row_count"] == 2
    assert json.loads(table["table"]["columns_json"]) == ["a", "b"]
    assert json.loads(table["table"]["extra_json"]) == {"log_mode": "IMMUTABLE"}
    artifact = log.artifact()
    assert {key: artifact[key] for key in ("name", "type", "alias", "file", "incremental", "history_step")} == {
        "name": "run-abc-tab",
        "type": "run_table",
        "alias": ["latest"],
        "file": [{"path": "tab.table.json", "media": table["id"]}],
        "incremental": False,
        "history_step": 0,
    }
    assert json.loads(table["row_json"]) == {
        "_type": "table-file",
        "artifact_path": f"wandb-client-artifact://{artifact['client_id']}/tab.table.json",
        "_latest_artifact_path": f"wandb-client-artifact://{artifact['sequence_client_id']}:latest/tab.table.json",
        "ncols": 2,
        "nrows": 2,
        "log_mode": "IMMUTABLE",
    }


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([1, 2.5, None], optional("number")),
        ([float("nan"), 1], optional("number")),
        (["a"], optional("string")),
        ([True], optional("boolean")),
        ([datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2)], optional("timestamp")),
        ([None], optional("unknown")),
        ([numpy.float32(1)], optional("number")),
        ([[1, 2], [3, 4]], optional("list", element_type={"wb_type": "number"}, length=2)),
        ([[1, 2], [3]], optional("list", element_type={"wb_type": "number"}, length=1)),  # as W&B has it
        ([{"x": 1}], optional("typedDict", type_map={"x": {"wb_type": "number"}})),
    ],
)
def test_columns_get_the_types_of_their_cells(log: Log, cells: list[Any], kind: Any) -> None:
    in_bulk = wandb.Table(columns=["c"], data=[[cell] for cell in cells])
    one_by_one = wandb.Table(columns=["c"])
    for cell in cells:
        one_by_one.add_data(cell)
    for table in (in_bulk, one_by_one):
        log(table)
        assert log.types() == {"c": kind}


def test_a_cell_of_another_type_is_refused_and_the_table_stays_as_it_was() -> None:
    table = wandb.Table(columns=["a"], data=[[1]])
    with pytest.raises(TypeError, match="Data row contained incompatible types:\n{'a': 'x'} of type {'a': String}"):
        table.add_data("x")
    assert table.data == [[1]]
    with pytest.raises(ValueError, match=r"This table expects 1 columns: \['a'\], found 2"):
        table.add_data(1, 2)
    table.add_data(2)
    assert table.data == [[1], [2]]


def test_many_rows_that_do_not_fit_are_refused_as_one_by_one(core: Any) -> None:
    with pytest.raises(TypeError, match="Data row contained incompatible types"):
        wandb.Table(columns=["a"], data=[[1], ["x"]])
    with pytest.raises(ValueError, match="This table expects 2 columns"):
        wandb.Table(columns=["a", "b"], data=[[1, 2], [1]])
    with pytest.raises(TypeError, match="incompatible"):
        wandb.Table(columns=["a"], data=[[1], [None]], optional=False)
    wandb.Table(columns=["a"], data=[[1], ["x"], [None]], allow_mixed_types=True)


def test_nan_counts_as_none_where_columns_are_not_optional(core: Any) -> None:
    table = wandb.Table(columns=["a"], optional=False)
    table.add_data(1.0)
    with pytest.raises(TypeError):
        table.add_data(float("nan"))


def test_arrays_and_data_frames_become_rows(log: Log) -> None:
    table = wandb.Table(columns=["a", "b"], data=numpy.array([[1, 2], [3, 4]]))
    assert table.data == [[1, 2], [3, 4]]
    pandas = pytest.importorskip("pandas")
    table = wandb.Table(dataframe=pandas.DataFrame({"n": [1, 2], "t": ["a", "b"]}))
    assert (table.columns, table.data) == (["n", "t"], [[1, "a"], [2, "b"]])


def test_columns_can_be_added_and_computed(core: Any) -> None:
    table = wandb.Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", ["x", "y"])
    table.add_computed_columns(lambda number, row: {"c": number + row["a"]})
    assert table.columns == ["a", "b", "c"]
    assert table.data == [[1, "x", 1], [2, "y", 3]]
    assert table.get_column("c") == [1, 3]
    assert table.get_column("a", convert_to="numpy").tolist() == [1, 2]
    with pytest.raises(TypeError, match="cannot be cast"):
        table.add_column("d", [1, "x"])
    assert table.columns == ["a", "b", "c"]
    assert table.data[0] == [1, "x", 1]


def test_media_in_cells_are_sent_before_their_rows_and_bring_their_classes(log: Log) -> None:
    mask = {"m": {"mask_data": numpy.zeros((2, 2), "uint8"), "class_labels": {0: "road"}}}
    picture = wandb.Image(numpy.zeros((2, 2)), masks=mask)
    log(wandb.Table(columns=["p"], data=[[picture], [None]]))

    kinds = [(call[0], call[1].get("dir") if call[0] == "media" else None) for call in log.core.calls]
    assert kinds == [
        ("media", "images/mask"),
        ("media", "images"),
        ("table_rows", None),
        ("media", "table"),
        ("media", None),
        ("log_artifact", None),
    ]
    assert log.rows() == [[("media", log.core.named("media")[1][0]["id"])], [None]]
    paths = [file["path"] for file in log.artifact()["file"]]
    assert paths == ["key.table.json", "media/classes/bda9dd8288a0502c55c99cc619562844_cls.classes.json"]
    classes = json.loads(log.core.named("media")[-1][0]["artifact_json"])
    assert classes == {"_type": "classes", "class_set": [{"id": 0, "name": "road"}]}
    image = json.loads(log.core.named("media")[1][0]["artifact_json"])
    assert image["classes"]["path"] == paths[1]
    assert not log.core.named("config")  # labels are said for pictures in rows only
    assert log.types()["p"]["params"]["allowed_types"][0]["wb_type"] == "image-file"


def test_masks_without_names_for_their_classes_cannot_be_in_an_artifact(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"png")
    picture = wandb.Image(numpy.zeros((2, 2)), masks={"m": {"path": str(path)}})
    with pytest.raises(ValueError, match="classes must be passed"):
        log(wandb.Table(columns=["p"], data=[[picture]]))


def test_short_arrays_stay_in_rows_and_larger_ones_get_a_file(log: Log) -> None:
    short, large = numpy.arange(3.0), numpy.ones((2, 2))
    log(wandb.Table(columns=["s", "l"], data=[[short, large], [short, large]]))

    assert log.rows()[0] == [("json", "[0.0, 1.0, 2.0]"), ("stored", "[[1.0, 1.0], [1.0, 1.0]]")]
    (stored,) = log.table()["table"]["stored"]
    assert stored["key"] == "l"
    assert stored["path"].startswith("media/serialized_data/l_")
    assert stored["array"]["shape"] == [2, 2, 2]
    assert log.types() == {
        "s": {"wb_type": "list", "params": {"element_type": {"wb_type": "number"}, "length": 3}},
        "l": optional("ndarray", shape=[2, 2], serialization_path={"path": stored["path"], "key": "l"}),
    }


def test_other_cells_are_written_as_json(log: Log) -> None:
    day = numpy.datetime64("2020-01-02T03:04:05")
    log(wandb.Table(columns=["l", "d"], data=[[[1, None, "x"], {"a": (1, 2)}]]))
    assert log.rows() == [[("json", '[1, null, "x"]'), ("json", '{"a": [1, 2]}')]]
    from wandbd.data_types._table_log import cell

    assert cell(day, None) == ("date", 1577934245000, "2020-01-02T03:04:05")  # type: ignore[arg-type]
    assert cell(numpy.datetime64("NaT", "s"), None) is None  # type: ignore[arg-type]


def test_an_immutable_table_is_logged_once_and_says_so_when_it_is_changed(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    table = wandb.Table(columns=["a"], data=[[1]])
    first = log(table)
    table.add_data(2)
    assert "log_mode='IMMUTABLE'" in capsys.readouterr().err
    assert log(table) == first
    assert len(log.tables()) == len(log.core.named("log_artifact")) == 1


def test_a_table_that_two_runs_log_has_an_artifact_in_each(log: Log) -> None:
    table = wandb.Table(columns=["a"], data=[[1]])
    log(table)
    first = log.artifact()
    Log(log.core)(table)
    second = log.artifact()
    assert first["client_id"] != second["client_id"]
    assert second["client_id"] in json.loads(log.table()["row_json"])["artifact_path"]


def test_a_table_for_whose_artifact_there_was_no_room_is_left_out_and_sent_anew(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = wandb.Table(columns=["a"], data=[[1]])
    with monkeypatch.context() as patch:
        patch.setattr(log.core.Run, "log_artifact", lambda self, fields: False)
        assert convert(table, log.run, "key", "key").text == ""
    assert log(table) == {"$wandbd": log.table()["id"]}
    assert len(log.tables()) == 2
    assert log.artifact()["file"][0]["media"] == log.table()["id"]


def test_a_mutable_table_is_logged_again_after_changes(log: Log) -> None:
    table = wandb.Table(columns=["a"], data=[[1]], log_mode="MUTABLE")
    first = log(table)
    assert log(table) == first
    table.add_data(2)
    assert log(table) != first
    assert [made["table"]["row_count"] for made in log.tables()] == [1, 2]
    assert {call[0]["name"] for call in log.core.named("log_artifact")} == {"run-abc-key"}


def test_an_incremental_table_sends_new_rows_only(log: Log) -> None:
    table = wandb.Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")
    log(table)
    first = log.artifact()
    table.add_data(2)
    table.add_data(3)
    log(table)
    second = log.artifact()

    assert (first["name"], first["type"], first["incremental"]) == (
        "run-abc-incr-key",
        "wandb-run-incremental-table",
        True,
    )
    assert first["file"][0]["path"].startswith("None-")
    assert log.core.named("table_rows")[0][2] == [[1]]
    assert log.rows() == [[2], [3]]
    before = f"wandb-client-artifact://{first['client_id']}/{first['file'][0]['path']}"
    row = json.loads(log.table()["row_json"])
    assert row["_type"] == "incremental-table-file"
    assert row["nrows"] == 3
    assert row["previous_increments_paths"] == [before]
    assert row["increment_num"] == json.loads(log.table()["table"]["extra_json"])["increment_num"] == 1
    assert second["file"][0]["path"].startswith("1-")
    with pytest.raises(wandb.Error, match="add_column"):
        table.add_column("b", [1, 2, 3])
    other = Log(log.core)
    table.add_data(4)
    with pytest.raises(AssertionError, match="can only be logged to one Run"):
        other(table)


def test_an_incremental_table_goes_on_in_a_resumed_run(core: Any) -> None:
    log = Log(core, resumed=True)
    before = {
        "_type": "incremental-table-file",
        "increment_num": 4,
        "previous_increments_paths": ["a"],
        "artifact_path": "b",
    }
    core.fetched = {"summary_json": json.dumps({"key": before})}
    log(wandb.Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL"))
    row = json.loads(log.table()["row_json"])
    assert (row["increment_num"], row["previous_increments_paths"]) == (5, ["a", "b"])


def test_too_many_rows_are_cut_aloud(
    log: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wandb.Table, "MAX_ARTIFACT_ROWS", 3)
    monkeypatch.setattr(wandb.Table, "MAX_ROWS", 2)
    log(wandb.Table(columns=["a"], data=[[n] for n in range(5)]))
    said = capsys.readouterr().err
    assert "only the first 3 are kept" in said
    assert "shows the first 2, the artifact has 3" in said
    assert log.rows() == [[0], [1], [2]]
    assert (log.table()["table"]["row_count"], log.table()["table"]["run_rows"]) == (3, 2)


def test_keys_and_indexes_bring_their_tables(log: Log) -> None:
    people = wandb.Table(columns=["name"], data=[["ann"], ["bob"]])
    people.set_pk("name")
    visits = wandb.Table(columns=["who", "n"], data=[["ann", 1]])
    visits.set_fk("who", people, "name")
    links = wandb.Table(columns=["row"])
    for index in people.get_index():
        links.add_data(index)

    log(visits, "visits")
    log(links, "links")

    assert links.data[1][0].get_row() == {"name": "bob"}
    for call in log.core.named("log_artifact"):
        main, other = call[0]["file"]
        assert other["path"].startswith("media/tables/t_")
        assert other["path"].endswith(".table.json")
    assert log.types()["row"]["wb_type"] == "foreignIndex"
    assert log.types()["row"]["params"]["table"] == other["path"]
    assert log.rows() == [[0], [1]]


def test_a_joined_table_brings_both_tables(log: Log) -> None:
    one, two = wandb.Table(columns=["id"], data=[["a"]]), wandb.Table(columns=["id"], data=[["b"]])
    joined = wandb.JoinedTable(one, two, "id")

    found = log(joined, "j")

    artifact = log.artifact()
    assert found == {
        "_type": "joined-table",
        "artifact_path": f"wandb-client-artifact://{artifact['client_id']}/j.joined-table.json",
    }
    paths = [file["path"] for file in artifact["file"]]
    assert paths[0] == "j.joined-table.json"
    joined_json = next(
        json.loads(call[0]["artifact_json"]) for call in log.core.named("media") if "joined" in call[0]["artifact_json"]
    )
    assert sorted(paths[1:]) == sorted([joined_json["table1"], joined_json["table2"]])
    with pytest.raises(ValueError, match="should be a string or a list of two"):
        wandb.JoinedTable(one, two, ["a"])
    with pytest.raises(ValueError, match="JoinedTable table1"):
        wandb.JoinedTable("t.json", two, "id")


class Entry:
    """An entry of another artifact."""

    path, digest, size = "sub/t.table.json", "XUFAKrxLKna5cZ2REBfFkg==", 5

    @staticmethod
    def ref_url() -> str:
        return "wandb-artifact://abc/sub/t.table.json"


def test_a_joined_table_may_name_tables_of_its_artifact_and_of_others(log: Log) -> None:
    joined = wandb.JoinedTable("here.table.json", Entry(), ["a", "b"])
    files = artifact_files(joined, "j.joined-table.json", log.run, ["here.table.json"])
    assert files[1:] == [
        {
            "path": "5d41402abc4b2a76b971.table.json",
            "reference": "wandb-artifact://abc/sub/t.table.json",
            "digest": Entry.digest,
            "size": 5,
        }
    ]
    assert json.loads(log.core.named("media")[0][0]["artifact_json"]) == {
        "_type": "joined-table",
        "join_key": ["a", "b"],
        "table1": "here.table.json",
        "table2": "5d41402abc4b2a76b971.table.json",
    }
    with pytest.raises(ValueError, match="JoinedTable table:here.table.json not found in artifact"):
        log(joined)


def test_an_object_of_an_artifact_comes_with_all_that_belongs_to_it(log: Log) -> None:
    classes = wandb.Classes([{"id": 0, "name": "a"}])
    table = wandb.Table(columns=["c"], data=[[0]])
    table.cast("c", classes.get_type())
    files = artifact_files(table, "t.table.json", log.run)
    assert [file["path"] for file in files] == ["t.table.json", "media/cls.classes.json"]
    assert artifact_files(table, "t.table.json", log.run)[0] == files[0]
    assert not log.core.named("log_artifact")


@pytest.mark.parametrize(
    ("name", "expected"), [("run-abc-tab", "run-abc-tab"), ("run-types-a/b c.t", "run-types-abc.t-JpGe5Q")]
)
def test_names_of_artifacts_are_made_legal(name: str, expected: str) -> None:
    assert legal(name) == expected


class FakeArtifact:
    """An artifact of files in a folder."""

    aliases = ("latest",)

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.folder = folder
        self.manifest = self
        self.entries = files
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    def get_entry(self, path: str) -> Any:
        folder = self.folder

        class Entry:
            @staticmethod
            def download() -> str:
                return str(folder / path)

        return Entry

    def get(self, path: str) -> Any:
        return wandb.data_types.WBValue.init_from_json(json.loads(self.entries[path]), self)


def test_a_table_of_an_artifact_reads_back(core: Any, tmp_path: Path) -> None:
    kinds = {
        "wb_type": "typedDict",
        "params": {
            "type_map": {
                "n": optional("number"),
                "when": optional("timestamp"),
                "page": optional("html-file"),
                "a": optional("ndarray", shape=[2, 2], serialization_path={"path": "a.npz", "key": "a"}),
            }
        },
    }
    page = {"_type": "html-file", "path": "p.html", "sha256": "0"}
    data = {
        "_type": "table",
        "columns": ["n", "when", "page", "a"],
        "column_types": kinds,
        "data": [[1, 1577934245000, page, None]],
        "log_mode": "IMMUTABLE",
    }
    artifact = FakeArtifact(tmp_path, {"t.table.json": json.dumps(data), "p.html": "hello"})
    numpy.savez(tmp_path / "a.npz", a=numpy.ones((1, 2, 2)))

    table = artifact.get("t.table.json")

    ((number, when, html, array),) = table.data
    assert number == 1
    assert when == datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    assert html.html == "hello"
    assert array.tolist() == [[1, 1], [1, 1]]


def test_increments_of_an_artifact_are_read_in_order(core: Any, tmp_path: Path) -> None:
    def part(*rows: int) -> str:
        return json.dumps(
            {
                "_type": "table",
                "columns": ["a"],
                "data": [[row] for row in rows],
                "log_mode": "INCREMENTAL",
                "increment_num": 0,
            }
        )

    files = {"10-5.k.table.json": part(3), "None-1.k.table.json": part(1), "2-3.k.table.json": part(2)}
    assert FakeArtifact(tmp_path, files).get("2-3.k.table.json").data == [[1], [2], [3]]


def test_a_data_frame_is_logged_as_a_table(log: Log) -> None:
    pandas = pytest.importorskip("pandas")
    assert log(pandas.DataFrame({"a": [1]})) == {"$wandbd": log.table()["id"]}
    assert log.rows() == [[1]]
