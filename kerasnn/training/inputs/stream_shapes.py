"""Checks of a stream before a batch is read: that it ends, and the shapes of its batches."""

import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training.inputs import arrays


def is_endless(data: Any) -> bool:
    """Whether data is a stream that is known to have no end; of a generator nothing is known."""
    if isinstance(data, tf.data.Dataset):
        return bool(data.cardinality() == tf.data.INFINITE_CARDINALITY)
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    return isinstance(data, itertools.cycle)


def check_stream_end(name: str, data: Any, argument: str, steps: int | None, of: str) -> None:
    """Raises if a stream is empty, or has no end and no number of steps is given.

    Args:
        name: Name of the stream in errors.
        data: The stream.
        argument: Name of the argument with the number of steps.
        steps: Its value.
        of: What the batches are counted for, such as "an epoch".
    """
    for kind, is_empty in (
        ("tf.data.Dataset", isinstance(data, tf.data.Dataset) and data.cardinality() == 0),
        ("PyDataset", isinstance(data, keras.utils.PyDataset) and data.num_batches == 0),
    ):
        if is_empty:
            got = f"an empty {kind}"
            raise _checks.InvalidArgument(name, "hold at least one batch", data, got=got)
    if is_endless(data) and steps is None:
        raise _checks.InvalidArgument(
            argument,
            f"be given where `{name}` is a {type(data).__name__} without an end",
            None,
            f"Give the number of batches of {of}.",
        )


def check_stream_shapes(model: Any, stream: Any, names: tuple[str, ...]) -> None:
    """Raises if the batches of a stream cannot have the shapes that a model takes and gives.

    Args:
        model: A Keras model. Only functional models are checked.
        stream: Any stream; only a `tf.data.Dataset` has known shapes.
        names: Names of inputs and targets in errors.

    Raises:
        InvalidArgument: If a shape does not fit, or the rows are not batched.
    """
    if not isinstance(stream, tf.data.Dataset) or not arrays.is_symbolic(model):
        return
    spec = keras.tree.map_structure(_none_or_spec, stream.element_spec)
    x, y, _ = keras.utils.unpack_x_y_sample_weight(spec)
    for name, nest in zip(names, (x, y), strict=False):
        for leaf, spec in _checks.named_leaves(name, nest):
            if isinstance(spec, tf.TensorSpec) and spec.shape.rank is None:
                raise _checks.InvalidArgument(
                    leaf,
                    "come in batches with a known number of axes",
                    spec,
                    "Give `from_generator` an `output_signature`, such as "
                    "`tf.TensorSpec((None, 3), tf.float32)`.",
                    got="a stream of unknown shape",
                )
    for name, spec, tensor in arrays.pair_inputs(model, names[0], x):
        if not _has_shape(spec):
            continue
        if spec.shape.rank == len(tensor.shape) - 1 and tensor.shape[-1] != 1:
            raise _checks.InvalidArgument(
                name,
                "come in batches",
                tuple(spec.shape),
                "Give `.batch(32)` of it.",
                got=f"a stream of single rows of shape {tuple(spec.shape)}",
            )
        _checks.fits_input(name, _stand_in(spec, tensor), tensor)
    if y is None or not arrays.trains_as_keras(model):
        return
    outputs = arrays.structure(model, "output")
    _check_order(names[1], y, outputs, getattr(model, "output_names", []))
    for name, spec, tensor, kind in arrays.pair_targets(model, names[1], y, outputs):
        if _has_shape(spec):
            _checks.fits_output(name, _stand_in(spec, tensor), tensor, kind)


def _check_order(name: str, y: Any, outputs: Any, output_names: list[str]) -> None:
    """Raises if Keras would pair some targets in alphabetical order, and not by name."""
    if not isinstance(y, dict) or isinstance(outputs, dict) or set(y) == set(output_names):
        return
    if sorted(y) != [key for key in output_names if key in y]:
        lacking = ", ".join(repr(key) for key in output_names if key not in y)
        raise _checks.InvalidArgument(
            name,
            "hold a key for every output, so that Keras pairs them by name",
            y,
            "Yield None for an output without a loss.",
            got=f"none for {lacking}",
        )


def _none_or_spec(spec: tf.TypeSpec) -> tf.TypeSpec | None:
    """Returns None for a leaf that yields None, or an optional, which Keras treats as None."""
    is_none = spec == tf.type_spec_from_value(None) or isinstance(spec, tf.OptionalSpec)
    return None if is_none else spec


def _has_shape(spec: Any) -> bool:
    return isinstance(spec, tf.TensorSpec) and spec.shape.rank is not None


def _stand_in(spec: tf.TensorSpec, tensor: Any) -> np.ndarray:
    """Returns zeros of the shape of a batch; unknown sizes are those of the model."""
    wanted = [*tensor.shape, *[1] * len(spec.shape)]
    shape = [size or wanted[i] or 1 for i, size in enumerate(spec.shape)]
    return np.broadcast_to(np.zeros((), spec.dtype.as_numpy_dtype), shape)
