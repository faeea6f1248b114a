"""Checks of the values in each batch of a stream."""

import contextlib
import copy
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.embeddings import indices_of

Names = tuple[str, str, str]

_UNSIGNED = {tf.int8: tf.uint8, tf.int16: tf.uint16, tf.int32: tf.uint32, tf.int64: tf.uint64}


class BatchCheck:
    """Checks each batch of a stream by the rules for arrays, before the model receives it.

    Args:
        model: A Keras model.
        names: Names of inputs, targets and weights in errors.
        targets: Whether targets and weights are used, and so checked.
        allow_nan: Whether inputs may be NaN.

    Attributes:
        errors: The errors raised, since TensorFlow keeps only their texts.
    """

    def __init__(
        self, model: Any, names: Names, *, targets: bool = True, allow_nan: bool = False
    ) -> None:
        self._model, self._names, self._targets = model, names, targets
        self._allow_nan = allow_nan
        self.errors: list[ValueError] = []
        # Symbolic outputs of a subclassed model, whose shapes a symbolic call shows, by the
        # shapes of its inputs.
        self._outputs: dict[Any, Any] = {}

    def __call__(self, batch: Any, number: int) -> None:
        """Raises if a batch holds values that cannot be right."""
        leaves = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
        if not all(hasattr(leaf, "__array__") for leaf in leaves):
            return  # Sparse and ragged tensors are not checked.
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        try:
            if self._targets:
                outputs = self._outputs_for(x)
                given = {"names": self._names, "allow_nan": self._allow_nan}
                arrays.read(self._model, x, y, sample_weight, outputs=outputs, **given)
                arrays.require_targets(self._model, self._names[1], y)
            else:
                arrays.read(self._model, x, names=self._names, allow_nan=self._allow_nan)
        except ValueError as error:
            if isinstance(error, _checks.InvalidArgument):
                named = error.in_batch(number)
            else:
                named = ValueError(f"Batch {number} of the stream: {error}")
            self.errors.append(named)
            raise named from None

    def _outputs_for(self, x: Any) -> Callable[[Any], Any]:
        """Returns the function that finds symbolic outputs, once for inputs of one shape."""
        leaves = [leaf for leaf in keras.tree.flatten(x) if leaf is not None]
        key = str([(leaf.shape[1:], leaf.dtype) for leaf in leaves])

        def outputs(x: Any) -> Any:
            if key not in self._outputs:
                self._outputs[key] = arrays.outputs_of(self._model, x)
            return self._outputs[key]

        return outputs

    def batches(self, batches: Iterable) -> Iterator:
        """Yields batches, and raises at the first with values that cannot be right."""
        for number, batch in enumerate(batches):
            self(batch, number)
            yield batch

    def stream(self, data: Any) -> Any:
        """Returns a stream for Keras's own loop that raises where a batch is wrong.

        Iterators, which `batches` checks, datasets of `grain`, and data that is no stream are
        returned unchanged.
        """
        if isinstance(data, tf.data.Dataset):
            return self._dataset(data)
        if isinstance(data, keras.utils.PyDataset):
            return _CheckedPyDataset(data, self)
        if type(data).__module__.startswith("torch."):
            return _checked_loader(data, self)
        return data

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Raises the error of a wrong batch in place of the one that Keras or TensorFlow raises."""
        try:
            yield
        except (ValueError, tf.errors.OpError):
            if self.errors:
                raise self.errors[0] from None
            raise

    def again(self, stream: Any) -> ValueError | None:
        """Returns the error of the first wrong batch of a stream on which training has failed.

        Errors of worker processes, and of steps, do not name the batch.
        """
        if isinstance(stream, tf.data.Dataset):
            ends = stream.cardinality() != tf.data.INFINITE_CARDINALITY
        else:
            ends = isinstance(stream, keras.utils.PyDataset) and stream.num_batches is not None
        if ends:
            try:
                for _ in self.batches(stream):
                    pass
            except ValueError as error:
                return error
            except tf.errors.OpError:
                return None  # The stream itself fails, and has raised already.
        return None

    def _dataset(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        spec = dataset.element_spec
        are_right = values_are_right(
            self._model, spec, self._names, targets=self._targets, allow_nan=self._allow_nan
        )
        if are_right is None:
            return dataset

        def examine(number: Any, *leaves: Any) -> Any:
            given = iter(leaves)
            flat = [
                next(given) if isinstance(s, tf.TensorSpec) else None for s in tf.nest.flatten(spec)
            ]
            self(tf.nest.pack_sequence_as(spec, flat), int(number))
            return np.True_

        @tf.autograph.experimental.do_not_convert
        def check(number: Any, batch: Any) -> Any:
            leaves = [leaf for leaf in tf.nest.flatten(batch) if leaf is not None]
            is_right = tf.cond(
                are_right(batch),
                lambda: True,
                lambda: tf.numpy_function(examine, [number, *leaves], tf.bool),
            )
            with tf.control_dependencies([is_right]):
                return tf.nest.map_structure(lambda t: None if t is None else tf.identity(t), batch)

        return tf.data.Dataset.zip(tf.data.Dataset.counter(), dataset).map(check)


class _CheckedPyDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches are checked where they are made."""

    def __init__(self, source: Any, check: BatchCheck) -> None:
        super().__init__(
            workers=source.workers,
            use_multiprocessing=source.use_multiprocessing,
            max_queue_size=source.max_queue_size,
        )
        self._source, self._check = source, check

    @property
    def num_batches(self) -> Any:
        return self._source.num_batches

    def __getitem__(self, index: int) -> Any:
        batch = self._source[index]
        self._check(batch, index)
        return batch

    def on_epoch_begin(self) -> None:
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._source.on_epoch_end()


