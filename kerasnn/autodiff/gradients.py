"""Norms of the gradient by layer."""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import unchanged
from kerasnn.autodiff import _loss


@_checks.known_arguments
def gradients(model: keras.Model, x: Any, y: Any, *, sample_weight: Any = None) -> dict[str, float]:
    """Computes the norm of the loss gradient in every layer with trainable weights.

    norm = sqrt(sum of (dL/dw)^2 over the layer's trainable weights)

    Norms that shrink from the last layer to the first show a vanishing gradient, norms that grow
    an exploding one. The model runs in inference mode: no dropout, batch normalisation with its
    moving statistics; weights and metrics do not change. The loss includes penalties.

    Args:
        model: A compiled Keras model.
        x: Inputs, used as one batch.
        y: Targets.
        sample_weight: Weight of each row, or of each target, in the loss.

    Returns:
        Layer name -> norm, from the first layer to the last. A layer in a nested model is named
        `nested/layer`. Layers without trainable weights are omitted.

    Raises:
        InvalidArgument: If `model` is not a compiled Keras model, or data is invalid.

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
    _loss.check_model(model)
    x, y = _loss.read(model, x, y)
    if sample_weight is not None:
        sample_weight = keras.tree.map_structure(tf.convert_to_tensor, sample_weight)
    return norms(by_weight(model, x, y, sample_weight))


def norms(found: list[tuple[str, Any, Any]]) -> dict[str, float]:
    """Returns the norm by layer of the gradients that `by_weight` returned."""
    squares: dict[str, float] = {}
    for name, _, gradient in found:
        squares.setdefault(name, 0.0)
        if gradient is not None:
            squares[name] += float(tf.reduce_sum(tf.cast(gradient, tf.float64) ** 2))
    return {name: total**0.5 for name, total in squares.items()}


def by_weight(
    model: keras.Model, x: Any, y: Any, sample_weight: Any = None
) -> list[tuple[str, Any, Any]]:
    """Returns (layer name, weight, gradient) for every trainable weight.

    The gradient is dense, or None if the loss does not depend on the weight. Arguments are
    structures of tensors, which are not checked.
    """
    metrics = [(variable, variable.numpy()) for variable in model.metrics_variables]
    with unchanged(model), tf.GradientTape() as tape:
        loss = _loss.of(model, x, y, sample_weight)
    for variable, value in metrics:
        variable.assign(value)
    pairs = list(trained(model))
    found = tape.gradient(loss, [weight.value for _, weight in pairs])
    return [
        (name, weight, None if gradient is None else tf.convert_to_tensor(gradient))
        for (name, weight), gradient in zip(pairs, found, strict=True)
    ]


def trained(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields each trainable weight once, with the name of its layer.

    Args:
        model: A Keras model.
        prefix: Prefix of the names: the enclosing models.
    """
    seen = set()
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            pairs = trained(layer, f"{prefix}{layer.name}/")
        else:
            pairs = ((prefix + layer.name, weight) for weight in layer.trainable_weights)
        for name, weight in pairs:
            if id(weight) not in seen:
                seen.add(id(weight))
                yield name, weight
    for weight in model.trainable_weights:
        if id(weight) not in seen:
            yield prefix + model.name, weight
