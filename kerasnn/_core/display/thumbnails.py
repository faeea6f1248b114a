"""Small copies of images, as parts of a page."""

import base64

import numpy as np
import tensorflow as tf


def thumbnails(images: np.ndarray, *, pixels: int = 128) -> list[str]:
    """Returns images as data URIs of PNG files with sides of at most `pixels`.

    Args:
        images: `(images, height, width, channels)` with 1 or 3 channels, of any range: of others
            than bytes the least number is black and the largest white.
        pixels: Maximum height and width.
    """
    levels = images.astype(np.float32)
    if images.dtype != np.uint8:
        low, high = levels.min(), levels.max()
        levels = (levels - low) * 255 / ((high - low) or 1.0)
    levels = shrunk(levels, pixels)
    files = [tf.io.encode_png(tf.cast(tf.round(image), tf.uint8)).numpy() for image in levels]
    return [f"data:image/png;base64,{base64.b64encode(file).decode()}" for file in files]


def shrunk(images: np.ndarray, pixels: int) -> np.ndarray:
    """Returns images as float32 with sides of at most so many pixels, by means over areas.

    Args:
        images: `(images, height, width)` or `(images, height, width, channels)`.
        pixels: Maximum height and width.
    """
    levels = images.astype(np.float32)
    height, width = levels.shape[1:3]
    scale = min(1.0, pixels / max(height, width))
    if scale == 1:
        return levels
    size = max(1, round(height * scale)), max(1, round(width * scale))
    channels = levels.reshape(*levels.shape[:3], -1)
    return (
        tf.image.resize(channels, size, method="area")
        .numpy()
        .reshape(len(levels), *size, *levels.shape[3:])
    )
