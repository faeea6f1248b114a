"""Checks of what a stream says of itself before a batch is drawn: an end, and shapes."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training import rows


def may_never_end(data: Any) -> bool:
    """Whether data is a stream that does not say how many batches it has."""
    if isinstance(data, tf.data.Dataset):
        return bool(data.cardinality() == tf.data.INFINITE_CARDINALITY)
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    return hasattr(data, "__next__")


def check_stream_end(name: str, data: Any, argument: str, steps: int | None, of: str) -> None:
    """Raises where a stream is empty, or may never end and nothing says when to stop.

    Args:
        name: What errors call the stream.
        data: The stream.
        argument: The argument that says when to stop.
        steps: Its value.
        of: What it gives the number of batches of.
    """
    for kind, is_empty in (
        ("tf.data.Dataset", isinstance(data, tf.data.Dataset) and data.cardinality() == 0),
        ("PyDataset", isinstance(data, keras.utils.PyDataset) and data.num_batches == 0),
    ):
        if is_empty:
            raise ValueError(f"`{name}` must hold at least one batch; got an empty {kind}.")
    if may_never_end(data) and steps is None:
        raise ValueError(
            f"`{argument}` must be given where `{name}` is a {type(data).__name__} that may never "
            f"end; got {argument}=None. Give the number of batches to {of}."
        )


def check_stream_shapes(model: Any, stream: Any, names: tuple[str, ...]) -> None:
    """Raises where the batches of a stream cannot have the shapes that a model takes and gives.

    Args:
        model: A Keras model. Of one that is not functional nothing is known to compare with.
        stream: Any stream; only a `tf.data.Dataset` says what it will yield.
        names: What errors call inputs and targets.

    Raises:
        ValueError: If a shape does not fit, or the rows are not batched.
    """
    if not isinstance(stream, tf.data.Dataset) or not rows.is_symbolic(model):
        return
    x, y, _ = keras.utils.unpack_x_y_sample_weight(stream.element_spec)
    for name, nest in zip(names, (x, y), strict=False):
        for leaf, spec in _checks.named_leaves(name, nest):
            if isinstance(spec, tf.TensorSpec) and spec.shape.rank is None:
                raise ValueError(
                    f"`{leaf}` must come in batches of a known rank; the stream does not say how "
                    "many axes they have. Give `from_generator` an `output_signature`, such as "
                    "`tf.TensorSpec((None, 3), tf.float32)`."
                )
    for name, spec, tensor in _checks.match(names[0], x, rows.structure(model, "input")):
        if not _has_shape(spec):
            continue
        if spec.shape.rank == len(tensor.shape) - 1 and tensor.shape[-1] != 1:
            raise ValueError(
                f"`{name}` must come in batches; the stream yields single rows of shape "
                f"{tuple(spec.shape)}. Give `.batch(32)` of it."
            )
        _checks.fits_input(name, _stand_in(spec, tensor), tensor)
    if y is None or not rows.trains_as_keras(model):
        return
    for name, spec, tensor, kind in rows.pair_targets(
        model, names[1], y, rows.structure(model, "output")
    ):
        if _has_shape(spec):
            _checks.fits_output(name, _stand_in(spec, tensor), tensor, kind)


def _has_shape(spec: Any) -> bool:
    return isinstance(spec, tf.TensorSpec) and spec.shape.rank is not None


def _stand_in(spec: tf.TensorSpec, tensor: Any) -> np.ndarray:
    """Returns zeros of a shape that is to come; a size that is free suits the model."""
    wanted = [*tensor.shape, *[1] * len(spec.shape)]
    shape = [size or wanted[i] or 1 for i, size in enumerate(spec.shape)]
    return np.broadcast_to(np.zeros((), spec.dtype.as_numpy_dtype), shape)
