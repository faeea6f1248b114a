"""Data with one row an example: read from whatever the user has, and checked once."""

import dataclasses
import inspect
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks, layers
from kerasnn._layers import is_symbolic as is_symbolic
from kerasnn._layers import structure as structure


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
    learn: bool = False,
) -> Rows:
    """Reads arrays and raises, before anything is trained, on what cannot be right.

    Args:
        model: A compiled Keras model.
        x: Inputs.
        y: Targets.
        sample_weight: Weights.
        names: What errors call the three.
        learn: Whether the model is to learn from these rows, so that the cast to Keras's float
            type must leave their values apart. Other rows are measured by the rows learned from.
    """
    symbolic = is_symbolic(model)
    one_input, one_output = _is_one(model, "input"), _is_one(model, "output")
    x = as_arrays(names[0], x, single=one_input)
    y = as_arrays(names[1], y, single=one_output)
    sample_weight = as_arrays(names[2], sample_weight, single=not isinstance(y, (list, dict)))
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
    labels = _check_targets(model, names[1], x, y)
    for name, array in weights:
        target = targets[0][1] if len(weights) == 1 and len(targets) == 1 else None
        _checks.sample_weights(name, array, target)
    if learn:
        _check_digits(model, given, targets)
    if one_output and len(targets) == 1:
        y = targets[0][1]
        sample_weight = weights[0][1] if len(weights) == 1 else sample_weight
    return Rows(x, _cast(y), _cast(sample_weight), count, labels)


def _check_digits(model: Any, inputs: dict[str, Any], targets: list[Any]) -> None:
    """Raises where inputs or targets differ by digits that the cast to Keras's float type drops.

    Integers are cast too: by an input of floating-point numbers, and by every loss of Keras.
    """
    wanted = keras.tree.flatten(structure(model, "input")) if is_symbolic(model) else []
    wide = {keras.config.floatx(), model.dtype_policy.variable_dtype} == {"float64"}
    dtype = "float64" if wide else "float32"
    integer_inputs = not wanted or any("int" in tensor.dtype for tensor in wanted)
    for leaf, array in [*inputs.items(), *targets]:
        is_input = leaf in inputs
        casts_integers = not integer_inputs if is_input else trains_as_keras(model)
        if array.dtype.kind == "f" or (array.dtype.kind in "iu" and casts_integers):
            _checks.digits(leaf, array, dtype)


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


def _outputs(model: Any, x: Any) -> Any:
    """Returns the symbolic outputs in their structure, or None where data alone can show them."""
    if is_symbolic(model):
        return structure(model, "output")
    if model.run_eagerly:
        return None

    def symbol(array: Any) -> keras.KerasTensor:
        return keras.KerasTensor((min(32, len(array)), *array.shape[1:]), array.dtype.name)

    # As Keras does it before the first step.
    takes_training = "training" in inspect.signature(model.call).parameters
    arguments = {"training": False} if takes_training else {}
    return model.compute_output_spec(keras.tree.map_structure(symbol, x), **arguments)


def _check_targets(model: Any, name: str, x: Any, y: Any) -> dict[str, Labels]:
    targets = _checks.named_leaves(name, y)
    outputs = _outputs(model, x) if targets and trains_as_keras(model) else None
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


def as_arrays(name: str, nest: Any, *, single: bool) -> Any:
    """Turns tensors, data frames, lists and structures of them into NumPy arrays."""
    if nest is None:
        return None
    if isinstance(nest, dict):
        return {
            key: as_arrays(f"{name}[{key!r}]", value, single=True) for key, value in nest.items()
        }
    if isinstance(nest, (list, tuple)):
        # A list of NumPy's numbers is one array, as a list of Python's is.
        holds_arrays = any(len(getattr(n, "shape", ())) or isinstance(n, dict) for n in nest)
        if holds_arrays and not (single and len(nest) > 1):
            return [as_arrays(f"{name}[{i}]", n, single=True) for i, n in enumerate(nest)]
    return _checks.as_array(name, nest)


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
