"""Activations, losses and kinds of targets of a model, and the outputs that they imply."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks

# Ranges of the activations whose derivative goes to zero at both ends.
RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
}
_TINY = 1e-7


def activation_of(layer: Any) -> str:
    """Returns the name of a layer's activation; empty where it has none or its name is unknown.

    >>> activation_of(keras.layers.Dense(1, activation="tanh"))
    'tanh'
    """
    if isinstance(layer, keras.layers.ReLU):
        return "" if layer.negative_slope else "relu"
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    own = getattr(layer, "activation_name", "")
    return own or getattr(getattr(layer, "activation", None), "__name__", "")


def symbolic_outputs(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yields the layers of a model with one output tensor, with its symbol.

    For a layer that was called several times it is the symbol of the first call.
    """
    for layer in model.layers:
        try:
            output = layer.output
        except (AttributeError, ValueError):
            # It was never called, or belongs to a subclassed model with a `call` of its own.
            continue
        if not keras.tree.is_nested(output):
            yield layer, output


def output_layer(model: Any) -> Any:
    """Returns the layer that computes a model's only output, or None where it is not known."""
    if isinstance(model, keras.Sequential):
        return model.layers[-1]
    try:
        [output] = model.outputs
    except (AttributeError, TypeError, ValueError):
        return None
    return next((layer for layer, made in symbolic_outputs(model) if made is output), None)


def output_activation(model: Any) -> str:
    """Returns the name of the activation that a model ends with, or an empty string."""
    return activation_of(output_layer(model))


def kind_of_targets(model: Any) -> str:
    """Returns the kind of a model's targets, as `_checks.kind_of`; `"custom"` for several."""
    if not model.compiled or model.loss is None or isinstance(model.loss, (list, tuple, dict)):
        return "custom"
    kind = _checks.kind_of(model.loss)
    return "binary" if kind == "real" and output_activation(model) == "threshold" else kind


def are_classes(model: Any, kind: str, wanted: np.ndarray) -> bool:
    """Whether targets are classes, even under a loss for real numbers."""
    if kind in ("classes", "onehot", "binary"):
        return True
    bounded = output_activation(model) in RANGES
    return kind == "real" and bounded and bool(np.isin(wanted, (0, 1)).all())


def loss_function(model: Any) -> Any:
    """Returns the loss of `compile` as a callable."""
    return keras.losses.get(model.loss)


def has_logits(loss: Any) -> bool:
    """Whether a loss applies the sigmoid or softmax itself."""
    return bool(_config(loss).get("from_logits", False))


def gradient_fades(model: Any) -> bool:
    """Whether the gradient of the loss goes to 0 where an output is confident and wrong.

    With respect to the inputs of the activation it is 2 (p - y) p (1 - p) for the squared error of
    a sigmoid p, and p - y for a cross-entropy of a sigmoid or softmax, which Keras computes from
    those inputs.
    """
    entropy = kind_of_targets(model) in ("classes", "onehot", "binary")
    return not (entropy and output_activation(model) in ("sigmoid", "softmax"))


def smoothed(loss: Any, kind: str, wanted: np.ndarray) -> np.ndarray:
    """Returns the probabilities at which a loss with label smoothing is minimal."""
    smoothing = _config(loss).get("label_smoothing", 0.0)
    return (1 - smoothing) * wanted + smoothing * equal(kind, wanted) if smoothing else wanted


def equal(kind: str, wanted: np.ndarray) -> np.ndarray:
    """Returns what an output layer of zeros predicts: equal probabilities, one count, or 0."""
    units = wanted.shape[1]
    levels = {"binary": 0.5, "classes": 1 / units, "onehot": 1 / units, "counts": 1.0}
    return np.full(wanted.shape, levels.get(kind, 0.0))


def as_output(loss: Any, kind: str, probabilities: np.ndarray) -> np.ndarray:
    """Returns the outputs of a model that stand for these probabilities."""
    if not has_logits(loss):
        return probabilities
    p = np.clip(probabilities, _TINY, 1 - _TINY)
    return np.log(p / (1 - p)) if kind == "binary" else np.log(p)


def mean_loss(loss: Any, target: np.ndarray, output: np.ndarray, weight: np.ndarray) -> float:
    """Returns the mean of a loss over rows, each times its weight, as `fit` reports it."""
    y = tf.constant(target, tf.int32 if target.dtype.kind == "i" else tf.float32)
    predictions, weights = (tf.constant(array, tf.float32) for array in (output, weight))
    if isinstance(loss, keras.losses.Loss):
        losses: Any = loss(y, predictions, sample_weight=weights)
    else:
        losses = loss(y, predictions) * weights
    return float(tf.reduce_mean(losses))


def _config(loss: Any) -> dict[str, Any]:
    return loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
