"""The sample of rows on which a model is measured."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import is_symbolic, required_inputs, structure

_MOST_ROWS, _FEWEST_ROWS = 256, 16
# Of large images fewer rows are taken: they and all activations are in memory at once.
_MOST_NUMBERS = 1 << 20


@dataclasses.dataclass(frozen=True)
class TrainingSample:
    """Some rows: inputs, targets and sample weights, as structures of tensors, or None."""

    x: Any
    y: Any
    sample_weight: Any

    @property
    def rows(self) -> int:
        """Number of rows."""
        return next(len(array) for array in keras.tree.flatten(self.x) if array is not None)


def check_pair(name: str, rows: Any) -> None:
    """Raises unless `rows` are inputs and targets, with sample weights or without."""
    several = isinstance(rows, (tuple, list))
    if not several or not 2 <= len(rows) <= 3:
        got = type(rows).__name__ + (f" of {len(rows)}" if several else "")
        raise _checks.InvalidArgument(
            name, "be (x, y) or (x, y, sample_weight)", rows, f"Write {name}=(x, y).", got=got
        )


def part_names(argument: str) -> tuple[str, str, str]:
    """Returns the names, in errors, of inputs, targets and weights that are given as one tuple."""
    return f"{argument}[0]", f"{argument}[1]", f"{argument}[2]"


def checked_sample(
    names: tuple[str, str, str], x: Any, y: Any, sample_weight: Any = None
) -> TrainingSample:
    """Checks rows that a user has given, and returns a sample of them."""
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
    return evenly_spaced(x, y, sample_weight)


def check_inputs(name: str, model: Any, sample: TrainingSample) -> None:
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


def evenly_spaced(x: Any, y: Any, sample_weight: Any = None) -> TrainingSample:
    """Returns at most 256 rows at equal distances.

    No random number is drawn, and where rows are sorted by class all classes are represented.
    """
    arrays = [array for array in keras.tree.flatten(x) if array is not None]
    rows = len(arrays[0])
    numbers = sum(int(np.prod(array.shape[1:])) for array in arrays)
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_NUMBERS // max(1, numbers)))
    indices = np.linspace(0, rows - 1, min(rows, most)).round().astype(int)

    def take(array: Any) -> Any:
        if array is None:
            return None
        if isinstance(array, tf.Tensor):
            return tf.gather(array, indices)
        return tf.convert_to_tensor(np.asarray(array)[indices])

    return TrainingSample(*(keras.tree.map_structure(take, nest) for nest in (x, y, sample_weight)))
