"""Example pictures of a few samples and what the model makes of them (`examples`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import wandbd
from wandbd.integration.keras.arrays import as_numpy, visible

PICTURES = ("image", "images", "segmentation_mask")


def guess_kind(shape: Sequence[int | None], may_be_3d: bool) -> str | None:
    """What data of a shape (with the batch axis) are: `label`, `image`, `segmentation_mask`, or None."""
    if len(shape) in (1, 2):
        return "label"
    if len(shape) == 3 and may_be_3d:
        return "image"
    if len(shape) == 4:
        return "image" if shape[-1] in (1, 3, 4) else "segmentation_mask"
    return None


class Gallery:
    """Makes the list of pictures for one epoch."""

    def __init__(
        self,
        input_type: str | None,
        output_type: str | None,
        labels: Sequence[str],
        class_colors: Any,
        warn: Callable[[str], None],
    ) -> None:
        """Remember what the data are.

        Args:
            input_type: A kind of picture, `label`, or None.
            output_type: The same for what the model gives.
            labels: Names of the classes.
            class_colors: One colour (red, green, blue, from 0 to 1) for each class; None: chosen.
            warn: Told what cannot be shown as it should.
        """
        self.input_type = input_type
        self.output_type = output_type
        self.labels = list(labels)
        self.class_colors = None if class_colors is None else np.asarray(class_colors, dtype=float)
        self._warn = warn

    @property
    def shows(self) -> bool:
        """Whether there is anything to show."""
        return self.input_type in PICTURES or self.output_type in PICTURES

    def images(self, x: Any, y: Any, predicted: Any) -> list[Any]:
        """The pictures of some samples.

        Args:
            x: Inputs, with the batch axis.
            y: The truth.
            predicted: What the model gave.
        """
        if self.input_type in PICTURES:
            inputs = self._pictures(x, self.input_type)
            if self.output_type == "label":
                captions = self.captions(predicted)
                return [_image(one, caption=caption) for one, caption in zip(inputs, captions, strict=True)]
            if self.output_type in PICTURES:
                outputs, truth = self._pictures(predicted, self.output_type), self._pictures(y, self.output_type)
                threes = zip(inputs, outputs, truth, strict=True)
                return [image for a, b, c in threes for image in (_image(a, grouping=3), _image(b), _image(c))]
            return [_image(one) for one in inputs]
        outputs, truth = self._pictures(predicted, self.output_type), self._pictures(y, self.output_type)
        captions = self.captions(x) if self.input_type == "label" else [None] * len(outputs)
        pairs = zip(outputs, truth, captions, strict=True)
        return [image for a, b, text in pairs for image in (_image(a, grouping=2, caption=text), _image(b))]

    def captions(self, values: Any) -> list[Any]:
        """The label of each prediction: of one unit by 0.5, of several by the largest."""
        array = as_numpy(values)
        array = array.reshape(len(array), -1)
        if array.shape[1] == 1:
            if len(self.labels) == 2:
                return [self.labels[1] if one > 0.5 else self.labels[0] for one in array[:, 0]]
            if self.labels:
                self._warn("captions need two labels where the model has one output; numbers are shown")
            return [str(one) for one in array[:, 0].tolist()]
        return [self._label(int(one)) for one in array.argmax(axis=1)]

    def _label(self, number: int) -> str:
        return str(self.labels[number]) if number < len(self.labels) else str(number)

    def _pictures(self, values: Any, kind: str | None) -> Any:
        array = _channels_last(as_numpy(values))
        if kind != "segmentation_mask" or array.ndim < 4 or array.shape[-1] == 1:
            return array
        colours = self.class_colors if self.class_colors is not None else _palette(array.shape[-1])
        return colours[array.argmax(axis=-1)]


def _image(array: Any, caption: Any = None, grouping: int | None = None) -> Any:
    return wandbd.Image(visible(array), caption=caption, grouping=grouping)


def _channels_last(array: Any) -> Any:
    import keras

    if array.ndim == 4 and keras.config.image_data_format() == "channels_first":
        return np.moveaxis(array, 1, -1)
    return array


def _palette(classes: int) -> Any:
    """Black for the first class, the others hues of full saturation at equal distances."""
    import colorsys

    hues = [colorsys.hsv_to_rgb(number / max(classes - 1, 1), 1.0, 1.0) for number in range(classes - 1)]
    return np.asarray([(0.0, 0.0, 0.0), *hues])
