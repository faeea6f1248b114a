"""Arrays with one row an example: converted, cast and checked before training."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks, layers
from kerasnn._core.model import is_symbolic as is_symbolic
from kerasnn._core.model import may_fill_nan, required_inputs
from kerasnn._core.model import structure as structure
from kerasnn._core.process.strategy import scope_of
from kerasnn.training.inputs.embeddings import indices_of

# The structure of one array.
ONE = ...


@dataclasses.dataclass(frozen=True)
class Labels:
    """One class number a row."""

    numbers: np.ndarray
    # None if the loss is the user's: the numbers may be classes or not.
    classes: int | None


@dataclasses.dataclass(frozen=True)
class Rows:
    """Inputs, targets and sample weights; each an array, a structure of arrays, or None."""

    x: Any
    y: Any
    sample_weight: Any
    count: int
    # By the name of the target, for targets that are one class number a row.
    labels: dict[str, Labels] = dataclasses.field(default_factory=dict)
    # Whether ragged or sparse data is among them, which only Keras's own loop reads.
    is_irregular: bool = False

    @property
    def packed(self) -> Any:
        """The data as Keras packs it: x, (x, y) or (x, y, sample_weight)."""
        return keras.utils.pack_x_y_sample_weight(self.x, self.y, self.sample_weight)

    def split(self, fraction: float) -> tuple["Rows", "Rows"]:
        """Splits off the last rows, as Keras's `validation_split` does."""
        at = int(np.floor(self.count * (1 - fraction)))
        if at == 0 or at == self.count:
            part = "training" if at == 0 else "validation"
            raise _checks.InvalidArgument(
                "validation_split",
                f"leave rows for both parts of {self.count}",
                fraction,
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
        isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset, keras.utils.PyDataset))
        or hasattr(x, "__next__")
        or (
            type(x).__module__.partition(".")[0] in ("torch", "grain")
            and hasattr(x, "__iter__")
            and not hasattr(x, "shape")
        )
    )


def is_irregular(nest: Any) -> bool:
    """Whether data holds a ragged or sparse tensor, or a sparse matrix of SciPy.

    Keras's own loop cuts these into batches; no compiled program here does.
    """
    leaves = nest.values() if isinstance(nest, dict) else nest
    if not isinstance(nest, (dict, list, tuple)):
        leaves = [nest]
    return any(_is_ragged_or_sparse(leaf) for leaf in leaves)


def _is_ragged_or_sparse(leaf: Any) -> bool:
    is_matrix = type(leaf).__module__.startswith("scipy.sparse")
    return is_matrix or isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor))


def _values(leaf: Any) -> np.ndarray:
    """Returns the numbers of an input that may be ragged or sparse."""
    if isinstance(leaf, tf.RaggedTensor):
        leaf = leaf.flat_values
    elif isinstance(leaf, tf.SparseTensor):
        leaf = leaf.values
    elif _is_ragged_or_sparse(leaf):
        leaf = leaf.tocoo().data
    return np.asarray(leaf)


def _read_irregular(
    model: keras.Model, x: Any, y: Any, sample_weight: Any, names: tuple[str, str, str]
) -> Rows:
    """Checks ragged or sparse inputs and what comes with them; leaves the inputs as they are."""
    counts = _irregular_counts(names[0], x)
    as_keras = trains_as_keras(model)
    is_known = is_symbolic(model) or not as_keras
    if is_irregular(y):
        counts |= _irregular_counts(names[1], y)
        is_known = False
    else:
        y = as_arrays(names[1], y, _wanted(model, "output") if as_keras else None)
    sample_weight = as_arrays(names[2], sample_weight, ONE if y is None else y)
    targets = [] if is_irregular(y) else _checks.named_leaves(names[1], y)
    weights = _checks.named_leaves(names[2], sample_weight)
    _checks.same_counts(counts | {name: len(array) for name, array in [*targets, *weights]})
    if is_known:
        outputs_for = functools.partial(outputs_of, model)
        y, sample_weight, _ = _check_targets(model, names, x, y, sample_weight, outputs_for)
    else:
        # Only a call shows the outputs, and irregular rows have no one shape.
        for leaf, array in targets:
            _checks.finite_range(leaf, array)
        for leaf, array in weights:
            _checks.sample_weights(leaf, array, None)
    y = y if is_irregular(y) else _cast(y)
    count = next(iter(counts.values()))
    return Rows(x, y, _cast(sample_weight), count, is_irregular=True)


