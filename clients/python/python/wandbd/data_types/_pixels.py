"""What a picture is made of: raw pixels where that is possible, else the bytes of an encoded file."""

from __future__ import annotations

import sys
from typing import Any

from wandbd._errors import Error
from wandbd.data_types._arrays import Raw, array_of, is_torch, of_numpy, raw
from wandbd.data_types._files import Content, UserFile

FORMATS = ("png", "jpg", "jpeg", "bmp")
_RAW_MODES = {"L": 1, "RGB": 3, "RGBA": 4, "LA": 2}


class Pixels:
    """Raw pixels, to be encoded by the daemon."""

    __slots__ = ("channels_first", "raw", "size")

    def __init__(self, array: Raw, size: tuple[int, int], channels_first: bool = False) -> None:
        """Take an array of this width and height."""
        self.raw = array.held()
        self.size = size
        self.channels_first = channels_first

    def fields(self, id: str) -> dict[str, Any]:
        """Fields of `Media`."""
        return {"pixels": {"array": self.raw.fields(), "normalize": False, "channels_first": self.channels_first}}


class Encoded(Content):
    """A picture that is encoded already."""

    __slots__ = ("size",)

    def __init__(self, data: bytes, size: tuple[int, int]) -> None:
        """Take a file's bytes; the picture has this width and height."""
        super().__init__(data)
        self.size = size


def picture(data: Any, mode: str | None, format: str) -> Pixels | Encoded:
    """What `Image` was given.

    Raises:
        ValueError: It has not the shape of a picture.
    """
    kind = data.__name__ if type(data).__name__ == "module" else f"{type(data).__module__}.{type(data).__name__}"
    if kind.startswith("matplotlib."):
        from wandbd.data_types import _figures

        drawn: Pixels | Encoded = _figures.picture(data, format)
        return drawn
    pil = sys.modules.get("PIL.Image")
    if pil is not None and isinstance(data, pil.Image):
        return _of_pil(data, format)
    if is_torch(data):
        return _of_torch(data, mode, format)
    array = array_of(data)
    if array is None:
        flat = raw(data)
        return _of_raw(Raw(flat.dtype, _squeezed(flat.shape), flat.data), mode, format)
    if array.ndim > 2:
        array = array.reshape(_squeezed(array.shape))
    guessed = guess_mode(array.shape, format)
    if mode is not None and mode != guessed:
        return _by_pil(array, mode, format)
    if guessed == "RGB" and array.shape[-1] == 4:
        array = array[..., :3]
    return Pixels(of_numpy(array), (int(array.shape[1]), int(array.shape[0])))


def guess_mode(shape: Any, format: str | None, channels: int = -1) -> str:
    """PIL's mode by the shape.

    Raises:
        ValueError: It is none of a picture.
    """
    count = shape[channels] if len(shape) == 3 else 1 if len(shape) == 2 else 0
    if len(shape) == 2 or count == 1:
        return "L"
    if count == 3:
        return "RGB"
    if count == 4:
        if format in ("jpg", "jpeg"):
            from wandbd._term import termwarn

            termwarn("JPEG format does not support transparency. Ignoring alpha channel.", repeat=False)
            return "RGB"
        return "RGBA"
    raise ValueError(f"Un-supported shape for image conversion {list(shape)}")


def _of_torch(data: Any, mode: str | None, format: str) -> Pixels | Encoded:
    data = data.detach()
    if data.ndim == 2:
        data = data[None]
    guessed = guess_mode(data.shape, format, channels=0)
    if mode is not None and mode != guessed:
        return _by_pil(data.permute(1, 2, 0).cpu().numpy().squeeze(), mode, format)
    if guessed == "RGB" and data.shape[0] == 4:
        data = data[:3]
    size = (int(data.shape[2]), int(data.shape[1]))
    return Pixels(raw(data.contiguous()), size, channels_first=True)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without trivial axes, unless nothing would be left of a picture."""
    if len(shape) <= 2:
        return shape
    left = tuple(size for size in shape if size != 1)
    if len(left) >= 2:
        return left
    return (1, 1, left[0]) if len(left) == 1 and left[0] == shape[-1] and left[0] in (3, 4) else (*left, 1, 1)[:2]


def _of_raw(array: Raw, mode: str | None, format: str) -> Pixels:
    guessed = guess_mode(array.shape, None if format == "png" else format)
    if mode not in (None, guessed):
        raise Error(f"wandb.Image with mode={mode!r} needs numpy and PIL. To get them, run: pip install numpy pillow")
    return Pixels(array, (array.shape[1], array.shape[0]))


def _of_pil(image: Any, format: str) -> Pixels | Encoded:
    channels = _RAW_MODES.get(image.mode)
    if channels is None or (format != "png" and image.mode not in ("L", "RGB")):
        return _saved(image, format)
    shape = (image.height, image.width) + ((channels,) if channels > 1 else ())
    return Pixels(Raw("|u1", shape, image.tobytes()), image.size)


def _by_pil(array: Any, mode: str, format: str) -> Pixels | Encoded:
    return _of_pil(_pil().fromarray(array.astype("uint8")).convert(mode), format)


def _saved(image: Any, format: str) -> Encoded:
    from io import BytesIO

    file = BytesIO()
    image.save(file, format={"jpg": "jpeg"}.get(format, format), transparency=None)
    return Encoded(file.getvalue(), image.size)


def _pil() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise Error('wandb.Image needs the PIL package. To get it, run "pip install pillow".') from None
    return Image


def opened(source: Pixels | Encoded | UserFile) -> Any:
    """The picture of PIL."""
    from io import BytesIO

    pil = _pil()
    if isinstance(source, UserFile):
        image = pil.open(source.path)
        image.load()
        return image
    if isinstance(source, Encoded):
        image = pil.open(BytesIO(source.read()))
        image.load()
        return image
    import numpy

    array = numpy.frombuffer(bytes(source.raw.data.buffer()), source.raw.dtype).reshape(source.raw.shape)
    if source.channels_first:
        array = array.transpose(1, 2, 0)
    return pil.fromarray(numpy.ascontiguousarray(array.squeeze() if array.ndim > 2 else array).astype("uint8"))
