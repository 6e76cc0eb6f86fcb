"""The compiled core without a daemon: what `log` accepts, counts and keeps."""

from __future__ import annotations

import collections
import enum
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wandbd._values import convert

core = pytest.importorskip("wandbd._core", reason="the extension is not built")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setenv("WANDBD_SOCKET", f"/tmp/wandbd-nobody-{os.getpid()}.sock")
    monkeypatch.setenv("WANDBD_STATE_DIR", str(tmp_path / "state"))
    core.configure(daemon=None, convert=convert)
    yield core.Run.open({"run_id": "abc"})
    core.configure(daemon=None, convert=None)


def test_plain_values_keep_their_types(run: Any) -> None:
    data = {
        "float": 0.5,
        "int": 3,
        "negative": -(2**63),
        "bool": True,
        "text": "h\u00e9",
        "none": None,
        "huge": 2**70,
        "list": [1, 2.5, "x", None, True, [], {"k": [1]}],
        "tuple": (1, (2,)),
        "infinity": -math.inf,
    }
    run.log(data)
    kept = run.values()
    assert kept == {**data, "tuple": [1, [2]]}
    assert [type(kept[name]) for name in ("float", "int", "bool")] == [float, int, bool]


def test_nan_is_kept(run: Any) -> None:
    run.log({"loss": math.nan})
    assert math.isnan(run.values()["loss"])


def test_nested_dicts_are_leaves_and_an_empty_one_stays(run: Any) -> None:
    data = {"a": {"b": {"c": 1}, "empty": {}}, "a.b": 2, "ordered": collections.OrderedDict(x=1)}
    run.log(data)
    assert run.values() == data


def test_subclasses_of_plain_types_are_plain_and_enums_are_not(run: Any) -> None:
    class Loss(float):
        pass

    class Colour(enum.IntEnum):
        RED = 1

    run.log({"loss": Loss(0.5), "default": collections.defaultdict(int, a=1), "colour": Colour.RED})
    assert run.values() == {"loss": 0.5, "default": {"a": 1}, "colour": convert(Colour.RED)}


def test_numpy_scalars_and_small_arrays_are_numbers(run: Any) -> None:
    numpy = pytest.importorskip("numpy")
    run.log(
        {
            "half": numpy.float16(0.5),
            "single": numpy.float32(0.25),
            "double": numpy.float64(0.1),
            "int": numpy.int32(-7),
            "large": numpy.uint64(2**63 + 1),
            "bool": numpy.bool_(True),
            "zero_d": numpy.array(4.0),
            "list": [numpy.float32(1), numpy.int8(2)],
        },
        step=numpy.int64(5),
    )
    assert run.values() == {
        "half": 0.5,
        "single": 0.25,
        "double": 0.1,
        "int": -7,
        "large": 2**63 + 1,
        "bool": True,
        "zero_d": 4.0,
        "list": [1.0, 2],
    }
    assert run.step == 5


def test_a_wrong_call_says_what_is_wrong_with_it(run: Any) -> None:
    endless: list[Any] = []
    endless.append(endless)
    wrong: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: run.log([1]), TypeError, "wandb.log must be passed a dictionary, not list"),
        (lambda: run.config([1]), TypeError, "config must be passed a dictionary, not list"),
        (lambda: run.log({1: 2}), TypeError, "Key values passed to `wandb.log` must be strings. 1 is of type int"),
        (lambda: run.log({"x": object()}), TypeError, '"x"'),
        (lambda: run.log({"x": endless}), ValueError, "deeper"),
        (lambda: run.save([], "never"), ValueError, "never"),
        (lambda: run.alert("title", "text", "LOUD", 0.0), ValueError, "LOUD"),
        (lambda: run.log({"x": 1}, step=1.5), TypeError, "1.5"),
        (lambda: core.Run.open({"nope": 1}), ValueError, "nope"),
        (lambda: run.define_metric("x", summary=["best"]), ValueError, "best"),
    ]
    for call, error, text in wrong:
        with pytest.raises(error, match=text):
            call()
    assert run.stats()["records"] == 0


def test_nothing_of_a_call_is_kept_when_one_of_its_values_has_no_json_form(run: Any) -> None:
    with pytest.raises(TypeError, match=r'"b": .*object'):
        run.log({"a": 1, "b": {"c": object()}})
    run.log({"d": 2})
    assert (run.values(), run.step, run.stats()["records"]) == ({"d": 2}, 1, 1)


def test_keys_inside_values_are_named_as_wandb_names_them(run: Any) -> None:
    class Colour(enum.Enum):
        RED = "red"

    keys = {1: 1, 2**70: 2, 1.5: 3, False: 4, None: 5, (1, "b"): 6, Colour.RED: 7, "s": 8}
    named = {"1": 1, str(2**70): 2, "1.5": 3, "false": 4, "None": 5, "1,b": 6, "red": 7, "s": 8}
    run.log({"leaves": keys, "inside": [keys]})
    assert run.values() == {"leaves": named, "inside": [named]}


def test_text_that_is_not_unicode_is_repaired(run: Any) -> None:
    run.log({"lone": "a\ud800b", "pair": "\ud83d\ude00", "list": ["\udfff"]})
    assert run.values() == {"lone": "a\ufffdb", "pair": "\U0001f600", "list": ["\ufffd"]}


def test_a_step_that_goes_backward_is_the_daemons_business(run: Any) -> None:
    run.log({"x": 1}, step=5)
    run.log({"x": 1}, step=-1)
    assert (run.step, run.stats()["records"]) == (5, 2)