def _irregular_counts(name: str, nest: Any) -> dict[str, int]:
    """Returns the number of rows of each leaf; raises where a stored value is not finite."""
    counts = {}
    for leaf_name, leaf in _checks.named_leaves(name, nest):
        values = _values(leaf)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise _checks.InvalidArgument(
                leaf_name,
                "hold finite numbers",
                leaf,
                "Drop those rows, or fill them in.",
                got="NaN or infinity among its stored values",
            )
        is_ragged = isinstance(leaf, tf.RaggedTensor)
        counts[leaf_name] = int(leaf.nrows() if is_ragged else leaf.shape[0])
    return counts


def read(
    model: keras.Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    names: tuple[str, str, str] = ("x", "y", "sample_weight"),
    *,
    learn: bool = False,
    allow_nan: bool = False,
    outputs: Callable[[Any], Any] | None = None,
) -> Rows:
    """Reads arrays and raises, before anything is trained, on what cannot be right.

    Args:
        model: A Keras model.
        x: Inputs.
        y: Targets.
        sample_weight: Weights.
        names: Their names in errors.
        learn: Whether the model is trained on these rows, so that the cast to Keras's float type
            must keep their values different.
        allow_nan: Whether inputs may be NaN, if anything in the model may fill them in.
        outputs: Returns the model's symbolic outputs for inputs; `outputs_of` by default.
    """
    if is_irregular(x):
        return _read_irregular(model, x, y, sample_weight, names)
    as_keras = trains_as_keras(model)
    x = as_arrays(names[0], x, _wanted(model, "input"))
    y = as_arrays(names[1], y, _wanted(model, "output") if as_keras else None)
    sample_weight = as_arrays(names[2], sample_weight, ONE if y is None else y)
    inputs = _checks.named_leaves(names[0], x)
    targets = _checks.named_leaves(names[1], y)
    weights = _checks.named_leaves(names[2], sample_weight)
    if not inputs:
        hint = "An input that is not optional needs an array."
        raise _checks.InvalidArgument(names[0], "hold data", x, hint, got=repr(x))
    for name, nest in ((names[1], y), (names[2], sample_weight)):
        if not keras.tree.flatten(nest):
            hint = "For none, leave it out."
            raise _checks.InvalidArgument(name, "hold data", nest, hint, got=repr(nest))
    count = _checks.row_count([*inputs, *targets, *weights])
    if is_symbolic(model):
        for name, array, tensor in pair_inputs(model, names[0], x):
            _checks.fits_input(name, array, tensor)
            if tensor.dtype != "string":
                _checks.numbers_only(name, array)
            elif not _is_text(array):
                raise _no_text(name, array)
    for name, array in inputs:
        if not _is_text(array):
            _checks.numbers_only(name, array)
    given = dict(inputs)
    x = _cast(x)
    # What a model cannot learn from is refused where it learns.
    is_filled = allow_nan and (learn or may_fill_nan(model))
    for name, array in _checks.named_leaves(names[0], x):
        if given[name].dtype.kind == "f":
            _checks.finite(name, array, given[name], allow_nan=is_filled)
    wanted = _wanted(model, "input")
    if len(inputs) == 1 and wanted is not None and not keras.tree.is_nested(wanted):
        [x] = (leaf for leaf in keras.tree.flatten(x) if leaf is not None)
    build(model, x)
    _check_indices(model, names[0], x)
    outputs_for = outputs or functools.partial(outputs_of, model)
    y, sample_weight, labels = _check_targets(model, names, x, y, sample_weight, outputs_for)
    if learn:
        # Digits are compared by statistics, which NaN has none of.
        _check_digits(model, {} if allow_nan else given, targets)
    return Rows(x, _cast(y), _cast(sample_weight), count, labels)


