"""`Histogram`: numbers counted in bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from wandbd._errors import Error
from wandbd.data_types._arrays import Raw, raw
from wandbd.data_types._media import Sender, WBValue, plain


class Histogram(WBValue):
    """Numbers counted in bins, as `numpy.histogram` does it.

    Numbers are copied when the object is made and counted in the daemon. `histogram` (the counts) and `bins` (the
    edges) are counted here when somebody asks for them, which needs numpy.
    """

    MAX_LENGTH: ClassVar[int] = 512
    _log_type = "histogram"

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        """Take numbers, or what numpy has counted.

        Args:
            sequence: Any array, tensor, buffer or list of numbers.
            np_histogram: Counts and edges; one edge more than counts.
            num_bins: At most 512.

        Raises:
            ValueError: There are too many bins, or edges do not fit counts.
        """
        super().__init__()
        self._counted: tuple[list[Any], list[Any]] | None = None
        self._raw: Raw | None = None
        self._bins = num_bins
        if np_histogram:
            if len(np_histogram) != 2:
                raise ValueError(
                    "Expected np_histogram to be a tuple of (values, bin_edges) or sequence to be specified"
                )
            self._counted = (_listed(np_histogram[0]), _listed(np_histogram[1]))
            if len(self._counted[0]) > self.MAX_LENGTH:
                raise ValueError(f"The maximum length of a histogram is {self.MAX_LENGTH}")
            if len(self._counted[0]) + 1 != len(self._counted[1]):
                raise ValueError("len(bins) must be len(histogram) + 1")
            return
        if num_bins > self.MAX_LENGTH:
            raise ValueError(f"The maximum length of a histogram is {self.MAX_LENGTH}")
        if num_bins < 1:
            raise ValueError("`bins` must be positive, when an integer")
        self._raw = raw(sequence).held()

    @property
    def histogram(self) -> list[Any]:
        """How many numbers fall into each bin."""
        return self._count()[0]

    @property
    def bins(self) -> list[Any]:
        """The edges of the bins."""
        return self._count()[1]

    def _count(self) -> tuple[list[Any], list[Any]]:
        if self._counted is None:
            try:
                import numpy
            except ImportError:
                raise Error("Auto creation of histograms requires numpy") from None
            assert self._raw is not None
            numbers = numpy.frombuffer(bytes(self._raw.data.buffer()), self._raw.dtype)
            if numbers.dtype.kind == "b":
                numbers = numbers.astype("uint8")
            counts, edges = numpy.histogram(numbers[numpy.isfinite(numbers)], bins=self._bins)
            self._counted = (counts.tolist(), edges.tolist())
        return self._counted

    def _artifact_object(self) -> dict[str, Any]:
        if self._counted is None:
            return {"_type": self._log_type}
        return {"_type": self._log_type, "values": self._counted[0], "bins": self._counted[1]}

    def _row_object(self, to: Sender) -> dict[str, Any]:
        return self._artifact_object()

    def _in_row(self, to: Sender) -> Any:
        return self._artifact_object() if self._counted is not None else self._place(to)

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        if self._raw is None or self._counted is not None:
            return {}
        return {"histogram": {"array": self._raw.fields(), "bins": self._bins}}

    def to_json(self, run_or_artifact: Any = None) -> dict[str, Any]:
        """With counts and edges."""
        return {"_type": self._log_type, "values": self.histogram, "bins": self.bins}

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> Histogram:
        """The histogram that an artifact holds."""
        return cls(np_histogram=(json_obj["values"], json_obj["bins"]))


def _listed(values: Sequence[Any] | Any) -> list[Any]:
    found: list[Any] = plain(values)
    return found
