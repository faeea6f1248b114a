"""`pad`: sequences of different lengths as one array with a mask."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks

_SIDES = ("post", "pre")


@_checks.known_arguments
def pad(
    sequences: Iterable[Any],
    *,
    mask_value: float = 0.0,
    maxlen: int | None = None,
    padding: str = "post",
    truncating: str | None = None,
    dtype: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pads sequences of different lengths to one array, and marks the steps that are real.

    `models.rnn(x.shape[1:], mask_value=...)` with the same `mask_value` skips the padding: it
    counts neither in the statistics of the inputs nor in the recurrence. No real step may
    therefore equal it in all features.

    Args:
        sequences: Arrays or lists, each `(time, features)` or `(time,)` of at least one step, all
            with equal features.
        mask_value: Value of padding, a number that the dtype can hold.
        maxlen: Steps of the result; None takes those of the longest sequence.
        padding: Where padding goes: "post", after the sequence, or "pre", before it.
        truncating: Which end of a sequence of more than `maxlen` steps is dropped: "post", its
            last steps, or "pre", its first. None refuses such a sequence.
        dtype: NumPy's type of the result; None keeps that of the sequences, so that numbers with
            decimals stay what they are. (`keras.utils.pad_sequences` makes integers of them.)

    Returns:
        The array `(sequences, maxlen, features)`, with 1 feature for sequences of shape
        `(time,)`, and the mask `(sequences, maxlen)`, True at real steps.

    Raises:
        InvalidArgument: If a sequence is empty, too long, no numbers, or has other features than
            the first; if a real step equals the padding; if an argument breaks its rule.

    Example:
        >>> x, mask = pad([[0.5], [1.5, 2.5, 3.5]], mask_value=-1)
        >>> x[..., 0]
        array([[ 0.5, -1. , -1. ], [ 1.5,  2.5,  3.5]])
        >>> mask
        array([[ True, False, False], [ True,  True,  True]])
    """
    _checks.number("mask_value", mask_value)
    _checks.one_of("padding", padding, _SIDES)
    if truncating is not None:
        _checks.one_of("truncating", truncating, _SIDES)
    if maxlen is not None:
        _checks.integer("maxlen", maxlen)
    steps = _read(_checks.plain("sequences", sequences))
    longest = max(len(array) for array in steps)
    length = longest if maxlen is None else int(maxlen)
    if longest > length:
        if truncating is None:
            row = next(i for i, array in enumerate(steps) if len(array) > length)
            raise _checks.InvalidArgument(
                "sequences",
                f"have at most maxlen={length} steps",
                sequences,
                "Choose the end to drop with `truncating='pre'` or 'post'.",
                got=f"{len(steps[row])} steps in sequence {row}",
            )
        kept = slice(-length, None) if truncating == "pre" else slice(length)
        steps = [array[kept] for array in steps]
    kind = _dtype(dtype, steps, mask_value)
    _refuse_steps_like_padding(steps, mask_value)
    x = np.full((len(steps), length, steps[0].shape[1]), mask_value, kind)
    mask = np.zeros(x.shape[:2], bool)
    for row, array in enumerate(steps):
        here = slice(length - len(array), None) if padding == "pre" else slice(len(array))
        x[row, here] = array
        mask[row, here] = True
    return x, mask


def _read(sequences: Any) -> list[np.ndarray]:
    """Returns each sequence as (time, features)."""
    is_listed = isinstance(sequences, Iterable) and not isinstance(sequences, str)
    listed = list(sequences) if is_listed else []
    if not listed:
        rule = "hold at least one sequence: a list of arrays `(time, features)` or `(time,)`"
        raise _checks.InvalidArgument("sequences", rule, sequences)
    steps = [_as_steps(row, value) for row, value in enumerate(listed)]
    features = steps[0].shape[1]
    for row, array in enumerate(steps):
        if array.shape[1] != features:
            raise _checks.InvalidArgument(
                "sequences",
                f"all have the {features} features of the first",
                array,
                got=f"shape {array.shape} in sequence {row}",
            )
    return steps


def _as_steps(row: int, value: Any) -> np.ndarray:
    name = f"sequences[{row}]"
    try:
        array = np.asarray(value)
    except ValueError:
        # Steps of different numbers of features.
        array = np.empty((0, 0, 0))
    if array.ndim not in (1, 2):
        rule = "be a sequence of steps, `(time, features)` or `(time,)`"
        raise _checks.InvalidArgument(name, rule, value)
    if array.size == 0:
        raise _checks.InvalidArgument(
            name, "have at least one step", value, "Leave it out.", got=f"shape {array.shape}"
        )
    if array.dtype.kind not in "buif":
        hint = "For texts there is `models.text`." if array.dtype.kind in "SU" else ""
        got = f"dtype {array.dtype}"
        raise _checks.InvalidArgument(name, "hold numbers", value, hint, got=got)
    return array[:, None] if array.ndim == 1 else array


def _dtype(dtype: Any, steps: Sequence[np.ndarray], mask_value: float) -> np.dtype:
    """Returns the type of the result, which has to hold the steps and the padding."""
    common = np.result_type(*{array.dtype for array in steps})
    try:
        kind = np.dtype(common if dtype is None else dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind.kind not in "buif" or not np.can_cast(common, kind, "same_kind"):
        rule = f"be a type of numbers that holds {common}, which the sequences are"
        raise _checks.InvalidArgument("dtype", rule, dtype)
    with np.errstate(all="ignore"):
        padding = np.array(mask_value, np.float64).astype(kind)
    # In which `keras.layers.Masking` compares.
    if padding.astype(np.float32) != np.float32(mask_value):
        raise _checks.InvalidArgument(
            "mask_value", f"be a number that {kind} holds", mask_value, "Give `dtype='float32'`."
        )
    return kind


def _refuse_steps_like_padding(steps: Sequence[np.ndarray], mask_value: float) -> None:
    """Raises if a real step equals the padding as a network sees them, in float32."""
    value = np.float32(mask_value)
    for row, array in enumerate(steps):
        equal = (array.astype(np.float32) == value).all(axis=1)
        if equal.any():
            free = float(np.floor(min(array.min() for array in steps))) - 1
            raise _checks.InvalidArgument(
                "mask_value",
                "be a value that no step has, since `models.rnn` skips such steps",
                mask_value,
                f"No step has mask_value={free:g}.",
                got=f"mask_value={mask_value!r}, which step {int(equal.argmax())} of sequence "
                f"{row} has",
            )
