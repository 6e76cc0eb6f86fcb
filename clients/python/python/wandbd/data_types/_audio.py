"""`Audio`: a clip from samples or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from wandbd.data_types._arrays import Raw, array_of, of_numpy, raw
from wandbd.data_types._files import UserFile
from wandbd.data_types._media import BatchableMedia, Sender, WBValue

_AS_THEY_ARE = ("<f4", "<f8", "<i2", "<i4")


class Audio(BatchableMedia):
    """A clip. Samples are copied when the object is made and become a WAV file in the daemon."""

    _log_type = "audio-file"
    _column_type = "audio-file"
    _dir = "audio"

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        """Take a clip.

        Args:
            data_or_path: Samples of shape (n,) or (n, channels), floats from -1 to 1 or integers; or a path.
            sample_rate: Samples per second.
            caption: Shown with it.

        Raises:
            ValueError: There are samples, but no rate.
            OSError: There is no such file.
        """
        super().__init__(caption=caption)
        self._duration: float | None = None
        self._sample_rate = sample_rate
        self._source: UserFile | Raw | None = None
        if isinstance(data_or_path, (str, os.PathLike)):
            self._path = os.fspath(data_or_path)
            if not self.path_is_reference(self._path):
                self._source = UserFile(self._path)
            return
        if sample_rate is None:
            raise ValueError('Argument "sample_rate" is required when instantiating wandb.Audio with raw data.')
        samples = _samples(data_or_path)
        self._duration = samples.shape[0] / float(sample_rate)
        self._source = samples.held()

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        if self._source is None:
            return {"dir": self._dir, "extension": os.path.splitext(str(self._path))[1], "reference": self._path}
        if isinstance(self._source, UserFile):
            extension = os.path.splitext(self._source.path)[1]
            return {"dir": self._dir, "extension": extension, **self._source.fields(id)}
        return {
            "dir": self._dir,
            "extension": ".wav",
            "sound": {"array": self._source.fields(), "rate": self._sample_rate},
        }

    def _in_row(self, to: Sender) -> Any:
        if self.path_is_reference(self._path):
            raise ValueError(
                "Audio media created by a reference to external storage cannot currently be added to a run"
            )
        return self._place(to)

    @classmethod
    def _list_in_row(cls, items: Sequence[Audio], to: Sender) -> dict[str, Any]:
        found: dict[str, Any] = {
            "_type": "audio",
            "count": len(items),
            "audio": [item._in_row(to) for item in items],
            "sampleRates": cls.sample_rates(items),
            "durations": cls.durations(items),
        }
        captions = cls.captions(items)
        if captions:
            found["captions"] = captions
        return found

    @classmethod
    def durations(cls, audio_list: Sequence[Audio]) -> list[float | None]:
        """How many seconds each lasts; None for files."""
        return [item._duration for item in audio_list]

    @classmethod
    def sample_rates(cls, audio_list: Sequence[Audio]) -> list[int | None]:
        """How many samples per second each has."""
        return [item._sample_rate for item in audio_list]

    @staticmethod
    def captions(media_items: Sequence[Any]) -> bool | list[str | None]:
        """The captions of all, or False if there are none."""
        captions = [item._caption for item in media_items]
        return False if all(caption is None for caption in captions) else [caption or "" for caption in captions]

    def resolve_ref(self) -> str | None:
        """The address that it was made of."""
        return self._path if self.path_is_reference(self._path) else None

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any], source_artifact: Any) -> Audio:
        """The clip that an artifact holds."""
        return cls(source_artifact.get_entry(json_obj["path"]).download(), caption=json_obj.get("caption"))

    def __eq__(self, other: object) -> bool:
        """With the same samples or file, and caption."""
        if not isinstance(other, Audio) or self._caption != other._caption:
            return False
        return self is other or _bytes(self) == _bytes(other)

    __hash__ = WBValue.__hash__


def _samples(data: Any) -> Raw:
    array = array_of(data)
    if array is None:
        samples = raw(data)
    else:
        if array.dtype.str not in _AS_THEY_ARE:
            array = array.astype("int16" if array.dtype.str in ("|u1", "|i1") else "float64")
        samples = of_numpy(array)
    if len(samples.shape) not in (1, 2):
        raise ValueError(f"Audio data must be of shape (n,) or (n, channels), not {list(samples.shape)}")
    return samples


def _bytes(clip: Audio) -> Any:
    if isinstance(clip._source, UserFile):
        with open(clip._source.path, "rb") as file:
            return file.read()
    return clip._path if clip._source is None else (clip._sample_rate, bytes(clip._source.data.buffer()))
