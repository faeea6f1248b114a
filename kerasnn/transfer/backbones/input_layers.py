"""Layers from raw images to the inputs of a backbone."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import _building_blocks
from kerasnn.transfer.preprocessing import Preprocessing

# After five halvings one pixel is left.
LEAST_PIXELS = 32


def checked_shape(argument: str, value: Any, resize: Any) -> tuple[int | None, ...]:
    """Returns a checked `(height, width, 3)`; checks `resize`, too."""
    given = _building_blocks.checked_shape(value, 3, "(height, width, 3)")
    if given[-1] != 3:
        raise _checks.InvalidArgument(
            argument,
            "end in the three channels red, green and blue",
            value,
            "Repeat the one channel of grey images: `np.repeat(x, 3, axis=-1)`.",
        )
    if resize is not None:
        fits = isinstance(resize, (tuple, list)) and len(resize) == 2
        if not fits or not all(_is_enough(size) for size in resize):
            raise _checks.InvalidArgument(
                "resize", f"be (height, width), each at least {LEAST_PIXELS} pixels", resize
            )
    elif not all(size is None or size >= LEAST_PIXELS for size in given[:2]):
        raise _checks.InvalidArgument(
            argument,
            f"have at least {LEAST_PIXELS} pixels in height and width",
            value,
            "Let the model enlarge the images: `resize=(64, 64)`.",
        )
    return given


def input_layers(
    image: Sequence[int | None], resize: Sequence[int] | None, application: str
) -> list[Any]:
    """Returns the input, resizing and preprocessing layers."""
    stack: list[Any] = [keras.Input(tuple(image), name="image")]
    if resize is not None:
        height, width = resize
        stack.append(keras.layers.Resizing(height, width, name="resize", dtype="float32"))
    return [*stack, Preprocessing(application, name="preprocess")]


def _is_enough(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= LEAST_PIXELS
