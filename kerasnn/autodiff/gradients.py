"""How large the gradient is in each layer."""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.autodiff import losses


@_checks.known_arguments
def gradients(model: keras.Model, x: Any, y: Any) -> dict[str, float]:
    """Measures the gradient of the loss in every layer that is trained.

    norm = sqrt(sum of (dL/dw)^2 over the layer's trainable weights)

    A norm that shrinks from the last layer to the first is a vanishing gradient; one that grows
    is an exploding gradient. The model runs in inference: nothing is dropped, batch
    normalisation uses what it has learned, and neither weights nor metrics change. The loss
    counts penalties.

    Args:
        model: A compiled Keras model.
        x: Inputs, taken as one batch.
        y: Targets.

    Returns:
        Layer name -> norm, from the first layer to the last. A layer in a nested model is
        `nested/layer`. Layers without trainable weights are left out.

    Raises:
        ValueError: If `model` is not a compiled Keras model, or if data cannot be right.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="only")])
        >>> model.compile(loss="mse")
        >>> model.set_weights([tf.constant([[2.0]]), tf.constant([0.0])])
        >>> gradients(model, [[1.0]], [[0.0]])["only"]  # both derivatives are 2 * 2
        5.656854...

    Reference:
        Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural
        networks. Proceedings of AISTATS, 249-256.
    """
    losses.check_model(model)
    x, y = losses.read(model, x, y)
    metrics = [(variable, variable.numpy()) for variable in model.metrics_variables]
    with tf.GradientTape() as tape:
        loss = losses.of(model, x, y)
    for variable, value in metrics:
        variable.assign(value)
    names, weights = [], []
    for name, weight in _trained(model):
        names.append(name)
        weights.append(weight.value)
    squares = dict.fromkeys(names, 0.0)
    for name, gradient in zip(names, tape.gradient(loss, weights), strict=True):
        if gradient is not None:
            dense = tf.cast(tf.convert_to_tensor(gradient), tf.float64)
            squares[name] += float(tf.reduce_sum(dense**2))
    return {name: total**0.5 for name, total in squares.items()}


def _trained(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the name of a layer with each of its trainable weights, each weight once."""
    seen = set()
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            pairs = _trained(layer, f"{prefix}{layer.name}/")
        else:
            pairs = ((prefix + layer.name, weight) for weight in layer.trainable_weights)
        for name, weight in pairs:
            if id(weight) not in seen:
                seen.add(id(weight))
                yield name, weight
    for weight in model.trainable_weights:
        if id(weight) not in seen:
            yield prefix + model.name, weight