def _checked_loader(loader: Any, check: BatchCheck) -> Any:
    """Returns a copy of one of torch's loaders whose batches are checked."""

    class Checked(type(loader)):
        def __iter__(self) -> Iterator:
            return check.batches(super().__iter__())

    # `is_stream` looks at the module.
    Checked.__module__ = type(loader).__module__
    checked = copy.copy(loader)
    checked.__class__ = Checked
    return checked


def values_are_right(
    model: Any,
    spec: Any,
    names: Names = ("x", "y", "sample_weight"),
    *,
    targets: bool = True,
    allow_nan: bool = False,
) -> Callable[[Any], tf.Tensor] | None:
    """Returns a function that tests in TensorFlow whether `BatchCheck` accepts a batch.

    It consists of a few cheap operations, so that every batch can be tested inside a compiled
    program.

    Args:
        model: A Keras model.
        spec: Structure of `tf.TensorSpec` for one batch.
        names: Names of inputs, targets and weights in errors.
        targets: Whether targets and weights are used, and so checked.
        allow_nan: Whether inputs may be NaN.

    Returns:
        The function, or None if nothing can be checked, as for sparse and ragged tensors.
    """
    if not all(isinstance(s, tf.TensorSpec) or _is_none(s) for s in tf.nest.flatten(spec)):
        return None
    # Each leaf becomes a separate object, which identifies it.
    spec = tf.nest.map_structure(
        lambda s: tf.TensorSpec(s.shape, s.dtype) if isinstance(s, tf.TensorSpec) else None, spec
    )
    place = {id(leaf): i for i, leaf in enumerate(tf.nest.flatten(spec))}
    rules = [
        (place[id(leaf)], rule)
        for leaf, rule in _rules(model, spec, names, targets=targets, allow_nan=allow_nan)
        if rule is not None
    ]

    def are_right(batch: Any) -> tf.Tensor:
        leaves = tf.nest.flatten(batch)
        found = [rule(leaves[i]) for i, rule in rules]
        return functools.reduce(tf.logical_and, found) if found else tf.constant(True)

    return are_right


def _rules(
    model: Any, spec: Any, names: Names, *, targets: bool, allow_nan: bool
) -> Iterator[tuple[Any, Any]]:
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(spec)
    for leaf in _leaves(x):
        if leaf.dtype.is_floating:
            yield leaf, _is_finite_or_nan if allow_nan else _is_finite
    indices = indices_of(model)
    if indices and arrays.is_symbolic(model):
        for _, leaf, tensor in _checks.match(names[0], x, arrays.structure(model, "input")):
            for found in indices:
                has_part = found.part is ... or leaf.shape.rank is not None
                if model.inputs[found.position] is tensor and has_part:
                    yield leaf, _are_indices(tensor, found)
    if not targets:
        return
    for leaf in _leaves(sample_weight):
        yield leaf, _within(leaf, 0, _checks.LIMIT)
    outputs = None
    has_shapes = arrays.is_symbolic(model) or all(leaf.shape.rank for leaf in _leaves(x))
    if _leaves(y) and arrays.trains_as_keras(model) and has_shapes:
        outputs = arrays.outputs_of(model, x)
    if outputs is None:
        for leaf in _leaves(y):
            if leaf.dtype.is_floating:
                yield leaf, _within(leaf, -_checks.LIMIT, _checks.LIMIT)
        return
    for _, leaf, tensor, kind in arrays.pair_targets(model, names[1], y, outputs):
        low, high = _checks.value_range(kind, tensor.shape[-1] or 0)
        yield leaf, _within(leaf, low, high)
        if kind == "classes" and leaf.dtype.is_floating:
            yield leaf, lambda values: tf.reduce_all(tf.floor(values) == values)


def _is_finite(values: tf.Tensor) -> tf.Tensor:
    values = tf.cast(values, keras.config.floatx())
    return tf.reduce_all(tf.math.is_finite(values))


def _is_finite_or_nan(values: tf.Tensor) -> tf.Tensor:
    values = tf.cast(values, keras.config.floatx())
    return tf.reduce_all(~tf.math.is_inf(values))


def _are_indices(tensor: Any, found: Any) -> Callable[[tf.Tensor], tf.Tensor]:
    def are_indices(values: tf.Tensor) -> tf.Tensor:
        if found.part is not ...:
            values = arrays.with_axes_of(tensor, values)[found.part]
        return tf.reduce_all((values >= 0) & (values < tf.cast(found.input_dim, values.dtype)))

    return are_indices


def _within(leaf: tf.TensorSpec, low: float, high: float) -> Any:
    """Returns a test whether all values are in a range; None where none can be outside."""
    dtype = leaf.dtype
    if dtype.is_floating:
        # A comparison with NaN is false. Half floats end before float32 does.
        low, high = max(low, dtype.min), min(high, dtype.max)
        return lambda values: tf.reduce_all((values >= low) & (values <= high))
    if not dtype.is_integer or (low <= dtype.min and high >= dtype.max):
        return None
    if low <= dtype.min:
        return lambda values: tf.reduce_all(values <= high)
    if high >= dtype.max:
        return lambda values: tf.reduce_all(values >= low)
    if low == 0 and dtype in _UNSIGNED:
        # Without its sign a negative number is a large one: one comparison for both bounds.
        return lambda values: tf.reduce_all(tf.bitcast(values, _UNSIGNED[dtype]) <= high)
    return lambda values: tf.reduce_all((values >= low) & (values <= high))


def _leaves(spec: Any) -> list[tf.TensorSpec]:
    return [leaf for leaf in tf.nest.flatten(spec) if leaf is not None]


def _is_none(spec: Any) -> bool:
    return spec is None or getattr(spec, "value_type", None) is type(None)
