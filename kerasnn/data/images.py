"""Image files as arrays of one size."""

import pathlib

import numpy as np
import tensorflow as tf

from kerasnn import _checks

COLOURS = {"rgb": 3, "grayscale": 1}


def decode(raw: tf.Tensor, size: tuple[int, int], colour: str) -> tf.Tensor:
    """Returns the JPEG, PNG, BMP, GIF or WebP in `raw` as `(height, width, channels)` uint8.

    Of a moving GIF that is the first frame. Transparency is dropped. A turn that the camera only
    wrote into the file's EXIF notes is not made.
    """
    image = tf.io.decode_image(raw, channels=3, expand_animations=False)
    if colour == "grayscale":
        image = tf.image.rgb_to_grayscale(image)
    return resize(image, size)


def resize(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns the uint8 `image` stretched to `size`: bilinear, and antialiased where it shrinks."""
    resized = tf.image.resize(image, size, antialias=True)
    return tf.saturate_cast(tf.round(resized), tf.uint8)


def read(path: pathlib.Path, size: tuple[int, int], colour: str) -> np.ndarray | None:
    """Returns the image in a file, or None where there is no image that can be read."""
    raw = path.read_bytes()
    if _has_colour_table(raw):
        return None
    try:
        return decode(tf.constant(raw), size, colour).numpy()
    except tf.errors.InvalidArgumentError:
        return None


def check_size(image_size: tuple[int, int]) -> None:
    """Raises unless `image_size` is a pair (height, width)."""
    is_pair = isinstance(image_size, (tuple, list)) and len(image_size) == 2
    if not is_pair or not all(isinstance(n, int) and n >= 1 for n in image_size):
        raise _checks.wrong(
            "image_size", "be (height, width) in pixels", image_size, "For example (224, 224)."
        )


def _has_colour_table(raw: bytes) -> bool:
    """Whether this is a BMP whose 8-bit pixels TensorFlow would mistake for levels of grey."""
    if raw[:2] != b"BM" or int.from_bytes(raw[28:30], "little") != 8:
        return False
    start = 14 + int.from_bytes(raw[14:18], "little")
    end = int.from_bytes(raw[10:14], "little")
    table = np.frombuffer(raw[start:end], dtype=np.uint8)
    table = table[: len(table) // 4 * 4].reshape(-1, 4)[:, :3]
    return bool((table != np.arange(len(table))[:, np.newaxis]).any())