def _check_digits(model: Any, inputs: dict[str, Any], targets: list[Any]) -> None:
    """Raises if inputs or targets differ by digits that the cast to Keras's float type drops.

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
    """Raises if targets are missing and the loss compares with them."""
    if y is None and trains_as_keras(model):
        rule = "be given, since the model is compiled with a loss that compares targets"
        raise _checks.InvalidArgument(name, rule, None)


def build(model: keras.Model, x: Any) -> None:
    """Builds a `Sequential` that was made without an `Input` for the shape of its input."""
    if isinstance(model, keras.Sequential) and not model.built and not isinstance(x, (list, dict)):
        with scope_of(model):
            model.build((None, *x.shape[1:]))


def _wanted(model: Any, end: str) -> Any:
    """Returns a structure with one leaf for each input or output array of a model.

    None if only data can show it.
    """
    if is_symbolic(model):
        return structure(model, end)
    return ONE if isinstance(model, keras.Sequential) else None


def trains_as_keras(model: Any) -> bool:
    """Whether Keras's own step compares the targets by the compiled loss."""
    own = type(model)
    return (
        bool(getattr(model, "loss", None))
        and own.train_step is keras.Model.train_step
        and own.compute_loss is keras.Model.compute_loss
    )


def _check_indices(model: Any, name: str, x: Any) -> None:
    """Raises if inputs of an `Embedding` are no indices of its rows."""
    indices = indices_of(model)
    if not indices:
        return
    matched = _checks.match(name, x, structure(model, "input")) if is_symbolic(model) else []
    for leaf, array, tensor in matched:
        for found in indices:
            if model.inputs[found.position] is tensor:
                given = array if found.part is ... else with_axes_of(tensor, array)
                _checks.embedding_indices(leaf, given, found.part, found.layer, found.input_dim)


def with_axes_of(tensor: Any, array: Any) -> Any:
    """Returns an array with the axes of a symbolic input.

    As in Keras, a missing or an additional last axis of size 1 makes no difference.
    """
    if len(array.shape) == len(tensor.shape):
        return array
    return array[..., None] if len(array.shape) < len(tensor.shape) else array[..., 0]


def outputs_of(model: Any, x: Any) -> Any:
    """Returns the symbolic outputs in their structure, or None if only data can show them."""
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
    with scope_of(model):
        return model.compute_output_spec(keras.tree.map_structure(symbol, x), **arguments)


def _check_targets(
    model: Any,
    names: tuple[str, str, str],
    x: Any,
    y: Any,
    sample_weight: Any,
    outputs_for: Callable[[Any], Any],
) -> tuple[Any, Any, dict[str, Labels]]:
    """Checks targets and weights; returns both in the structure of the outputs, and the labels."""
    targets = _checks.named_leaves(names[1], y)
    weights = _checks.named_leaves(names[2], sample_weight)
    by_row = sample_weight is not None and not keras.tree.is_nested(sample_weight)
    outputs = outputs_for(x) if targets and trains_as_keras(model) else None
    if outputs is None:
        for name, array in weights:
            target = targets[0][1] if len(weights) == 1 and len(targets) == 1 else None
            _checks.sample_weights(name, array, target)
        for leaf, array in targets:
            if array.dtype.kind == "f":
                _checks.finite_range(leaf, array)
        if by_row and keras.tree.is_nested(y):
            # As Keras does, for a step that looks for the weights of each target.
            sample_weight = keras.tree.map_structure(lambda _: sample_weight, y)
        labels = _labels("", targets[0][1], "custom", None) if len(targets) == 1 else {}
        return y, sample_weight, labels
    labels: dict[str, Labels] = {}
    ends = targets_by_output(model, names[1], y, outputs)
    output_names = _names_of(model, outputs)
    for end, (leaf, array, tensor, kind) in zip(output_names, ends, strict=True):
        if array is not None:
            _checks.fits_output(leaf, array, tensor, kind)
            end = f"[{end!r}]" if len(ends) > 1 else ""
            labels |= _labels(end, array, kind, tensor.shape[-1])
    y = _packed(outputs, [array for _, array, _, _ in ends])
    if by_row:
        [(name, array)] = weights
        _checks.sample_weights(name, array, targets[0][1] if len(targets) == 1 else None)
        if len(targets) > 1:
            _checks.one_weight_a_row(name, array)
    elif weights:
        given = [array is not None for _, array, _, _ in ends]
        aligned = _checks.align(names[2], sample_weight, outputs, output_names, given)
        for (name, array), (_, target, _, _) in zip(aligned, ends, strict=True):
            if array is not None:
                _checks.sample_weights(name, array, target)
        sample_weight = _packed(outputs, [array for _, array in aligned])
    return y, sample_weight, labels


