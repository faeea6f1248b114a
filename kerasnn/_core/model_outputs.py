"""What a model's layers and its loss say about the numbers that come out."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks

# Where the derivative of the activation goes to zero at both ends.
RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
}
_TINY = 1e-7


def activation_of(layer: Any) -> str:
    """Returns the name of a layer's activation; empty where it has none that is known.

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
    """Yields the layers of a model that give one tensor, with the symbol of it.

    Of a layer that was called more than once it is that of the first call.
    """
    for layer in model.layers:
        try:
            output = layer.output
        except (AttributeError, ValueError):
            # It was never called, or its model computes by Python of its own.
            continue
        if not keras.tree.is_nested(output):
            yield layer, output


def output_layer(model: Any) -> Any:
    """Returns the layer that makes the one output of a model, or None where it is not known."""
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
    """Returns what targets a model wants, as `_checks.kind_of` does; `"custom"` for several."""
    if not model.compiled or model.loss is None or isinstance(model.loss, (list, tuple, dict)):
        return "custom"
    kind = _checks.kind_of(model.loss)
    return "binary" if kind == "real" and output_activation(model) == "threshold" else kind


def are_classes(model: Any, kind: str, wanted: np.ndarray) -> bool:
    """Whether targets are classes, whatever the loss takes them for."""
    if kind in ("classes", "onehot", "binary"):
        return True
    bounded = output_activation(model) in RANGES
    return kind == "real" and bounded and bool(np.isin(wanted, (0, 1)).all())


def loss_function(model: Any) -> Any:
    """Returns the loss of `compile` as what can be called."""
    return keras.losses.get(model.loss)


def has_logits(loss: Any) -> bool:
    """Whether a loss applies the sigmoid or softmax itself."""
    return bool(_config(loss).get("from_logits", False))


def gradient_fades(model: Any) -> bool:
    """Whether the gradient of the loss goes to 0 where an output is sure and wrong.

    With respect to the inputs of the activation it is 2 (p - y) p (1 - p) for the squared error of
    a sigmoid p, and p - y for a cross-entropy of a sigmoid or softmax, which Keras computes from
    those inputs.
    """
    entropy = kind_of_targets(model) in ("classes", "onehot", "binary")
    return not (entropy and output_activation(model) in ("sigmoid", "softmax"))


def smoothed(loss: Any, kind: str, wanted: np.ndarray) -> np.ndarray:
    """Returns the probabilities that a loss with label smoothing is least for."""
    share = _config(loss).get("label_smoothing", 0.0)
    return (1 - share) * wanted + share * equal(kind, wanted) if share else wanted


def equal(kind: str, wanted: np.ndarray) -> np.ndarray:
    """Returns what an output layer of zeros means: equal probabilities, one count, or 0."""
    units = wanted.shape[1]
    levels = {"binary": 0.5, "classes": 1 / units, "onehot": 1 / units, "counts": 1.0}
    return np.full(wanted.shape, levels.get(kind, 0.0))


def as_output(loss: Any, kind: str, probabilities: np.ndarray) -> np.ndarray:
    """Returns what a model would have to give out to mean these probabilities."""
    if not has_logits(loss):
        return probabilities
    p = np.clip(probabilities, _TINY, 1 - _TINY)
    return np.log(p / (1 - p)) if kind == "binary" else np.log(p)


def mean_loss(loss: Any, target: np.ndarray, output: np.ndarray, weight: np.ndarray) -> float:
    """Returns the mean of a loss over rows, each times its weight, as `fit` reports it."""
    y = tf.constant(target, tf.int32 if target.dtype.kind == "i" else tf.float32)
    answers, weights = (tf.constant(array, tf.float32) for array in (output, weight))
    if isinstance(loss, keras.losses.Loss):
        losses: Any = loss(y, answers, sample_weight=weights)
    else:
        losses = loss(y, answers) * weights
    return float(tf.reduce_mean(losses))


def _config(loss: Any) -> dict[str, Any]:
    return loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