def test_console_text_of_any_kind_is_taken_in_bounded_pieces(run: Any) -> None:
    for text in ("", "\x00\x1b[31m\r", "\ud800", "x" * 1_000_000):
        run.output(True, text)
    run.logs("a line\n")
    assert run.stats()["records"] == 2 + 16 + 1


def test_text_that_finds_no_room_is_counted_and_nobody_waits(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setenv("WANDBD_BUFFER_BYTES", "65536")
    monkeypatch.setenv("WANDBD_SOCKET", f"/tmp/wandbd-nobody-else-{os.getpid()}.sock")
    full = core.Run.open({"run_id": "full"})
    for _ in range(100):
        full.output(False, "x" * 1000)
    assert full.stats()["dropped_records"] > 0


def test_a_signal_handler_may_write_while_the_console_is_written(run: Any) -> None:
    written = 0

    def handler(number: int, frame: Any) -> None:
        nonlocal written
        run.output(True, "caught\n")
        run.log({"caught": 1})
        written += 1

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        while written < 20:
            run.output(False, "x")
            run.log({"x": 1})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_absent_daemon_is_an_answer_to_login_and_restore(run: Any) -> None:
    login = core.login({"base_url": "http://localhost:1", "api_key": "k"}, True, True, 5.0)
    assert (login["verdict"], login["sent"], login["older"]) == ("UNREACHABLE", [], [])
    assert "no wandbd daemon listens" in login["message"]
    restored = core.restore(None, run.session, "", "model.h5", "/nowhere", 5.0)
    assert restored["found"] is False and "no wandbd daemon listens" in restored["message"]


def test_what_the_server_said_is_none_until_it_says_something(run: Any) -> None:
    assert run.opened(0.0) is None
    assert run.info(0.0)["tag"] == []


def test_a_wrong_api_key_type_is_refused_without_showing_it() -> None:
    with pytest.raises(TypeError) as refused:
        core.Run.open({"server": {"api_key": 123456789}})
    assert "123456789" not in str(refused.value)


def test_the_step_follows_the_rules_of_wandb(run: Any) -> None:
    steps = []
    for step, commit in [(None, None), (None, False), (5, None), (5, None), (3, None), (9, True), (None, None)]:
        run.log({"x": 1}, step=step, commit=commit)
        steps.append(run.step)
    assert steps == [1, 1, 5, 5, 5, 10, 11]


class ArrayImpl:
    """What JAX gives out, as far as the core looks."""

    size = 1

    def __init__(self, value: float, ready: bool = False) -> None:
        self.value, self.ready, self.copies, self.reads = value, ready, 0, 0

    def is_ready(self) -> bool:
        return self.ready

    def copy_to_host_async(self) -> None:
        self.copies += 1

    @property
    def __array__(self) -> None:
        raise AssertionError("read by another way")


ArrayImpl.__module__ = "jaxlib._jax"


@pytest.fixture
def device(run: Any) -> Any:
    def read(array: ArrayImpl, run: Any, key: str, path: str) -> float:
        array.reads += 1
        return array.value

    core.configure(daemon=None, convert=read)
    return run


def test_a_device_value_is_read_in_a_later_call_and_rows_stay_in_order(device: Any) -> None:
    late = ArrayImpl(1.0)
    device.log({"loss": late, "epoch": 1})
    device.log({"plain": 2})
    assert (late.copies, late.reads, device.step, device.stats()["records"]) == (1, 0, 2, 0)
    late.ready = True
    device.log({"plain": 3})
    assert (late.reads, device.stats()["records"]) == (1, 3)
    assert device.values() == {"loss": 1.0, "epoch": 1, "plain": 3}


def test_a_device_value_that_is_there_is_read_at_once(device: Any) -> None:
    device.log({"loss": ArrayImpl(2.0, ready=True)})
    assert device.values() == {"loss": 2.0}


def test_no_more_than_64_rows_wait_for_the_device(device: Any) -> None:
    arrays = [ArrayImpl(float(i)) for i in range(70)]
    for array in arrays:
        device.log({"loss": array})
    assert device.stats()["records"] == 6
    assert [array.reads for array in arrays] == [1] * 6 + [0] * 64
    device.flush(0.0)
    assert device.stats()["records"] == 70


def test_large_arrays_are_not_kept_on_the_device(device: Any) -> None:
    array = ArrayImpl(1.0)
    array.size = 5000
    device.log({"hidden": array})
    assert (array.reads, array.copies) == (1, 0)


def test_deferring_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, device: Any) -> None:
    monkeypatch.setenv("WANDBD_DEFER", "0")
    array = ArrayImpl(1.0)
    core.Run.open({"run_id": "other"}).log({"loss": array})
    assert (array.reads, array.copies) == (1, 0)


def test_control_c_ends_a_wait(run: Any) -> None:
    run.log({"x": 1})
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run.flush(60.0)
    timer.join()


def test_a_wrong_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDBD_BUFFER_BYTES", "much")
    with pytest.raises(ValueError, match="WANDBD_BUFFER_BYTES=much"):
        core.Run.open({"run_id": "abc"})


def test_paths_are_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("WANDBD_STATE_DIR", str(state))
    paths = core.paths()
    assert (paths["state"], paths["staging"]) == (str(state), str(state / "staging"))
    assert state.stat().st_mode & 0o777 == (state / "staging").stat().st_mode & 0o777 == 0o700
    state.chmod(0o755)
    with pytest.raises(ValueError, match="0755"):
        core.paths()
