"""What becomes of values that are not plain JSON."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import pathlib
import sys
import types
from typing import Any

import pytest

from wandbd._values import config_value, convert, strict

numpy = pytest.importorskip("numpy")


class Color(enum.Enum):
    RED = 1
    ODD = object()


@dataclasses.dataclass
class Point:
    x: int
    y: Any


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numpy.float32(1.5), 1.5),
        (numpy.int64(3), 3),
        (numpy.bool_(True), True),
        (numpy.float16(2), 2.0),
        (numpy.array(7.0), 7.0),
        (numpy.ones((1, 1)), 1.0),
        (numpy.arange(3), [0, 1, 2]),
        (numpy.ones((2, 2)), [[1.0, 1.0], [1.0, 1.0]]),
        (numpy.zeros(0), []),
        (numpy.array(["a", "b"]), ["a", "b"]),
        ((1, 2), [1, 2]),
        ({1}, [1]),
        (frozenset(["a"]), ["a"]),
        (Color.RED, 1),
        (Color.ODD, "ODD"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.datetime(2020, 1, 2, 3), "2020-01-02T03:00:00"),
        (datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.timezone.utc), "2020-01-02T03:00:00Z"),
        (datetime.timedelta(seconds=1.5), "PT1.5S"),
        (datetime.timedelta(days=1, seconds=2), "P1DT2S"),
        (datetime.timedelta(days=-1), "-P1D"),
        (numpy.longdouble(1.5), 1.5),
        (numpy.timedelta64(5, "s"), "PT5S"),
        (numpy.ma.array([1, 2, 3], mask=[0, 1, 0]), [1, None, 3]),
        (1 + 2j, "1+2j"),
        (fractions.Fraction(1, 2), "1/2"),
        (print, "builtins.print"),
        (Point, f"{__name__}.Point"),
        ((n for n in (1, 2)), [1, 2]),
        (b"ab", "ab"),
        (b"\xff", "\\xff"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (decimal.Decimal("1.5"), "1.5"),
        (Point(1, numpy.arange(2)), {"x": 1, "y": [0, 1]}),
        (types.MappingProxyType({1: {2}}), {"1": [2]}),
        ([numpy.float32(1), [numpy.int8(2)]], [1.0, [2]]),
    ],
)
def test_a_logged_value_becomes_plain_json(value: object, expected: object) -> None:
    converted = convert(value)
    assert converted == expected
    assert type(converted) is type(expected)


def test_arrays_of_more_than_32_elements_become_histograms_of_32_bins() -> None:
    result = convert(numpy.append(numpy.arange(40.0), [math.nan, math.inf]))
    assert result["_type"] == "histogram"
    assert len(result["values"]) == 32
    assert len(result["bins"]) == 33
    assert sum(result["values"]) == 40
    assert (result["bins"][0], result["bins"][-1]) == (0.0, 39.0)
    assert all(type(count) is int for count in result["values"])


def test_an_array_without_a_finite_number_is_an_empty_histogram_and_no_error() -> None:
    assert sum(convert(numpy.full(40, math.nan))["values"]) == 0


def test_tensors_are_known_by_their_shape_without_importing_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tensor:  # as TensorFlow's and Keras's
        def numpy(self) -> Any:
            return numpy.float32(2.5)

    class Array:  # as JAX's
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return numpy.asarray([1.0, 2.0])

    class TorchTensor:
        dtype = "float32"

        def detach(self) -> TorchTensor:
            return self

        def cpu(self) -> TorchTensor:
            return self

        def numpy(self) -> Any:
            return numpy.asarray(4.0)

    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(Tensor=TorchTensor, bfloat16="bfloat16"))
    assert convert(Tensor()) == 2.5
    assert convert(Array()) == [1.0, 2.0]
    assert convert(TorchTensor()) == 4.0


@pytest.mark.parametrize(
    ("value", "name"), [(object(), "object"), (numpy.array((1, b"x"), dtype="i4,S1")[()], "numpy.void")]
)
def test_a_value_without_a_json_form_is_a_type_error_that_names_its_type(value: object, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        convert(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numpy.float32(1.5), 1.5),
        (numpy.arange(3), [0, 1, 2]),
        (math.nan, None),
        ({1}, [1]),
        (Color.RED, "RED"),
        (print, "builtins.print"),
        (datetime.date(2020, 1, 1), "2020-01-01"),
        ({3: 4, "x": numpy.arange(2), "n": math.nan}, {"3": 4, "x": [0, 1], "n": None}),
        ((1, (2,)), [1, [2]]),
        (slice(1, 2), {"slice_start": 1, "slice_step": None, "slice_stop": 2}),
        (argparse.Namespace(z=1), "Namespace(z=1)"),
        (Point(1, 2), {"x": 1, "y": 2}),
    ],
)
def test_a_config_value_always_finds_a_form(value: object, expected: object) -> None:
    assert config_value(value) == expected


def test_strict_json_holds_no_infinity() -> None:
    assert strict({"a": [math.inf, 1.0], "b": {"c": -math.inf}}) == {"a": [None, 1.0], "b": {"c": None}}
