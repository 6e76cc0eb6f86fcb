"""What the compiled core hands over of media, tables and artifacts to a daemon that takes everything."""

from __future__ import annotations

import array
import datetime
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest

core = pytest.importorskip("wandbd._core", reason="the extension is not built")
grpc = pytest.importorskip("grpc", reason="plays the daemon")
protoc = pytest.importorskip("grpc_tools.protoc", reason="the contract is compiled for this")

PROTO = Path(__file__).parents[3] / "proto"
STORED_INLINE_MAX = 1 << 20
LIMIT_S = 30.0


@pytest.fixture(scope="session")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The messages of the contract."""
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    message_factory = pytest.importorskip("google.protobuf.message_factory")

    out = tmp_path_factory.mktemp("contract") / "set"
    files = [f"wandbd/v1/{name}.proto" for name in ("run", "wandbd")]
    assert protoc.main(["protoc", f"-I{PROTO}", f"--descriptor_set_out={out}", *files]) == 0
    files_set = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return message_factory.GetMessages(list(files_set.file))


class Daemon:
    """Takes everything."""

    def __init__(self, messages: Any, socket: Path) -> None:
        self.records: list[Any] = []
        self._answer = messages["wandbd.v1.ServerMessage"]
        handler = grpc.stream_stream_rpc_method_handler(
            self._publish, messages["wandbd.v1.ClientMessage"].FromString, self._answer.SerializeToString
        )
        self.server = grpc.server(
            futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 16 << 20)]
        )
        service = grpc.method_handlers_generic_handler("wandbd.v1.Wandbd", {"Publish": handler})
        self.server.add_generic_rpc_handlers((service,))
        assert self.server.add_insecure_port(f"unix:{socket}")
        self.server.start()

    def _publish(self, incoming: Iterator[Any], _: Any) -> Iterator[Any]:
        for message in incoming:
            if message.HasField("hello"):
                yield self._answer(welcome={})
                continue
            self.records += list(message.chunk.record)
            yield self._answer(ack={"seq": len(self.records)})


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, messages: Any) -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        socket = Path(folder, "s.sock")
        monkeypatch.setenv("WANDBD_SOCKET", str(socket))
        monkeypatch.setenv("WANDBD_STATE_DIR", str(tmp_path / "state"))
        daemon = Daemon(messages, socket)
        yield daemon
        daemon.server.stop(None)


@pytest.fixture
def run(daemon: Daemon) -> Iterator[Any]:
    core.configure(daemon=None, convert=None)
    yield core.Run.open({"run_id": "abc"})
    core.configure(daemon=None, convert=None)


@pytest.fixture
def said(run: Any, daemon: Daemon) -> Callable[[], list[Any]]:
    """What was said so far."""

    def read() -> list[Any]:
        assert run.flush(LIMIT_S)
        return daemon.records

    return read


def pixels(data: Any, shape: list[int], **more: Any) -> dict[str, Any]:
    return {"id": "m", "pixels": {"array": {"dtype": "|u1", "shape": shape, "data": data}}, **more}


def test_a_picture_is_handed_over_as_it_lies_in_memory(run: Any, said: Callable[[], list[Any]]) -> None:
    numpy = pytest.importorskip("numpy")
    picture = numpy.arange(24, dtype=numpy.uint8).reshape(2, 4, 3)
    large = numpy.arange(300 * 400 * 3, dtype=numpy.uint32).astype(numpy.uint8).reshape(300, 400, 3)
    numbers = numpy.arange(5 * 6 * 7).reshape(5, 6, 7)
    cases = [picture, picture[:, :, ::-1], picture.T, large, large[::2], large.transpose(1, 0, 2), large[:, ::-1, 1]]
    cases += [numbers.astype(kind)[::-2, 1:5, ::3] for kind in ("i2", "f4", "i8", "c16", "S3")]
    cases += [
        picture[:0, ::2],
        picture[1:, ::2][:, :1],
        numpy.broadcast_to(picture[0, 0], (4, 4, 3)),
        picture[:, :, :1],
    ]
    for case in cases:
        assert run.media(pixels(case, list(case.shape), dir="images", extension=".png", row_json="{}"))
    records = said()
    assert [record.media.pixels.array.data for record in records] == [case.tobytes() for case in cases]
    assert (records[0].media.dir, records[0].media.row_json) == ("images", "{}")
    assert list(records[3].media.pixels.array.shape) == [300, 400, 3]
    assert any(not case.flags.c_contiguous for case in cases)


@pytest.mark.parametrize("size", [0, 7, 200_000])
def test_any_memory_will_do(run: Any, said: Callable[[], list[Any]], size: int) -> None:
    data = bytes(place % 251 for place in range(size))
    kinds = [data, bytearray(data), memoryview(data), array.array("B", data), core.Snapshot(data)]
    for kind in kinds:
        assert run.media({"id": "m", "bytes": kind})
        assert run.media(
            {"id": "h", "histogram": {"array": {"dtype": "|u1", "shape": [size], "data": kind}, "bins": 64}}
        )
    assert [record.media.bytes or record.media.histogram.array.data for record in said()] == [data] * 10


def test_memory_may_change_after_the_call(run: Any, said: Callable[[], list[Any]]) -> None:
    data = bytearray(b"a" * 100_000)
    snapshot = core.Snapshot(data)
    run.media({"id": "m", "bytes": data})
    data[:] = b"b" * 100_000
    run.media({"id": "s", "bytes": snapshot})
    data.extend(b"not held any more")
    assert [record.media.bytes for record in said()] == [b"a" * 100_000] * 2


def test_a_snapshot_reads_back() -> None:
    snapshot = core.Snapshot(memoryview(b"0123456789")[::3])
    assert (bytes(snapshot), len(snapshot)) == (b"0369", 4)
    with pytest.raises(TypeError):
        core.Snapshot("text")


def test_what_is_over_8_mib_lies_in_a_private_file(run: Any, said: Callable[[], list[Any]], tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 9
    run.media(pixels(memoryview(data), [len(data)]))
    run.media({"id": "f", "bytes": data, "extension": ".bin"})
    picture, file = said()
    source = Path(picture.media.pixels.array.source)
    assert source.read_bytes() == data
    assert source.stat().st_mode & 0o777 == 0o600
    assert source.parent.parent == tmp_path / "state" / "staging"
    assert source.parent.name.startswith(f"{os.getpid()}-")
    assert (file.media.file.staged, Path(file.media.file.path).read_bytes()) == (True, data)
    assert file.media.extension == ".bin"


def test_a_full_window_takes_files_and_then_says_no(monkeypatch: pytest.MonkeyPatch, run: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDBD_BUFFER_BYTES", str(1 << 20))
    monkeypatch.setenv("WANDBD_SOCKET", f"/tmp/wandbd-none-{os.getpid()}-{tmp_path.name}.sock")
    small = core.Run.open({"run_id": "small"})
    taken = 0
    while small.media({"id": f"m{taken}", "bytes": b"x" * (256 << 10)}):
        taken += 1
        assert taken < 1000
    files = list((tmp_path / "state" / "staging").glob("*/*"))
    assert (taken, len(files)) == (131, 128)
    assert small.stats()["window_bytes"] <= 1 << 20
    assert small.stats()["dropped_records"] == 1


def test_a_table_of_media_names_its_arrays(run: Any, said: Callable[[], list[Any]]) -> None:
    values = os.urandom(STORED_INLINE_MAX + 1)
    stored = [
        {
            "path": "media/serialized_data/a.npz",
            "key": key,
            "array": {"dtype": "|u1", "shape": [len(data)], "data": data},
        }
        for key, data in (("small", b"xyz"), ("large", values))
    ]
    table = {"rows": "t", "first_row": 2, "row_count": 3, "columns_json": '["a"]', "run_rows": 10, "stored": stored}
    assert run.media({"id": "t", "table": table})
    (record,) = said()
    small, large = record.media.table.stored
    assert (small.key, small.array.data) == ("small", b"xyz")
    assert (large.array.data, Path(large.array.source).read_bytes()) == (b"", values)
    assert (record.media.table.first_row, record.media.table.row_count, record.media.table.run_rows) == (2, 3, 10)


def test_two_contents_or_an_unknown_field_are_refused(run: Any) -> None:
    with pytest.raises(ValueError, match="more than one content"):
        run.media({"id": "m", "bytes": b"x", "file": "/x"})
    with pytest.raises(ValueError, match="pixel"):
        run.media({"id": "m", "pixel": {}})
    with pytest.raises(TypeError):
        run.media({"id": "m", "bytes": "text"})


def cells(records: list[Any]) -> list[list[tuple[str, Any]]]:
    rows = [row for record in records for row in record.table_rows.row]
    return [
        [(str(cell.WhichOneof("value")), getattr(cell, str(cell.WhichOneof("value")))) for cell in row.cell]
        for row in rows
    ]


def test_rows_of_plain_values_need_no_call(run: Any, said: Callable[[], list[Any]]) -> None:
    assert run.table_rows("t", 5, [[0.5, 3, True, "h\u00e9", None], (-(2**63), 2**70, False, "", float("inf"))])
    records = said()
    assert cells(records) == [
        [("number", 0.5), ("integer", 3), ("boolean", True), ("text", "h\u00e9"), ("none", True)],
        [("integer", -(2**63)), ("json", str(2**70)), ("boolean", False), ("text", ""), ("number", float("inf"))],
    ]
    assert (records[0].table_rows.table, records[0].table_rows.first_row) == ("t", 5)


def test_numpys_scalars_are_plain(run: Any, said: Callable[[], list[Any]]) -> None:
    numpy = pytest.importorskip("numpy")
    rows = numpy.array([[1.5, 2.0]], dtype=numpy.float32)
    assert core.scan_columns(rows) == [2, 2]
    run.table_rows("t", 0, rows)
    run.table_rows("t", 1, [[numpy.int64(7), numpy.bool_(True), numpy.str_("s"), numpy.uint8(3)]])
    assert cells(said()) == [
        [("number", 1.5), ("number", 2.0)],
        [("integer", 7), ("boolean", True), ("text", "s"), ("integer", 3)],
    ]


def test_moments_are_milliseconds_and_iso_text(run: Any, said: Callable[[], list[Any]]) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moments = [
        datetime.datetime(2020, 1, 2, 3, 4, 5, 678900),
        datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=zone),
        datetime.date(2020, 1, 2),
        datetime.datetime(1969, 12, 31, 23, 59, 59),
    ]
    run.table_rows("t", 0, [moments])
    (row,) = cells(said())
    assert [(value.ms, value.text) for _, value in row] == [
        (1577934245678, "2020-01-02T03:04:05.678900"),
        (1577934245000, "2020-01-02T03:04:05Z"),
        (1577927045000, "2020-01-02T03:04:05+02:00"),
        (1577923200000, "2020-01-02"),
        (-1000, "1969-12-31T23:59:59"),
    ]


def test_other_cells_are_what_the_callback_says(run: Any, said: Callable[[], list[Any]]) -> None:
    answers: dict[str, Any] = {
        "a": ("media", "id"),
        "b": ("json", "[1]"),
        "c": ("stored", "[2]"),
        "d": ("date", -5, "then"),
        "e": 1.5,
        "f": None,
    }
    assert run.table_rows("t", 0, [[{name} for name in answers]], lambda cell: answers[next(iter(cell))])
    (row,) = cells(said())
    assert row[:3] == [("media", "id"), ("json", "[1]"), ("stored", "[2]")]
    assert (row[3][1].ms, row[3][1].text) == (-5, "then")
    assert row[4:] == [("number", 1.5), ("none", True)]


def test_a_cell_that_nobody_knows_is_refused(run: Any) -> None:
    with pytest.raises(TypeError, match="set"):
        run.table_rows("t", 0, [[{1}]])
    with pytest.raises(TypeError, match="set"):
        run.table_rows("t", 0, [[{1}]], lambda cell: cell)
    with pytest.raises(ValueError, match="media, json, stored, date"):
        run.table_rows("t", 0, [[{1}]], lambda cell: ("what", "x"))
    with pytest.raises(ZeroDivisionError):
        run.table_rows("t", 0, [[{1}]], lambda cell: 1 / 0)


def test_many_rows_come_in_records_that_follow_each_other(run: Any, said: Callable[[], list[Any]]) -> None:
    assert run.table_rows("t", 3, [[float(number), "x" * 20] for number in range(50_000)])
    assert run.table_rows("t", 50_003, ([number] for number in range(2)))
    assert run.table_rows("t", 50_005, [["x" * 500_000]])
    records = said()
    after = 3
    for record in records:
        assert record.table_rows.first_row == after
        after += len(record.table_rows.row)
    assert after == 50_006
    assert all(record.ByteSize() <= 256 << 10 for record in records[:-1])
    assert len(records) < 15


@pytest.mark.parametrize(
    ("rows", "expect"),
    [
        ([], []),
        ([[]], []),
        ([[1, 0.5, None, True, "x", datetime.date(2020, 1, 1), [1]]], [2, 2, 1, 8, 4, 16, 32]),
        ([[float("nan")], [float("nan")]], [1]),
        ([[1], [None], ["x"], [datetime.datetime(2020, 1, 1)], [b""], [False]], [63]),
        (((1, 2), (None, "x")), [3, 6]),
    ],
)
def test_columns_are_scanned_by_the_kinds_of_their_cells(rows: Any, expect: list[int]) -> None:
    assert core.scan_columns(rows) == expect


def test_a_row_of_another_length_is_named() -> None:
    with pytest.raises(ValueError, match="row 2 has 1 cells, and the rows before it have 2"):
        core.scan_columns([[1, 2], [3, 4], [5], [6, 7]])
    with pytest.raises(TypeError, match="rows must be lists"):
        core.scan_columns([1, 2])


class Thing:
    """A value that only the callback knows."""


def test_the_callback_is_told_the_run_and_the_path(run: Any, said: Callable[[], list[Any]]) -> None:
    asked = []

    def convert(value: Any, of: Any, key: str, path: str) -> Any:
        asked.append((type(value).__name__, of is run, key, path))
        return core.Template(json.dumps(key))

    core.configure(daemon=None, convert=convert)
    run.log(
        {"top": Thing(), "deep": {"er": {"in": Thing()}}, "list": [Thing(), 1], "late": [1, Thing(), {"k": Thing()}]}
    )
    run.summary({"sum": Thing()})
    row, summary = said()
    assert asked == [
        ("Thing", True, "top", "top"),
        ("Thing", True, "in", "deep.er.in"),
        ("list", True, "list", "list"),
        ("Thing", True, "late", "late"),
        ("Thing", True, "late", "late"),
        ("Thing", True, "sum", "sum"),
    ]
    fields = [(field.key, list(field.nested), field.template) for field in row.row.field]
    assert fields == [
        ("top", [], '"top"'),
        ("deep", ["er", "in"], '"in"'),
        ("list", [], '"list"'),
        ("late", [], '[1,"late",{"k":"late"}]'),
    ]
    assert summary.summary.update[0].template == '"sum"'


def test_media_said_by_the_callback_come_before_the_row(run: Any, said: Callable[[], list[Any]]) -> None:
    def convert(value: Any, of: Any, key: str, path: str) -> Any:
        of.media({"id": "m1", "bytes": b"x"})
        of.table_rows("t", 0, [[1]])
        of.log_artifact({"name": "a", "type": "t"})
        of.config({"c": 1})
        of.log({"inner": 1})
        return {"a": core.Template('{"$wandbd": "m1"}'), "b": 1}

    core.configure(daemon=None, convert=convert)
    run.log({"x": Thing()})
    records = said()
    kinds = [record.WhichOneof("kind") for record in records]
    assert kinds == ["media", "table_rows", "artifact", "config", "row", "row"]
    assert [(field.nested[0], field.WhichOneof("value")) for field in records[-1].row.field] == [
        ("a", "template"),
        ("b", "integer"),
    ]


def test_a_template_may_stand_elsewhere_or_be_left_out(run: Any, said: Callable[[], list[Any]]) -> None:
    answers = {"c": core.Template("1", key="c_table"), "gone": core.Template("")}
    core.configure(daemon=None, convert=lambda value, of, key, path: answers[key])
    run.log({"a": {"c": Thing(), "after": 1}, "gone": Thing()})
    (row,) = said()
    assert [(field.key, list(field.nested)) for field in row.row.field] == [("c_table", []), ("a", ["after"])]


def test_a_config_takes_no_media(run: Any) -> None:
    core.configure(daemon=None, convert=lambda value, of, key, path: core.Template("1") if of is None else 1)
    with pytest.raises(TypeError, match="media can only be logged in rows"):
        run.config({"x": Thing()})
    with pytest.raises(TypeError, match="media can only be logged in rows"):
        run.config({"x": [1, Thing()]})


def test_an_artifact_is_told_by_the_names_of_its_fields(run: Any, said: Callable[[], list[Any]]) -> None:
    files = [
        ("p", "/s", True),
        {"path": "r", "reference": "s3://b/k", "size": 3, "ask": True},
        {"path": "m", "media": "id"},
    ]
    assert run.log_artifact(
        {
            "name": "a",
            "type": "t",
            "metadata_json": "{}",
            "alias": ["latest"],
            "tag": ["x"],
            "ttl_s": -1,
            "base_id": None,
            "file": files,
            "keep": {"policy": "NEWEST", "best": True},
            "client_id": "c",
            "history_step": 0,
            "remove": ["old"],
        }
    )
    assert run.link({"client_id": "c", "target": "e/p/c", "alias": ["b"]})
    artifact, link = (getattr(record, str(record.WhichOneof("kind"))) for record in said())
    assert [
        (file.path, file.source, file.staged, file.reference, file.size, file.ask, file.media) for file in artifact.file
    ] == [
        ("p", "/s", True, "", 0, False, ""),
        ("r", "", False, "s3://b/k", 3, True, ""),
        ("m", "", False, "", 0, False, "id"),
    ]
    assert (artifact.client_id, len(artifact.sequence_client_id)) == ("c", 128)
    assert (artifact.ttl_s, artifact.HasField("history_step"), artifact.base_id) == (-1, True, "")
    assert (artifact.keep.policy, artifact.keep.best, list(artifact.remove)) == (1, True, ["old"])
    assert (link.target, list(link.alias)) == ("e/p/c", ["b"])


def test_a_policy_that_does_not_exist_is_refused(run: Any) -> None:
    with pytest.raises(ValueError, match="ALL, NEWEST, EVERY"):
        run.log_artifact({"name": "a", "keep": {"policy": "some"}})


def test_an_absent_daemon_is_an_answer(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setenv("WANDBD_SOCKET", f"/tmp/wandbd-nobody-{os.getpid()}.sock")
    found = core.get_artifact({"name": "a:latest", "session": run.session, "manifest": True}, 1.0)
    assert (found["verdict"], found["artifact"]) == ("UNREACHABLE", None)
    assert "no wandbd daemon" in found["message"]
    assert core.change_artifact({"id": "x", "add_alias": ["a"], "ttl_s": -2}, 1.0)["verdict"] == "UNREACHABLE"
    assert "no wandbd daemon" in core.download_artifact({"id": "x", "root": "/r", "cache": ""}, None)["error"]
    staged = core.stage([("/a", "/b"), ("/c", "/d")], 1.0)
    assert (staged["kept"], staged["full"]) == (["NOT_KEPT", "NOT_KEPT"], "")
    assert "no wandbd daemon" in staged["message"]
    with pytest.raises(ValueError, match="nope"):
        core.get_artifact({"nope": 1}, 1.0)
