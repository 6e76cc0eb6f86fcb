"""`Video`: a clip from frames or a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

from wandbd._errors import Error
from wandbd.data_types._arrays import Raw, array_of, of_numpy
from wandbd.data_types._files import Content, UserFile
from wandbd.data_types._media import BatchableMedia, Sender


class Video(BatchableMedia):
    """A clip. Frames are copied when the object is made and become a GIF in the daemon; other formats need moviepy."""

    EXTS: ClassVar[tuple[str, ...]] = ("gif", "mp4", "webm", "ogg")
    _log_type = "video-file"
    _column_type = "video-file"
    _dir = "videos"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: int | None = None, format: str | None = None
    ) -> None:
        """Take a clip.

        Args:
            data_or_path: Frames of shape (time, channels, height, width) or (batch, time, channels, height, width) with
                values from 0 to 255; or the path of a file, or a `BytesIO` with one.
            caption: Shown with it.
            fps: Frames per second of frames; 4 without it.
            format: `gif`, `mp4`, `webm` or `ogg`; not of a path.

        Raises:
            ValueError: There is no format or an unknown one, or the shape is none of frames.
            OSError: There is no such file.
        """
        super().__init__(caption=caption)
        from io import BytesIO

        self._width: int | None = None
        self._height: int | None = None
        self._source: UserFile | Content | Raw
        self._fps = fps or 4
        if fps and isinstance(data_or_path, (BytesIO, str)):
            from wandbd._term import termwarn

            termwarn(
                "`fps` argument does not affect the frame rate of the video when providing a file path or raw bytes."
            )
        if isinstance(data_or_path, BytesIO):
            self._format = _required(format, "raw bytes (an io object)")
            self._source = Content(data_or_path.read())
        elif isinstance(data_or_path, (str, os.PathLike)):
            self._path = os.fspath(data_or_path)
            self._format = os.path.splitext(self._path)[1][1:].lower()
            if self._format not in self.EXTS:
                raise ValueError(f"wandb.Video accepts {', '.join(self.EXTS)} formats")
            self._source = UserFile(self._path)
        else:
            self._format = _required(format, "a numpy array")
            self._of_frames(data_or_path)

    def _of_frames(self, data: Any) -> None:
        frames = array_of(data)
        if frames is None:
            raise ValueError("wandb.Video accepts a file path or numpy like data as input")
        if frames.ndim < 4:
            raise ValueError("Video must be at least 4 dimensions: time, channels, height, width")
        if frames.dtype != "uint8":
            frames = frames.astype("uint8")
        rows, columns = _grid(frames.shape[0] if frames.ndim == 5 else 1)
        self._height, self._width = int(rows * frames.shape[-2]), int(columns * frames.shape[-1])
        if self._format == "gif":
            self._source = of_numpy(frames).held()
        else:
            self._source = Content(_encoded(_tiled(frames, rows, columns), self._fps, self._format))

    def _row_object(self, to: Sender) -> dict[str, Any]:
        return {**super()._row_object(to), **self._size()}

    def _artifact_object(self) -> dict[str, Any]:
        return {**super()._artifact_object(), **self._size()}

    def _size(self) -> dict[str, Any]:
        return {} if self._width is None else {"width": self._width, "height": self._height}

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        fields: dict[str, Any] = {"dir": self._dir, "extension": f".{self._format}"}
        if isinstance(self._source, Raw):
            return {**fields, "frames": {"array": self._source.fields(), "rate": self._fps}}
        if isinstance(self._source, UserFile):
            fields["extension"] = os.path.splitext(self._source.path)[1]
        return {**fields, **self._source.fields(id)}

    @classmethod
    def _list_in_row(cls, items: Sequence[Video], to: Sender) -> dict[str, Any]:
        return {
            "_type": "videos",
            "count": len(items),
            "videos": [item._in_row(to) for item in items],
            "captions": cls.captions(items),
        }


def _required(format: str | None, what: str) -> str:
    if format is None:
        raise ValueError(f"wandb.Video requires a `format` argument when initializing with {what}.")
    if format not in Video.EXTS:
        raise ValueError(f"wandb.Video accepts {', '.join(Video.EXTS)} formats")
    return format


def _grid(count: int) -> tuple[int, int]:
    """Rows and columns in which clips of a batch are shown."""
    full = count if count & (count - 1) == 0 else 2 ** count.bit_length()
    rows = 2 ** ((count.bit_length() - 1) // 2)
    return int(rows), int(full // rows)


def _tiled(frames: Any, rows: int, columns: int) -> Any:
    """Pictures of shape (height, width, channels), one after the other."""
    import numpy

    if frames.ndim == 4:
        frames = frames[None]
    count, time, channels, height, width = frames.shape
    whole = numpy.zeros((rows * columns, time, channels, height, width), "uint8")
    whole[:count] = frames
    whole = whole.reshape(rows, columns, time, channels, height, width).transpose(2, 0, 4, 1, 5, 3)
    return whole.reshape(time, rows * height, columns * width, channels)


def _encoded(pictures: Any, fps: int, format: str) -> bytes:
    import tempfile

    try:
        from moviepy.video.io.ImageSequenceClip import ImageSequenceClip
    except ImportError:
        raise Error(
            f'wandb.Video requires moviepy to make a {format} of raw data. Install it with "pip install moviepy", or '
            'use format="gif", which needs nothing'
        ) from None
    with tempfile.TemporaryDirectory(prefix="wandbd-") as folder:
        path = os.path.join(folder, f"clip.{format}")
        ImageSequenceClip(list(pictures), fps=fps).write_videofile(path, logger=None)
        with open(path, "rb") as file:
            return file.read()
