"""`tabular`: builder of networks for tables, by the recipe of RealMLP."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnn import _checks, layers, optimizers, schedules
from kerasnn._checks import layers as layer_checks
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential
from kerasnn.tasks import Task

_RATES = {True: 0.04, False: 0.2}
_ACTIVATIONS = {True: "selu", False: "mish"}
_BETA_2 = 0.95
# A strong decay of the factors of columns takes out columns of noise. Decay of the other weights,
# whose learning rates are small, would flatten frequencies and make activations linear.
_DECAY_FACTORS = {"kernel": 1.0, "scale": 36.0}


@_checks.known_arguments
def tabular(
    input_shape: int | Sequence[int | None],
    outputs: int = 1,
    *,
    task: str,
    hidden: int | Sequence[int] = (256, 256, 256),
    activation: Any = None,
    dropout: float | Sequence[float] = 0.15,
    normalize: bool = True,
    periodic: bool | Sequence[int] = True,
    embeddings: Mapping[int, int] | None = None,
    learning_rate: Any = None,
    weight_decay: float = 0.02,
    seed: int | None = None,
    compile: bool = True,  # noqa: A002  Keras's name for it.
) -> Sequential:
    """Builds a network for a table, with defaults that were tuned over many tables (RealMLP).

    x_0 = RobustScale(x), appended by PeriodicEmbedding(x), times Scale;
    h_0 = x_0; h_i = Dropout(ParametricActivation(NTKDense(h_{i-1}))); y = g(NTKDense(h_k)),
    with g and the loss from `task`. The dense layers are data-driven: the first `fit` of kerasnn
    sets their weights by the training rows, and then trains them. The model is compiled with
    `optimizers.AdamW`, beta_2 = 0.95, and the schedule `CosineLog(learning_rate)`, which lasts as
    long as each training.

    Train it with large batches for many epochs, and take the best of them:

        model.fit(x, y, epochs=128, batch_size=256, validation_data=...,
                  callbacks=[EarlyStopping(patience=40)])

    `selection.Classifier(network="tabular")` and `Regressor` do that by themselves.

    In the first cycles of the schedule the loss may rise by large factors, since the rates are
    high; it falls as the rate falls to 0 at the end of each cycle. The fewer steps a training has,
    the fewer a cycle has, and the higher the loss rises: on `diabetes` in 40 steps to more than a
    hundred times the variance of the targets, in 480 to three times it. Below about 300 steps, as
    where `batch_size="full"` makes one step of each epoch, give a smaller `batch_size`, more
    epochs, or a quarter of the default rate or less: 0.01 for classes, 0.02 to 0.05 for numbers.

    The paper's schedule of the weight decay, which is constant and then falls to 0 along a cosine,
    gained nothing on the tables on which the defaults were chosen, and is left out.

    Args:
        input_shape: Number of columns, or a shape of one axis.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        hidden: Units of each hidden layer.
        activation: Activation by name, one for all hidden layers or one for each. None is SELU for
            classes and Mish for numbers.
        dropout: Fraction of each hidden layer's outputs dropped in training, one or one a layer. In
            the second half of training it falls to 0.
        normalize: Whether to scale inputs, and to standardise the targets of `regression`, by the
            training rows of the first `fit`.
        periodic: Whether to append periodic embeddings to all columns, or the positions of the
            columns that get them: columns of zeros and ones need none, and are faster without.
        embeddings: `split.embeddings` of a table: position of each column of indices -> number of
            its indices. Such columns become trainable vectors.
        learning_rate: Highest learning rate, or a schedule. None is 0.04 for classes and 0.2 for
            numbers: the layers are made for rates that large.
        weight_decay: Weight decay of AdamW on the kernels of dense layers; 36 times as much acts on
            the factors of columns, and none on other weights.
        seed: Seed of initialisers and dropout. None uses the global seed of
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> model = tabular(4, 3, task="multiclass", hidden=(16,), seed=0)
        >>> [layer.name for layer in model.layers][:4]
        ['robust_scale', 'periodic', 'scale', 'hidden_1']

    Reference:
        Holzmueller, Grinsztajn & Steinwart (2024), Better by default: strong pre-tuned MLPs and
        boosted trees on tabular data, arXiv:2407.04491.
    """
    task = Task(task)
    factory = _building_blocks.LayerFactory(l1=0.0, l2=0.0, batch_norm=False, seed=seed)
    shape = _building_blocks.checked_shape(input_shape, 1, "a number of columns")
    if None in shape:
        raise _checks.InvalidArgument("input_shape", "be a fixed number of columns", input_shape)
    widths = _building_blocks.layer_sizes("hidden", hidden)
    functions = _building_blocks.layer_activations(
        _ACTIVATIONS[task.is_classification] if activation is None else activation, len(widths)
    )
    drops = _building_blocks.dropout_rates("dropout", dropout, len(widths))
    _checks.boolean("normalize", normalize)
    if not isinstance(periodic, bool):
        layer_checks.check_positions("periodic", periodic)
        layer_checks.check_inside("periodic", periodic, int(shape[0] or 0))
    stack: list[Any] = [keras.Input(shape, name="features")]
    count = int(shape[0] or 0)
    numbers = [i for i in range(count) if i not in (embeddings or {})]
    skip: list[int] = []
    if embeddings:
        stack.append(factory.embed(embeddings))
        [width] = stack[-1].compute_output_shape(shape)
        skip = list(range(len(numbers), width))
    if normalize:
        stack.append(layers.RobustScale(skip=skip, name="robust_scale"))
    chosen = numbers if periodic is True else [i for i in numbers if i in (periodic or ())]
    if chosen:
        others = [place for place, i in enumerate(numbers) if i not in chosen]
        stack.append(
            layers.PeriodicEmbedding(skip=others + skip, seed=factory.seed(), name="periodic")
        )
    stack.append(layers.Scale(name="scale"))
    for i, (units, function, rate) in enumerate(zip(widths, functions, drops, strict=True), 1):
        stack.append(_dense(factory, units, name=f"hidden_{i}"))
        stack.append(layers.ParametricActivation(function, name=f"hidden_{i}_activation"))
        if rate:
            name = f"dropout_{i}"
            stack.append(layers.Dropout(rate, anneal=True, seed=factory.seed(), name=name))
    stack += _output(factory, outputs, task, normalize)
    model = Sequential(stack, name="tabular")
    return _compiled(model, task, learning_rate, weight_decay) if compile else model


def _dense(factory: _building_blocks.LayerFactory, units: int, **options: Any) -> layers.NTKDense:
    kernel, bias = (
        keras.initializers.RandomNormal(stddev=1.0, seed=factory.seed()) for _ in range(2)
    )
    return layers.NTKDense(
        units,
        kernel_initializer=kernel,
        bias_initializer=bias,
        data_driven=True,
        seed=factory.seed(),
        **options,
    )


def _output(
    factory: _building_blocks.LayerFactory, outputs: int, task: Task, normalize: bool
) -> list[keras.layers.Layer]:
    task.check_outputs(outputs)
    activation = layers.recommend_activation(task, "output")
    # Probabilities and losses need the digits of float32.
    output = _dense(factory, int(outputs), activation=activation, dtype="float32", name="output")
    if task is Task.REGRESSION and normalize:
        return [output, layers.Standardize(invert=True, name="target_units")]
    return [output]


def _compiled(model: Sequential, task: Task, learning_rate: Any, weight_decay: float) -> Sequential:
    _checks.number("weight_decay", weight_decay, at_least=0, hint="To switch it off, use 0.")
    rate = _RATES[task.is_classification] if learning_rate is None else learning_rate
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        _checks.number("learning_rate", rate, above=0)
        rate = schedules.CosineLog(float(rate))
    optimizer = optimizers.AdamW(
        rate,
        beta_2=_BETA_2,
        weight_decay=float(weight_decay),
        decay_factors=_DECAY_FACTORS,
    )
    model.compile(optimizer=optimizer, **task.compile_arguments())
    return model
