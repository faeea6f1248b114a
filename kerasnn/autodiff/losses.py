"""The loss of a compiled model on one batch, without a trace of it in the model."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks


def check_model(model: Any) -> None:
    """Raises unless `model` is a Keras model with a loss."""
    if not isinstance(model, keras.Model):
        raise _checks.wrong("model", "be a Keras model", model)
    if not model.compiled:
        raise ValueError(
            f"`model` must be compiled, so that it has a loss; `{model.name}` is not. Call "
            "`model.compile(loss=...)` first."
        )


def of(model: keras.Model, x: Any, y: Any, sample_weight: Any = None) -> Any:
    """Returns the loss of a batch in inference, penalties included."""
    return model.compute_loss(
        x=x,
        y=y,
        y_pred=model(x, training=False),
        sample_weight=sample_weight,
        training=False,
    )


def as_tensors(nest: Any, dtype: str | None = None) -> Any:
    """Returns a structure of arrays as tensors; floating-point ones in `dtype`."""

    def convert(leaf: Any) -> tf.Tensor:
        tensor = tf.convert_to_tensor(leaf)
        return tf.cast(tensor, dtype) if dtype and tensor.dtype.is_floating else tensor

    if not any(hasattr(leaf, "shape") for leaf in keras.tree.flatten(nest)):
        # Lists of plain numbers are one array, and not a list of arrays.
        nest = np.asarray(nest)
    return keras.tree.map_structure(convert, nest)