def _packed(outputs: Any, leaves: list[Any]) -> Any:
    """Returns arrays in the structure of the outputs."""
    if len(leaves) == 1 and not isinstance(outputs, dict):
        return leaves[0]
    return keras.tree.pack_sequence_as(keras.tree.lists_to_tuples(outputs), leaves)


def pair_inputs(model: Any, name: str, x: Any) -> list[tuple[str, Any, Any]]:
    """Returns (name, array, symbolic input) for every array of a functional model's inputs."""
    wanted = structure(model, "input")
    if isinstance(wanted, dict) and len(wanted) > 1 and not isinstance(x, dict):
        # Keras takes a list in the order of the sorted names, where that is the model's order too.
        in_order = isinstance(x, (list, tuple)) and list(wanted) == sorted(wanted)
        if not in_order or len(keras.tree.flatten(x)) != len(keras.tree.flatten(wanted)):
            keys = ", ".join(map(repr, wanted))
            given = f"a list of {len(x)}" if isinstance(x, (list, tuple)) else "one array"
            raise _checks.InvalidArgument(
                name,
                f"be a dictionary with the names of the model's inputs, {keys}",
                x,
                got=given,
            )
    hint = "Only what is made by `keras.Input(..., optional=True)` may be None."
    return _checks.match(name, x, wanted, required=required_inputs(model), hint=hint)


def targets_by_output(
    model: Any, name: str, y: Any, outputs: Any
) -> list[tuple[str, Any, Any, str]]:
    """Returns (name, target or None, symbolic output, kind of loss) for every output."""
    names = _names_of(model, outputs)
    ends = _checks.targets_by_output(name, y, outputs, names, model.loss)
    if _outputs_bits(model):
        ends = [(leaf, y, out, "binary" if kind == "real" else kind) for leaf, y, out, kind in ends]
    return ends


def pair_targets(model: Any, name: str, y: Any, outputs: Any) -> list[tuple[str, Any, Any, str]]:
    """Returns (name, target, symbolic output, kind of loss) for every target."""
    ends = targets_by_output(model, name, y, outputs)
    return [end for end in ends if end[1] is not None]


def kinds_by_output(model: Any, outputs: Any) -> list[str | None]:
    """Returns the kind of targets of each output's loss; None without a loss."""
    return _checks.kinds_by_output(outputs, _names_of(model, outputs), model.loss)


def _names_of(model: Any, outputs: Any) -> list[str]:
    """Returns the names of outputs: their keys, or those of their layers, or numbers."""
    if isinstance(outputs, dict) and not any(map(keras.tree.is_nested, outputs.values())):
        return sorted(outputs)
    if isinstance(model, keras.Sequential):
        return [model.layers[-1].name]
    count = len(keras.tree.flatten(outputs))
    return getattr(model, "output_names", None) or [f"output_{i}" for i in range(count)]


