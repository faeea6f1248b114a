"""Resizing of images by TensorFlow operations."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

RESIZES = ("stretch", "crop", "pad")


def resized(
    image: tf.Tensor, size: tuple[int, int], resize: str = "stretch", *, is_close: bool = False
) -> tf.Tensor:
    """Returns a uint8 image in another size.

    An image that is much larger, as `is_much_larger` says, is averaged over the area of each new
    pixel, so that no stripes arise; others are interpolated linearly.

    Args:
        image: `(height, width, channels)` uint8.
        size: (height, width) of the result.
        resize: "stretch" changes the proportions; "crop" cuts the longer side evenly at both ends;
            "pad" keeps the whole image, between black bars.
        is_close: Whether the image is known not to be much larger.
    """
    if resize == "crop":
        return _stretched(_cropped(image, size), size, is_close=is_close)
    if resize == "pad":
        height, width = size
        inner = _inside(image, size)
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        image = _stretched(image, inner, is_close=is_close)
        return tf.image.pad_to_bounding_box(image, top, left, height, width)
    return _stretched(image, size, is_close=is_close)


def is_much_larger(factors: Any) -> Any:
    """Whether height and width are so many times as large that interpolation skips many pixels.

    It reads two of so many neighbours: all but a few below 2, and most below 3.

    Args:
        factors: Old height and width divided by the new ones, rounded down; integers.
    """
    return ((factors[0] > 1) & (factors[1] > 1)) | (factors[0] > 2) | (factors[1] > 2)


def _stretched(image: tf.Tensor, size: tuple[int, int] | tf.Tensor, *, is_close: bool) -> tf.Tensor:
    def by(**arguments: Any) -> Callable[[], tf.Tensor]:
        return lambda: tf.image.resize(image, size, **arguments)

    if is_close:
        result = by()()
    else:
        shape, wanted = tf.shape(image)[:2], tf.convert_to_tensor(size)
        result = tf.case(
            [
                (tf.logical_not(is_much_larger(shape // wanted)), by()),
                # Several times as fast as an antialiased interpolation.
                (tf.reduce_all(shape >= wanted), by(method="area")),
            ],
            default=by(antialias=True),
        )
    return tf.cast(result + 0.5, tf.uint8)


def _cropped(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns the largest part in the middle that has the proportions of a size."""
    shape = tf.shape(image)
    height, width = shape[0], shape[1]
    rows = tf.clip_by_value(width * size[0] // size[1], 1, height)
    columns = tf.clip_by_value(height * size[1] // size[0], 1, width)
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]


def _inside(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns the largest size inside another one that has the proportions of the image."""
    shape = tf.cast(tf.shape(image)[:2], tf.float64)
    scale = tf.reduce_min(tf.constant(size, tf.float64) / shape)
    return tf.clip_by_value(tf.cast(tf.round(scale * shape), tf.int32), 1, tf.constant(size))
