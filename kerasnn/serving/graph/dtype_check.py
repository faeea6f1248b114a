"""Whether a model tells whole numbers from floats of the same value."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Far more than rounding makes of the same numbers, and far less than a division by 255.
_TOLERANCE = 1e-3
_WHOLE = ("uint8", "int32", "int64")


def check(model: keras.Model, structure: Any, hint: str) -> None:
    """Raises where whole numbers get another answer than the floats that are served.

    A subclassed model does not record of which dtype its inputs were.

    Args:
        model: A subclassed model.
        structure: Its inputs, as they are served.
        hint: What the error tells to do.
    """
    specs = keras.tree.flatten(structure)
    if not any(keras.backend.is_float_dtype(spec.dtype) for spec in specs):
        return
    random = np.random.default_rng(0)
    rows = [
        np.full(shape, b"a", object) if spec.dtype == "string" else random.integers(0, 2, shape)
        for spec in specs
        for shape in [[2, *(8 if size is None else size for size in spec.shape[1:])]]
    ]
    own = [spec.dtype for spec in specs]
    for dtype in _WHOLE:
        dtypes = [dtype if keras.backend.is_float_dtype(s.dtype) else s.dtype for s in specs]
        try:
            floats, again = (_answers(model, structure, rows, own) for _ in range(2))
            whole = _answers(model, structure, rows, dtypes)
        except (tf.errors.OpError, TypeError, ValueError, AttributeError):
            # It cannot have been called with what it refuses.
            continue
        # What is random differs from itself, which verification finds.
        if all(map(_alike, floats, again)) and not all(map(_alike, floats, whole)):
            raise ValueError(
                "`model` must give the same numbers the same answer in every dtype; the subclassed "
                f"model `{model.name}` answers {dtype} otherwise than the floats that would be "
                f"served, and does not record which it was called with. {hint}"
            )


def _answers(model: keras.Model, structure: Any, rows: list[Any], dtypes: list[str]) -> list[Any]:
    x = [tf.constant(row, dtype) for row, dtype in zip(rows, dtypes, strict=True)]
    answers = model(keras.tree.pack_sequence_as(structure, x), training=False)
    return [keras.ops.convert_to_numpy(answer) for answer in keras.tree.flatten(answers)]


def _alike(floats: np.ndarray, whole: np.ndarray) -> bool:
    if floats.shape != whole.shape or floats.dtype.kind in "OSU":
        return np.array_equal(floats, whole)
    floats, whole = floats.astype(np.float64), whole.astype(np.float64)
    scale = np.abs(floats).max(initial=1.0)
    return np.allclose(floats, whole, rtol=0, atol=_TOLERANCE * scale, equal_nan=True)