def _outputs_bits(model: Any) -> bool:
    """Whether the model outputs 0 or 1, whatever its loss."""
    return isinstance(model, keras.Sequential) and isinstance(
        model.layers[-1], (layers.Perceptron, layers.Threshold)
    )


def _labels(leaf: str, array: np.ndarray, kind: str, units: int | None) -> dict[str, Labels]:
    """Returns the labels of a target by its name, if it is one class number a row."""
    if kind == "onehot" and array.ndim == 2:
        return {leaf: Labels(array.argmax(axis=1), units)}
    if kind not in ("classes", "binary", "custom") or array.size != len(array):
        return {}
    # A probability is no class, though cross-entropy takes it.
    if array.dtype.kind not in "buif" or (array != np.floor(array)).any():
        return {}
    classes = {"classes": units, "binary": 2, "custom": None}[kind]
    return {leaf: Labels(array.reshape(-1), classes)}


def as_arrays(name: str, nest: Any, wanted: Any) -> Any:
    """Turns tensors, data frames, lists and structures of them into NumPy arrays.

    Args:
        name: Name of the structure in errors.
        nest: Data of the user. A sequence of arrays becomes a tuple, as in Keras.
        wanted: A structure with one leaf for each array, where a list of arrays is an array of
            rows; None where it is not known, so that such a list is a structure.
    """
    if nest is None:
        return None
    if isinstance(nest, dict):
        return {
            key: as_arrays(f"{name}[{key!r}]", value, _part(wanted, key))
            for key, value in nest.items()
        }
    if isinstance(nest, (list, tuple)) and nest and all(part is None for part in nest):
        return tuple(nest)
    if isinstance(nest, (list, tuple)) and _holds_arrays(nest):
        is_one = wanted is not None and not keras.tree.is_nested(wanted)
        if not is_one or len(nest) == 1:
            return tuple(
                as_arrays(f"{name}[{i}]", n, ONE if is_one else _part(wanted, i))
                for i, n in enumerate(nest)
            )
    return _checks.as_array(name, nest)


def _holds_arrays(nest: Any) -> bool:
    """Whether a sequence holds arrays; a list of numbers is one array."""
    return any(
        len(getattr(part, "shape", ()))
        or isinstance(part, dict)
        or (isinstance(part, (list, tuple)) and _holds_arrays(part))
        for part in nest
    )


def _part(wanted: Any, key: Any) -> Any:
    """Returns a part of the wanted structure; None if it is not known."""
    if isinstance(wanted, dict):
        return wanted.get(key)
    if isinstance(wanted, (list, tuple)) and isinstance(key, int) and key < len(wanted):
        return wanted[key]
    return None


def _is_text(array: np.ndarray) -> bool:
    if array.dtype.kind == "O":
        return all(isinstance(v, (str, bytes)) for v in array.ravel().tolist())
    return array.dtype.kind in "UST"


def _no_text(name: str, array: np.ndarray) -> _checks.InvalidArgument:
    """Returns the error of an array in the place of texts, with the first row that is none."""
    if array.dtype.kind != "O":
        return _checks.InvalidArgument(name, "hold text", array.dtype, got=f"dtype {array.dtype}")
    index = next(i for i, v in np.ndenumerate(array) if not isinstance(v, (str, bytes)))
    got = f"{array[index]!r} in {_checks.position(index)}"
    return _checks.InvalidArgument(name, "hold text", array[index], "Drop those rows.", got=got)


def _cast(nest: Any) -> Any:
    """Casts real numbers to Keras's float type, as Keras does, and text to a tensor."""

    def cast(array: Any) -> Any:
        if array is not None and _is_text(array):
            return tf.constant(array.astype(object), tf.string)
        if array is None or array.dtype.kind != "f":
            return array
        with np.errstate(over="ignore"):  # The check for infinity finds overflow.
            return array.astype(keras.config.floatx(), copy=False)

    return keras.tree.map_structure(cast, nest)
