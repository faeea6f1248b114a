"""Decoding of image files by TensorFlow operations.

Training and a served program both decode here, so that they see the same pixels.
"""

import functools
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.images.header import Header

# Channels by Keras's names.
COLOR_MODES = {"rgb": 3, "grayscale": 1}
_UNREADABLE = "no whole JPEG, PNG, BMP, WebP or GIF"
_DEEP = "a PNG of 16 bits a channel, of which 8 would be lost: scale its levels to 8 bits"
_TABLE = "a BMP with a colour table or compression: save it as PNG"
# `tf.io.decode_image` ends the process on some of them.
_ANIMATED = "a WebP with an animation: save one frame of it"
_TRANSPARENT = "transparent: paste it on a background"


def decode(raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the image in a file and the problem with the file, "" if there is none.

    Of an animated GIF the image is the first frame. It is turned upright as EXIF data asks.

    Args:
        raw: The contents of a JPEG, PNG, BMP, GIF or WebP file.

    Returns:
        `(height, width, 3)` uint8, and a scalar string.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs, if the file is damaged.
    """
    header = Header(raw)
    problem = _problem(header)
    image, is_opaque = tf.cond(
        problem == "",
        lambda: _pixels(raw, header),
        lambda: (tf.zeros((1, 1, 3), tf.uint8), tf.constant(True)),
    )
    problem = tf.where(is_opaque, problem, _TRANSPARENT)
    return _upright(image, header.orientation), problem


def convert(image: tf.Tensor, size: tuple[int, int], color_mode: str) -> tf.Tensor:
    """Returns an RGB image in another size and in one of `COLOR_MODES`."""
    return resize(tf.image.rgb_to_grayscale(image) if color_mode == "grayscale" else image, size)


def decode_resized(raw: tf.Tensor, size: tuple[int, int], color_mode: str) -> tf.Tensor:
    """Returns the image in a file; the graph raises when there is a problem with the file."""
    image, problem = _program()(raw)
    with tf.control_dependencies([tf.debugging.Assert(problem == "", [problem])]):
        return convert(image, size, color_mode)


def resize(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns a uint8 image stretched to a size: bilinear, and antialiased if it shrinks."""
    resized = tf.image.resize(image, size, antialias=True)
    return tf.saturate_cast(tf.round(resized), tf.uint8)


def read_file(path: pathlib.Path, size: tuple[int, int], color_mode: str) -> np.ndarray | None:
    """Returns the image in a file, or None if there is a problem with the file."""
    image, found = _read(path)
    return None if found else convert(image, size, color_mode).numpy()


def file_problem(path: pathlib.Path) -> str:
    """Returns the problem with a file for which `read_file` returns None."""
    return _read(path)[1]


def check_size(image_size: tuple[int, int]) -> None:
    """Raises unless `image_size` is a pair (height, width)."""
    is_pair = isinstance(image_size, (tuple, list)) and len(image_size) == 2
    if not is_pair or not all(isinstance(n, int) and n >= 1 for n in image_size):
        raise _checks.InvalidArgument(
            "image_size", "be (height, width) in pixels", image_size, "For example (224, 224)."
        )


def _read(path: pathlib.Path) -> tuple[Any, str]:
    try:
        image, found = _program()(tf.constant(path.read_bytes()))
    except tf.errors.InvalidArgumentError:
        return None, _UNREADABLE
    return image, found.numpy().decode()


@functools.cache
def _program() -> Any:
    """Returns `decode` as one graph."""
    spec = tf.TensorSpec((), tf.string)
    return tf.function(decode, input_signature=[spec], autograph=False)


def _problem(header: Header) -> tf.Tensor:
    known = header.is_jpeg | header.is_png | header.is_bmp | header.is_webp | header.is_gif
    return tf.case(
        [
            (~known, lambda: _UNREADABLE),
            (header.is_png & (header.png_bits == 16), lambda: _DEEP),
            (header.is_bmp & ~header.is_plain_bmp, lambda: _TABLE),
            (header.is_animated_webp, lambda: _ANIMATED),
            (header.is_gif & ~header.is_opaque_gif, lambda: _TRANSPARENT),
        ],
        default=lambda: "",
    )


def _pixels(raw: tf.Tensor, header: Header) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `(height, width, 3)` levels and whether every pixel is opaque."""

    def decoded(channels: int) -> tf.Tensor:
        image = tf.io.decode_image(raw, channels=channels, expand_animations=False)
        return tf.ensure_shape(image, (None, None, None))

    def without_alpha(image: Any) -> tuple[tf.Tensor, tf.Tensor]:
        is_opaque = tf.reduce_all(image[..., 3:] == tf.constant(255, tf.uint8))
        return tf.ensure_shape(image[..., :3], (None, None, 3)), is_opaque

    # PNG: alpha has to be asked for. WebP: 0 gives alpha if the file has it.
    return tf.case(
        [
            (header.has_alpha, lambda: without_alpha(decoded(4))),
            (header.is_webp, lambda: without_alpha(decoded(0))),
        ],
        default=lambda: (tf.ensure_shape(decoded(3), (None, None, 3)), tf.constant(True)),
    )


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Returns an image turned upright from its EXIF orientation."""

    def is_one_of(*orientations: int) -> tf.Tensor:
        return tf.reduce_any(orientation == tf.constant(orientations, tf.int64))

    image = tf.cond(is_one_of(5, 6, 7, 8), lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    image = tf.cond(is_one_of(2, 3, 6, 7), lambda: image[:, ::-1], lambda: image)
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: image[::-1], lambda: image)
