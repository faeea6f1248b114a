"""The rows that a doctor looks at."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import is_symbolic, required_inputs, structure

_MOST_ROWS, _FEWEST_ROWS = 256, 16
# Rows of large images are fewer: they and all that is computed from them are held at once.
_MOST_NUMBERS = 1 << 20


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some rows: inputs, targets and sample weights, as structures of tensors, or None."""

    x: Any
    y: Any
    sample_weight: Any

    @property
    def rows(self) -> int:
        """Number of rows."""
        return next(len(array) for array in keras.tree.flatten(self.x) if array is not None)


def check_rows(name: str, rows: Any) -> None:
    """Raises unless `rows` are inputs and targets, with sample weights or without."""
    several = isinstance(rows, (tuple, list))
    if not several or not 2 <= len(rows) <= 3:
        got = type(rows).__name__ + (f" of {len(rows)}" if several else "")
        raise ValueError(
            f"`{name}` must be (x, y) or (x, y, sample_weight); got {got}. Give inputs with their "
            f"targets: {name}=(x, y)."
        )


def names_in(rows: str) -> tuple[str, str, str]:
    """Returns what errors call inputs, targets and weights that are given together."""
    return f"{rows}[0]", f"{rows}[1]", f"{rows}[2]"


def own_sample(names: tuple[str, str, str], x: Any, y: Any, sample_weight: Any = None) -> Sample:
    """Returns some of the rows that a user has given, after checking what can be known of them."""
    x, y, sample_weight = (
        _arrays(name, nest) for name, nest in zip(names, (x, y, sample_weight), strict=True)
    )
    inputs, targets, weights = (
        _checks.named_leaves(name, nest)
        for name, nest in zip(names, (x, y, sample_weight), strict=True)
    )
    for name, nest, leaves in ((names[0], x, inputs), (names[1], y, targets)):
        if not leaves:
            raise _checks.InvalidArgument(name, "hold numbers, one row for each example", nest)
    _checks.row_count([*inputs, *targets, *weights])
    for name, array in [*inputs, *targets]:
        if array.dtype.kind == "O" and not all(isinstance(v, (str, bytes)) for v in array.flat):
            _checks.numbers_only(name, array)
        if array.dtype.kind in "fiub":
            _checks.finite_range(name, array)
    for name, array in weights:
        _checks.sample_weights(name, array, None)
    return sample_of(x, y, sample_weight)


def check_inputs(name: str, model: Any, sample: Sample) -> None:
    """Raises unless a sample has the shapes of the model's inputs, where they are known."""
    if not is_symbolic(model):
        return
    wanted, required = structure(model, "input"), required_inputs(model)
    for leaf, tensor, symbol in _checks.match(name, sample.x, wanted, required=required):
        array = np.asarray(tensor)
        _checks.fits_input(leaf, array, symbol)
        if symbol.dtype != "string" and array.dtype.kind in "OSU":
            _checks.numbers_only(leaf, array)


def _arrays(name: str, nest: Any) -> Any:
    """Returns a structure of arrays; a list of plain numbers is one array."""
    if not any(hasattr(leaf, "shape") for leaf in keras.tree.flatten(nest)):
        return None if nest is None else np.asarray(nest)
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else np.asarray(_checks.plain(name, leaf)), nest
    )


def sample_of(x: Any, y: Any, sample_weight: Any = None) -> Sample:
    """Returns rows at equal distances from one another, at most 256.

    No random number is drawn, and rows that are sorted by class are all represented.
    """
    arrays = [array for array in keras.tree.flatten(x) if array is not None]
    rows = len(arrays[0])
    numbers = sum(int(np.prod(array.shape[1:])) for array in arrays)
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_NUMBERS // max(1, numbers)))
    places = np.linspace(0, rows - 1, min(rows, most)).round().astype(int)

    def take(array: Any) -> Any:
        if array is None:
            return None
        if isinstance(array, tf.Tensor):
            return tf.gather(array, places)
        return tf.convert_to_tensor(np.asarray(array)[places])

    return Sample(*(keras.tree.map_structure(take, nest) for nest in (x, y, sample_weight)))
