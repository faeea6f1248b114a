"""Data with one row an example: read from whatever the user has, and checked once."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks, layers
from kerasnn._layers import is_symbolic as is_symbolic
from kerasnn._layers import structure as structure
from kerasnn.training.embeddings import indices_of


@dataclasses.dataclass(frozen=True)
class Labels:
    """One class number a row."""

    numbers: np.ndarray
    # None where the loss is the user's own: the numbers may be classes or not.
    classes: int | None


@dataclasses.dataclass(frozen=True)
class Rows:
    """Inputs, targets and sample weights; each an array, a structure of arrays, or None."""

    x: Any
    y: Any
    sample_weight: Any
    count: int
    # By the name of the target, for targets that are one class number a row.
    labels: dict[str, Labels]

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

        labels = {
            name: Labels(whole.numbers[rows], whole.classes) for name, whole in self.labels.items()
        }
        count = len(range(*rows.indices(self.count)))
        return Rows(take(self.x), take(self.y), take(self.sample_weight), count, labels)


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
    *,
    outputs: Callable[[Any], Any] | None = None,
) -> Rows:
    """Reads arrays and raises, before anything is trained, on what cannot be right.

    Args:
        model: A Keras model.
        x: Inputs.
        y: Targets.
        sample_weight: Weights.
        names: What errors call the three.
        outputs: Returns the model's symbolic outputs for inputs; `outputs_of` by default.
    """
    symbolic = is_symbolic(model)
    one_input, one_output = _is_one(model, "input"), _is_one(model, "output")
    x = _as_arrays(names[0], x, single=one_input)
    y = _as_arrays(names[1], y, single=one_output)
    sample_weight = _as_arrays(names[2], sample_weight, single=not isinstance(y, (list, dict)))
    inputs = _checks.named_leaves(names[0], x)
    targets = _checks.named_leaves(names[1], y)
    weights = _checks.named_leaves(names[2], sample_weight)
    if not inputs:
        raise ValueError(f"`{names[0]}` must hold data; got {x!r}.")
    for name, nest in ((names[1], y), (names[2], sample_weight)):
        if not keras.tree.flatten(nest):
            raise ValueError(f"`{name}` must hold data; got {nest!r}. For none, leave it out.")
    count = _checks.row_count([*inputs, *targets, *weights])
    if symbolic:
        wanted = structure(model, "input")
        if isinstance(wanted, dict) and len(wanted) > 1 and not isinstance(x, dict):
            keys = ", ".join(map(repr, wanted))
            given = f"a list of {len(x)}" if isinstance(x, list) else "one array"
            raise ValueError(
                f"`{names[0]}` must be a dictionary with the names of the model's inputs, {keys}; "
                f"got {given}."
            )
        for name, array, tensor in _checks.match(names[0], x, wanted):
            _checks.fits_input(name, array, tensor)
            if tensor.dtype != "string":
                _checks.numbers_only(name, array)
            elif not _is_text(array):
                raise ValueError(f"`{name}` must hold text; got dtype {array.dtype}.")
    for name, array in inputs:
        if not _is_text(array):
            _checks.numbers_only(name, array)
    given = dict(inputs)
    x = _cast(x)
    for name, array in _checks.named_leaves(names[0], x):
        if given[name].dtype.kind == "f":
            _checks.finite(name, array, given[name])
    if one_input and len(inputs) == 1:
        [x] = keras.tree.flatten(x)
    build(model, x)
    _check_indices(model, names[0], x)
    labels = _check_targets(model, names[1], x, y, outputs or functools.partial(outputs_of, model))
    for name, array in weights:
        target = targets[0][1] if len(weights) == 1 and len(targets) == 1 else None
        _checks.sample_weights(name, array, target)
    if one_output and len(targets) == 1:
        y = targets[0][1]
        sample_weight = weights[0][1] if len(weights) == 1 else sample_weight
    return Rows(x, _cast(y), _cast(sample_weight), count, labels)


def require_targets(model: Any, name: str, y: Any) -> None:
    """Raises where targets are missing and the loss compares with them."""
    if y is None and trains_as_keras(model):
        raise ValueError(f"`{name}` must be given: the model is compiled with a loss on targets.")


def build(model: keras.Model, x: Any) -> None:
    """Lets a `Sequential` that was made without an `Input` know the shape of its input."""
    if isinstance(model, keras.Sequential) and not model.built and not isinstance(x, (list, dict)):
        model.build((None, *x.shape[1:]))


def _is_one(model: Any, end: str) -> bool:
    """Whether the model is known to take one array, or to give one."""
    if isinstance(model, keras.Sequential):
        return True
    return is_symbolic(model) and not isinstance(structure(model, end), (list, tuple, dict))


def trains_as_keras(model: Any) -> bool:
    """Whether the targets mean what the compiled loss says they mean."""
    own = type(model)
    return (
        bool(getattr(model, "loss", None))
        and own.train_step is keras.Model.train_step
        and own.compute_loss is keras.Model.compute_loss
    )


def _check_indices(model: Any, name: str, x: Any) -> None:
    """Raises where inputs that go to an `Embedding` are no indices of its rows."""
    indices = indices_of(model)
    if not indices:
        return
    matched = _checks.match(name, x, structure(model, "input")) if is_symbolic(model) else []
    for leaf, array, tensor in matched:
        for found in indices:
            if model.inputs[found.place] is tensor:
                given = array if found.part is ... else with_axes_of(tensor, array)
                _checks.embedding_indices(leaf, given, found.part, found.layer, found.input_dim)


def with_axes_of(tensor: Any, array: Any) -> Any:
    """Returns an array with the axes of a symbolic input.

    As in Keras, a missing or an additional last axis of size 1 is no difference.
    """
    if len(array.shape) == len(tensor.shape):
        return array
    return array[..., None] if len(array.shape) < len(tensor.shape) else array[..., 0]


def outputs_of(model: Any, x: Any) -> Any:
    """Returns the symbolic outputs in their structure, or None where data alone can show them."""
    if is_symbolic(model):
        return structure(model, "output")
    if model.run_eagerly:
        return None

    def symbol(array: Any) -> keras.KerasTensor:
        count = array.shape[0] or 32
        return keras.KerasTensor((min(32, count), *array.shape[1:]), array.dtype.name)

    # As Keras does it before the first step.
    takes_training = "training" in inspect.signature(model.call).parameters
    arguments = {"training": False} if takes_training else {}
    return model.compute_output_spec(keras.tree.map_structure(symbol, x), **arguments)


def _check_targets(
    model: Any, name: str, x: Any, y: Any, outputs_for: Callable[[Any], Any]
) -> dict[str, Labels]:
    targets = _checks.named_leaves(name, y)
    outputs = outputs_for(x) if targets and trains_as_keras(model) else None
    if outputs is None:
        for leaf, array in targets:
            if array.dtype.kind == "f":
                _checks.finite_range(leaf, array)
        return _labels("", targets[0][1], "custom", None) if len(targets) == 1 else {}
    labels: dict[str, Labels] = {}
    for leaf, array, tensor, kind in pair_targets(model, name, y, outputs):
        _checks.fits_output(leaf, array, tensor, kind)
        labels |= _labels(leaf.removeprefix(name), array, kind, tensor.shape[-1])
    return labels


def pair_targets(model: Any, name: str, y: Any, outputs: Any) -> list[tuple[str, Any, Any, str]]:
    """Returns (name, target, symbolic output, kind of loss) for every target."""
    names = getattr(model, "output_names", None) or [
        f"output_{i}" for i in range(len(keras.tree.flatten(outputs)))
    ]
    pairs = _checks.losses_by_output(name, y, outputs, names, model.loss)
    if _fires(model):
        pairs = [
            (leaf, y, out, "binary" if kind == "real" else kind) for leaf, y, out, kind in pairs
        ]
    return pairs


def _fires(model: Any) -> bool:
    """Whether the model answers 0 or 1, whatever its loss."""
    return isinstance(model, keras.Sequential) and isinstance(
        model.layers[-1], (layers.Perceptron, layers.Threshold)
    )


def _labels(leaf: str, array: np.ndarray, kind: str, units: int | None) -> dict[str, Labels]:
    """Returns the labels of a target by its name, if it is one class number a row."""
    if kind == "onehot" and array.ndim == 2:
        return {leaf: Labels(array.argmax(axis=1), units)}
    if kind not in ("classes", "binary", "custom") or array.size != len(array):
        return {}
    # A share between 0 and 1 is no class, though cross-entropy takes it.
    if array.dtype.kind not in "buif" or (array != np.floor(array)).any():
        return {}
    classes = {"classes": units, "binary": 2, "custom": None}[kind]
    return {leaf: Labels(array.reshape(-1), classes)}


def _as_arrays(name: str, nest: Any, *, single: bool) -> Any:
    """Turns tensors, data frames, lists and structures of them into NumPy arrays."""
    if nest is None:
        return None
    if isinstance(nest, dict):
        return {
            key: _as_arrays(f"{name}[{key!r}]", value, single=True) for key, value in nest.items()
        }
    if isinstance(nest, (list, tuple)):
        # A list of NumPy's numbers is one array, as a list of Python's is.
        holds_arrays = any(len(getattr(n, "shape", ())) or isinstance(n, dict) for n in nest)
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
    if array.dtype == object and array.ndim == 0:
        raise ValueError(
            f"`{name}` must be an array of rows; got a {type(data).__name__}. Convert it to a "
            "dense array, or give a `tf.data.Dataset` of batches."
        )
    if array.dtype == object and all(isinstance(v, (int, float)) for v in array.ravel().tolist()):
        array = array.astype(np.float64)
    return array


def _is_text(array: np.ndarray) -> bool:
    if array.dtype.kind == "O":
        return all(isinstance(v, (str, bytes)) for v in array.ravel().tolist())
    return array.dtype.kind in "UST"


def _cast(nest: Any) -> Any:
    """Casts real numbers to Keras's float type, as Keras does, and text to a tensor."""

    def cast(array: Any) -> Any:
        if array is not None and _is_text(array):
            return tf.constant(array.astype(object), tf.string)
        if array is None or array.dtype.kind != "f":
            return array
        with np.errstate(over="ignore"):  # What overflows is found by its infinity.
            return array.astype(keras.config.floatx(), copy=False)

    return keras.tree.map_structure(cast, nest)
