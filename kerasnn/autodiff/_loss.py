"""The loss of a compiled model on one batch, and its checked inputs."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import unchanged


def check_model(model: Any) -> None:
    """Raises unless `model` is a Keras model with a loss."""
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument("model", "be a Keras model", model)
    if not model.compiled:
        raise _checks.InvalidArgument(
            "model",
            "be compiled, so that it has a loss",
            model.name,
            "Call `model.compile(loss=...)` first.",
            got=f"`{model.name}`, which is not",
        )


def of(model: keras.Model, x: Any, y: Any, sample_weight: Any = None) -> Any:
    """Returns the loss of a batch in inference mode, penalties included."""
    return model.compute_loss(
        x=x,
        y=y,
        y_pred=model(x, training=False),
        sample_weight=sample_weight,
        training=False,
    )


def check_loss(model: Any, x: Any) -> None:
    """Raises if a compiled model has no loss.

    Args:
        model: A compiled Keras model.
        x: Inputs; a layer may add a loss when it is called.
    """
    if model.loss is not None or type(model).compute_loss is not keras.Model.compute_loss:
        return
    with unchanged(model):
        model(x, training=False)
    if not model.losses:
        raise _checks.InvalidArgument(
            "model",
            "have a loss",
            model.name,
            "Pass `loss` to `compile`, or define `compute_loss`; a loss inside `train_step` cannot "
            "be found.",
            got=f"`{model.name}`, which has none",
        )


def read(
    model: Any,
    x: Any,
    y: Any,
    dtype: str | None = None,
    names: tuple[str, str] = ("x", "y"),
) -> tuple[Any, Any]:
    """Returns inputs and targets as tensors, floating-point ones in `dtype`.

    Raises if they are no numbers, have different lengths or are not finite, or if the targets do
    not fit the output and the loss.
    """
    x, y = _as_tensors(names[0], x), _as_tensors(names[1], y)
    inputs, targets = (keras.tree.map_structure(_as_array, nest) for nest in (x, y))
    leaves = _checks.named_leaves(names[0], inputs)
    _checks.row_count([*leaves, *_checks.named_leaves(names[1], targets)])
    for name, array in leaves:
        if array.dtype.kind in "fiub":
            _checks.finite_range(name, array)
    with unchanged(model):
        outputs = keras.tree.map_structure(
            lambda t: keras.KerasTensor((None, *t.shape[1:]), t.dtype), model(x, training=False)
        )
    count = len(keras.tree.flatten(outputs))
    ends = getattr(model, "output_names", None) or [f"output_{i}" for i in range(count)]
    if model.loss and type(model).compute_loss is keras.Model.compute_loss:
        for target in _checks.losses_by_output(names[1], targets, outputs, ends, model.loss):
            _checks.fits_output(*target)

    def cast(tensor: Any) -> Any:
        if dtype is None or tensor is None or not tensor.dtype.is_floating:
            return tensor
        return tf.cast(tensor, dtype)

    return keras.tree.map_structure(cast, x), keras.tree.map_structure(cast, y)


def _as_tensors(name: str, nest: Any) -> Any:
    if nest is None:
        raise _checks.InvalidArgument(name, "hold numbers, one row for each example", nest)
    if not any(hasattr(leaf, "shape") for leaf in keras.tree.flatten(nest)):
        # A list of numbers is one array, not a list of arrays.
        nest = np.asarray(nest)
    for leaf_name, leaf in _checks.named_leaves(name, nest):
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "O":
            _checks.numbers_only(leaf_name, leaf)
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else tf.convert_to_tensor(_checks.plain(name, leaf)), nest
    )


def _as_array(tensor: Any) -> Any:
    if tensor is None:
        return None
    # NumPy does not know bfloat16 as a number.
    return (tf.cast(tensor, "float32") if tensor.dtype == tf.bfloat16 else tensor).numpy()
