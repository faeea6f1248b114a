"""Decoding of image files by TensorFlow operations.

Training and a served program both decode here, so that they see the same pixels.
"""

import functools
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.images.header import Header
from kerasnn.data.images.resizing import resized

# Channels by Keras's names.
COLOR_MODES = {"rgb": 3, "grayscale": 1}
# libjpeg reduces by 2, 4 and 8.
_MOST_REDUCED = 3
_UNREADABLE = "no whole JPEG, PNG, BMP, WebP or GIF"
_DEEP = "a PNG of 16 bits a channel, of which 8 would be lost: scale its levels to 8 bits"
_TABLE = "a BMP with a colour table or compression: save it as PNG"
# `tf.io.decode_image` ends the process on some of them.
_ANIMATED = "a WebP with an animation: save one frame of it"
_TRANSPARENT = "transparent: paste it on a background"


class Decoded(NamedTuple):
    """An image as it was decoded, all tensors.

    Args:
        image: `(height, width, 3)` uint8, upright.
        problem: The problem with the file, a string; "" if there is none.
        reduction: Binary logarithm of the factor by which a JPEG was reduced, from 0 to 3.
        orientation: EXIF orientation from 1 to 8.
    """

    image: Any
    problem: Any
    reduction: Any
    orientation: Any


def decode(raw: tf.Tensor, size: tuple[int, int]) -> Decoded:
    """Returns the image in a file, for a resize to `size`.

    Of an animated GIF the image is the first frame. A JPEG that is at least twice, 4 or 8 times as
    high and wide as `size` is reduced by that factor, which its coding makes cheap.

    Args:
        raw: The contents of a JPEG, PNG, BMP, GIF or WebP file.
        size: (height, width) in pixels.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs, if the file is damaged.
    """
    # Most files, whose header need not be read part by part, which takes longer than their pixels.
    is_plain = tf.strings.substr(raw, 0, 3) == b"\xff\xd8\xff"
    is_plain &= ~tf.strings.regex_full_match(raw, r"\C*Exif\C*")

    def plain() -> Decoded:
        reduction = _reduction(raw, size, tf.constant(1, tf.int64))
        image = decode_known(raw, reduction, None)
        return Decoded(image, tf.constant(""), reduction, tf.constant(1, tf.int64))

    return Decoded(*tf.cond(is_plain, plain, lambda: _decode_by_header(raw, size)))


def decode_known(raw: tf.Tensor, reduction: Any, orientation: Any) -> Any:
    """Returns the image in a file that `decode` has read without a problem.

    Args:
        raw: The contents of the file.
        reduction: As `decode` returned it; an integer that is no tensor makes a faster graph.
        orientation: As `decode` returned it, or None for 1.
    """

    def reduced(by: int) -> Any:
        if by == 0:
            return tf.io.decode_image(raw, channels=3, expand_animations=False)
        return tf.io.decode_jpeg(raw, channels=3, ratio=2**by)

    if isinstance(reduction, int):
        image = reduced(reduction)
    else:
        branches = [functools.partial(reduced, by) for by in range(_MOST_REDUCED + 1)]
        image = tf.switch_case(reduction, branches)
    image = tf.ensure_shape(image, (None, None, 3))
    return image if orientation is None else _upright(image, orientation)


# From the contents of a file to its image as it is wanted, and how it was decoded.
Program = Callable[[tf.Tensor], tuple[Any, Decoded]]


@functools.cache
def read_program(size: tuple[int, int], color_mode: str, resize: str = "stretch") -> Program:
    """Returns `decode` and `convert` as one graph."""

    def read(raw: tf.Tensor) -> tuple[tf.Tensor, Decoded]:
        decoded = decode(raw, size)
        return convert(decoded.image, size, color_mode, resize), decoded

    return tf.function(read, input_signature=[tf.TensorSpec((), tf.string)], autograph=False)


def read_file(program: Program, path: pathlib.Path) -> tuple[Any, Decoded | str]:
    """Returns the image in a file and how it was decoded; None and the problem if there is one."""
    try:
        image, decoded = program(tf.constant(path.read_bytes()))
    except tf.errors.InvalidArgumentError:
        return None, _UNREADABLE
    problem = decoded.problem.numpy().decode()
    return (None, problem) if problem else (image.numpy(), decoded)


def convert(
    image: tf.Tensor,
    size: tuple[int, int],
    color_mode: str,
    resize: str = "stretch",
    *,
    is_close: bool = False,
) -> tf.Tensor:
    """Returns an RGB image in another size and in one of `COLOR_MODES`.

    With `is_close`, as `resized` takes it, the graph is faster.
    """
    grey = color_mode == "grayscale"
    image = tf.image.rgb_to_grayscale(image) if grey else image
    image = resized(image, size, resize, is_close=is_close)
    return tf.ensure_shape(image, (*size, COLOR_MODES[color_mode]))


def check_size(image_size: tuple[int, int]) -> None:
    """Raises unless `image_size` is a pair (height, width)."""
    is_pair = isinstance(image_size, (tuple, list)) and len(image_size) == 2
    if not is_pair or not all(isinstance(n, int) and n >= 1 for n in image_size):
        raise _checks.InvalidArgument(
            "image_size", "be (height, width) in pixels", image_size, "For example (224, 224)."
        )


def _decode_by_header(raw: tf.Tensor, size: tuple[int, int]) -> Decoded:
    header = Header(raw)
    problem = _problem(header)
    orientation = header.orientation

    def pixels() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return tf.cond(header.is_jpeg, jpeg, lambda: (*_pixels(raw, header), tf.constant(0)))

    def jpeg() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        reduction = _reduction(raw, size, orientation)
        return decode_known(raw, reduction, None), tf.constant(True), reduction

    def nothing() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return tf.zeros((1, 1, 3), tf.uint8), tf.constant(True), tf.constant(0)

    image, is_opaque, reduction = tf.cond(problem == "", pixels, nothing)
    problem = tf.where(is_opaque, problem, _TRANSPARENT)
    return Decoded(_upright(image, orientation), problem, reduction, orientation)


def _reduction(raw: tf.Tensor, size: tuple[int, int], orientation: tf.Tensor) -> tf.Tensor:
    """Returns the binary logarithm of the factor by which a JPEG is reduced, from 0 to 3."""
    upright = tf.io.extract_jpeg_shape(raw)[:2]
    upright = tf.where(orientation >= 5, upright[::-1], upright)
    factor = tf.reduce_min(upright // tf.constant(size))
    steps = [tf.cast(factor >= 2**by, tf.int32) for by in range(1, _MOST_REDUCED + 1)]
    return tf.add_n(steps)


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
