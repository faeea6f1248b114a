"""The multi-layer perceptron."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential
from kerasnn.tasks import Task

# Measured on digits, where rare pixels lie forty deviations off: 0.2 points of accuracy.
_TAILS = 3.0


@_checks.known_arguments
def mlp(
    input_shape: int | Sequence[int | None],
    outputs: int = 1,
    *,
    task: str,
    hidden: int | Sequence[int] = (64, 64),
    activation: Any = "relu",
    dropout: float | Sequence[float] = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    batch_norm: bool = False,
    normalize: bool = True,
    optimizer: Any = "adam",
    learning_rate: Any = 1e-3,
    seed: int | None = None,
    compile: bool = True,  # noqa: A002  Keras's name for it.
) -> Sequential:
    """Builds a multi-layer perceptron: hidden dense layers and the output of the task.

    h_0 = x; h_i = f(h_{i-1} W_i + b_i); y = g(h_k W + b), with g and the loss from `task`.

    Args:
        input_shape: Shape of one example; more than one axis is flattened.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: What to predict; see `kerasnn.tasks.Task`.
        hidden: Units of each hidden layer; `()` gives (multinomial) logistic or linear
            regression.
        activation: f by name, one for all hidden layers or one for each. It chooses the
            initialiser: He for the ReLU family, Glorot for tanh and sigmoid, LeCun for SELU.
            Biases start at zero, but for those of a first layer of the ReLU family. They are
            uniform within 3 * sqrt(2) behind standardised inputs, which is three deviations of
            x W_1, and within 1 / sqrt(inputs) behind others.
        dropout: Share of each hidden layer's outputs dropped in training, one or one a layer;
            after SELU by `AlphaDropout`, which keeps its mean and variance.
        l1: Factor of the penalty l1 * sum(abs(W)) on every kernel.
        l2: Factor of the penalty l2 * sum(W**2) on every kernel.
        batch_norm: Whether to normalise by batch between each hidden layer and its activation.
        normalize: Whether to standardise inputs, and for `regression` targets, with mean and
            variance of the training rows of the first `fit`. Before hidden layers an input further
            than three deviations from its mean counts by its logarithm; see
            `layers.Standardize(compress=3.0)`.
        optimizer: Name of a Keras optimizer, or one with a rate of its own.
        learning_rate: Rate, or schedule, of an optimizer given by name.
        seed: Seed of initialisers and dropout. The default takes them from
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        ValueError: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> model = mlp(4, 3, task="multiclass", hidden=(16,), seed=0)
        >>> [layer.name for layer in model.layers]
        ['standardize', 'hidden_1', 'output']
        >>> model.loss
        'sparse_categorical_crossentropy'
    """
    task = Task(task)
    part = _building_blocks.Parts(l1=l1, l2=l2, batch_norm=batch_norm, seed=seed)
    shape = _building_blocks.shape(input_shape)
    if None in shape:
        raise _checks.InvalidArgument(
            "input_shape", "be of fixed size for dense layers", input_shape
        )
    inputs = math.prod(size or 1 for size in shape)
    widths = _building_blocks.sizes("hidden", hidden, empty=True)
    functions = _building_blocks.activations(activation, len(widths))
    drops = _building_blocks.rates("dropout", dropout, len(widths))
    stack: list[Any] = [keras.Input(shape, name="features")]
    if len(shape) > 1:
        stack.append(keras.layers.Reshape((inputs,), name="flatten"))
    stack += part.standardize(normalize, compress=_TAILS if widths else None)
    stack += part.hidden(inputs, widths, functions, drops, standardized=normalize)
    stack += part.output(outputs, task, normalize=normalize)
    model = Sequential(stack, name="mlp")
    return _building_blocks.compile_for(model, task, optimizer, learning_rate) if compile else model
