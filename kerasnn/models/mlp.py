"""`mlp`: builder of multi-layer perceptrons."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential
from kerasnn.tasks import Task

# Gains 0.2 points of accuracy on digits, where rare pixels lie 40 deviations from the mean.
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
    embeddings: Mapping[int, int] | None = None,
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
        task: A `kerasnn.tasks.Task` or its name.
        hidden: Units of each hidden layer; `()` gives (multinomial) logistic or linear
            regression.
        activation: f by name, one for all hidden layers or one for each. It chooses the
            initialiser: He for the ReLU family, Glorot for tanh and sigmoid, LeCun for SELU.
            Biases start at zero, except in a first layer of the ReLU family: there they are
            uniform within 3 * sqrt(2) after standardised inputs, which is three deviations of
            x W_1, and within 1 / sqrt(inputs) otherwise.
        dropout: Fraction of each hidden layer's outputs dropped in training, one or one a layer;
            after SELU by `AlphaDropout`, which keeps its mean and variance.
        l1: Factor of the penalty l1 * sum(abs(W)) on every kernel.
        l2: Factor of the penalty l2 * sum(W**2) on every kernel.
        batch_norm: Whether to normalise by batch between each hidden layer and its activation.
        normalize: Whether to standardise inputs, and for `regression` targets, with mean and
            variance of the training rows of the first `fit`. Before hidden layers, inputs more
            than three deviations from the mean are compressed logarithmically; see
            `layers.Standardize(compress=3.0)`. The loss stays in the units of the targets: SGD,
            whose steps grow with it, needs a rate such as `1e-2 / y.var()`; Adam's steps do not
            depend on the units.
        embeddings: `split.embeddings` of a table: position of each column of indices in the last
            axis of x -> number of its indices. Such columns become trainable vectors, by
            `layers.EmbedColumns`, which are not standardised.
        optimizer: Name of a Keras optimizer, or an optimizer with its own learning rate.
        learning_rate: Learning rate or schedule of an optimizer given by name.
        seed: Seed of initialisers and dropout. None uses the global seed of
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> model = mlp(4, 3, task="multiclass", hidden=(16,), seed=0)
        >>> [layer.name for layer in model.layers]
        ['standardize', 'hidden_1', 'output']
        >>> model.loss
        'sparse_categorical_crossentropy'
    """
    task = Task(task)
    factory = _building_blocks.LayerFactory(l1=l1, l2=l2, batch_norm=batch_norm, seed=seed)
    shape = _building_blocks.checked_shape(input_shape)
    if None in shape:
        raise _checks.InvalidArgument(
            "input_shape", "have fixed sizes for dense layers", input_shape
        )
    shape = tuple(int(size or 1) for size in shape)
    widths = _building_blocks.layer_sizes("hidden", hidden, empty=True)
    functions = _building_blocks.layer_activations(activation, len(widths))
    drops = _building_blocks.dropout_rates("dropout", dropout, len(widths))
    stack: list[Any] = [keras.Input(shape, name="features")]
    skip: list[int] = []
    if embeddings:
        embed = factory.embed(embeddings)
        others = shape[-1] - len(embeddings)
        shape = embed.compute_output_shape(shape)
        stack.append(embed)
        skip = [i for i in range(math.prod(shape)) if i % shape[-1] >= others]
    inputs = math.prod(shape)
    if len(shape) > 1:
        stack.append(keras.layers.Reshape((inputs,), name="flatten"))
    stack += factory.standardize(normalize, compress=_TAILS if widths else None, skip=skip)
    stack += factory.hidden(inputs, widths, functions, drops, standardized=normalize)
    stack += factory.output(outputs, task, normalize=normalize)
    model = Sequential(stack, name="mlp")
    return _building_blocks.compile_for(model, task, optimizer, learning_rate) if compile else model
