"""Data with one row an example: read from whatever the user has, and checked once."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks


@dataclasses.dataclass(frozen=True)
class Rows:
    """Inputs, targets and sample weights; each an array, a structure of arrays, or None."""

    x: Any
    y: Any
    sample_weight: Any
    count: int
    # Class numbers by the name of the target, for targets that are classes.
    classes: dict[str, np.ndarray]

    def split(self, share: float) -> tuple["Rows", "Rows"]:
        """Returns all but the last rows, and the last, as Keras's `validation_split` does."""
        at = int(np.floor(self.count * (1 - share)))
        if at == 0 or at == self.count:
            part = "training" if at == 0 else "validation"
            raise _checks.wrong(
                "validation_split",
                f"leave rows for both parts of {self.count}",
                share,
                f"No row is left for {part}.",
            )
        return self._slice(slice(0, at)), self._slice(slice(at, None))

    def _slice(self, rows: slice) -> "Rows":
        def take(nest: Any) -> Any:
            return keras.tree.map_structure(lambda a: None if a is None else a[rows], nest)

        classes = {name: labels[rows] for name, labels in self.classes.items()}
        count = len(range(*rows.indices(self.count)))
        return Rows(take(self.x), take(self.y), take(self.sample_weight), count, classes)


def is_stream(x: Any) -> bool:
    """Whether data comes batch by batch instead of as arrays."""
    return (
        isinstance(x, (tf.data.Dataset, keras.utils.PyDataset))
        or hasattr(x, "__next__")
        or (
            type(x).__module__.partition(".")[0] in ("torch", "grain")
            and hasattr(x, "__iter__")
            and not hasattr(x, "shape")
        )
    )


def read(
    model: keras.Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    names: tuple[str, str, str] = ("x", "y", "sample_weight"),
) -> Rows:
    """Reads arrays and raises, before anything is trained, on what cannot be right."""
    symbolic = is_symbolic(model)
    single = symbolic and len(model.inputs) == 1
    x = _as_arrays(names[0], x, single=single)
    y = _as_arrays(names[1], y, single=symbolic and len(model.outputs) == 1)
    sample_weight = _as_arrays(names[2], sample_weight, single=not isinstance(y, (list, dict)))
    inputs = _checks.named_leaves(names[0], x)
    targets = _checks.named_leaves(names[1], y)
    weights = _checks.named_leaves(names[2], sample_weight)
    if not inputs:
        raise ValueError(f"`{names[0]}` must hold data; got {x!r}.")
    count = _checks.row_count([*inputs, *targets, *weights])
    if symbolic:
        for name, array, tensor in _checks.match(names[0], x, structure(model, "input")):
            _checks.fits_input(name, array, tensor)
            if tensor.dtype != "string":
                _checks.numbers_only(name, array)
    for name, array in inputs:
        if array.dtype.kind == "f":
            _checks.finite_range(name, array)
    classes = _check_targets(model, names[1], y, symbolic=symbolic)
    for name, array in weights:
        target = targets[0][1] if len(weights) == 1 and len(targets) == 1 else None
        _checks.sample_weights(name, array, target)
    return Rows(_cast(x), _cast(y), _cast(sample_weight), count, classes)


def is_symbolic(model: keras.Model) -> bool:
    """Whether the shapes of inputs and outputs are known before data comes."""
    try:
        return bool(model.inputs) and bool(model.outputs)
    except (AttributeError, ValueError):
        # A Sequential model without an Input, or a subclassed one.
        return False


def structure(model: Any, end: str) -> Any:
    """Returns the symbolic inputs or outputs, in the structure that the model was made of."""
    if isinstance(model, keras.Sequential):
        tensors = getattr(model, f"{end}s")
        return tensors[0] if len(tensors) == 1 else tensors
    return getattr(model, end)


def trains_as_keras(model: keras.Model) -> bool:
    """Whether the targets mean what the compiled loss says they mean."""
    own = type(model)
    return own.train_step is keras.Model.train_step and own.compute_loss is keras.Model.compute_loss


def _check_targets(model: Any, name: str, y: Any, *, symbolic: bool) -> dict[str, np.ndarray]:
    classes: dict[str, np.ndarray] = {}
    if y is None:
        return classes
    if not symbolic or not trains_as_keras(model) or not getattr(model, "loss", None):
        for leaf, array in _checks.named_leaves(name, y):
            if array.dtype.kind == "f":
                _checks.finite_range(leaf, array)
        return classes
    names = getattr(model, "output_names", [model.layers[-1].name])
    outputs = structure(model, "output")
    for leaf, array, tensor, kind in _checks.losses_by_output(name, y, outputs, names, model.loss):
        _checks.fits_output(leaf, array, tensor, kind)
        if kind == "classes" or (kind == "binary" and tensor.shape[-1] == 1):
            classes[leaf.removeprefix(name)] = array
    return classes


def _as_arrays(name: str, nest: Any, *, single: bool) -> Any:
    """Turns tensors, data frames, lists and structures of them into NumPy arrays."""
    if nest is None:
        return None
    if isinstance(nest, dict):
        return {
            key: _as_arrays(f"{name}[{key!r}]", value, single=True) for key, value in nest.items()
        }
    if isinstance(nest, (list, tuple)):
        holds_arrays = any(hasattr(n, "shape") or isinstance(n, dict) for n in nest)
        if holds_arrays and not (single and len(nest) > 1):
            return [_as_arrays(f"{name}[{i}]", n, single=True) for i, n in enumerate(nest)]
    return _as_array(name, nest)


def _as_array(name: str, data: Any) -> np.ndarray:
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must have rows of one length; NumPy cannot read it: {error}. Pad the "
            "shorter rows: `keras.utils.pad_sequences`."
        ) from error
    if array.dtype.kind == "V":
        # bfloat16 and its like are no kinds of number to NumPy.
        array = array.astype(np.float32)
    if array.dtype == object and all(isinstance(v, (int, float)) for v in array.ravel().tolist()):
        array = array.astype(np.float64)
    return array


def _cast(nest: Any) -> Any:
    """Casts real numbers to Keras's float type, as Keras does."""

    def cast(array: Any) -> Any:
        if array is None or array.dtype.kind != "f":
            return array
        return array.astype(keras.config.floatx(), copy=False)

    return keras.tree.map_structure(cast, nest)
