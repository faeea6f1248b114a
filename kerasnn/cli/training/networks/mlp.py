"""`mlp` of `kerasnn train`: the mean of several small networks."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np

from kerasnn import layers, models, training
from kerasnn._core.random_state import derived, seeded
from kerasnn.callbacks import EarlyStopping, ReduceLROnPlateau
from kerasnn.cli.training.networks.rows import Rows
from kerasnn.cli.training.networks.trained import EpochBar, Settings, Trained
from kerasnn.tasks import Task

# From here on one network is as good as the mean of several, and several take their time.
_MANY_ROWS = 10_000
_NETWORKS = 4
# The one network of a large table validates on a tenth of the rows.
_PARTS_OF_MANY = 10
# Standard deviations beyond which inputs are compressed, as in `models.mlp`.
_TAILS = 3.0
HIDDEN = (64, 64)
EPOCHS = 200
_RATE = 1e-2
# Spread of the first biases over the data, as in `models.mlp`.
_SPREAD = 3 * math.sqrt(2)


def train(rows: Rows, settings: Settings, *, seed: int, verbose: int = 0) -> Trained:
    """Returns the mean of several networks, each of which learns from other rows.

    The rows are cut into as many parts as there are networks, and each network leaves out one. All
    train at once, in one program, until the loss on the rows that each left out is least. Of more
    than 10,000 rows one network learns nine tenths, and validates on the last.

    Args:
        rows: The rows.
        settings: The settings.
        seed: Seed of weights, parts and orders: the same gives the same network, bit for bit.
        verbose: 1 for a progress bar.
    """
    epochs = settings.epochs or EPOCHS
    is_large = len(rows.x) > _MANY_ROWS
    parts = rows.parts(_PARTS_OF_MANY if is_large else _NETWORKS, derived(seed, 0))
    # In order of time the last part is the nearest to what is predicted.
    parts = parts[-1:] if is_large else parts
    left_out = np.stack([np.isin(np.arange(len(rows.x)), part) for part in parts], axis=1)
    # The factor is one of losses that are divided by the number of all cells, used or not.
    penalized = dataclasses.replace(settings, l2=settings.l2 / float((~left_out).mean()))
    with seeded(derived(seed, 1)):
        inputs, scores = _networks(rows, penalized, len(parts))
    together = models.Model(
        inputs, keras.layers.Activation(rows.task.activation, name="predictions")(scores)
    )
    # It falls where the loss stops falling.
    optimizer = keras.optimizers.Adam(settings.learning_rate or _RATE)
    together.compile(optimizer, loss=rows.task.loss)
    y = np.repeat(targets(rows)[:, np.newaxis, np.newaxis], len(parts), axis=1)
    validated = left_out.any(axis=1)
    callbacks: list[Any] = [
        EarlyStopping(patience=settings.patience),
        ReduceLROnPlateau(patience=8, factor=0.3),
    ]
    history = training.fit(
        together,
        rows.x,
        y,
        sample_weight=_weights(~left_out),
        validation_data=(rows.x[validated], y[validated], _weights(left_out[validated])),
        epochs=epochs,
        batch_size=batch_size(len(rows.x)),
        callbacks=[*callbacks, EpochBar(epochs)] if verbose else callbacks,
        verbose=0,
        seed=derived(seed, 2),
    )
    model = _mean(rows, inputs, scores)
    # The rate at the end of training, for the one step that a diagnosis tries.
    model.optimizer.learning_rate.assign(optimizer.learning_rate)
    return Trained.of(model, history.history)


def _weights(used: np.ndarray) -> np.ndarray:
    """Returns the weights of cells, row by network: 0 where not used, and 1 on average.

    Keras divides the sum of weighted losses by the number of all cells, so that the loss is the
    mean over the used ones.
    """
    return (used / used.mean()).astype("float32")


def single(rows: Rows, settings: Settings) -> models.Model:
    """Returns one such network, compiled and not trained; numbers are predicted by `targets`."""
    inputs, scores = _networks(rows, settings, 1)
    score = keras.layers.GlobalAveragePooling1D(name="mean_of_networks")(scores)
    output = keras.layers.Activation(rows.task.activation, name="prediction")(score)
    model = models.Model(inputs, output, name="network")
    model.compile(
        keras.optimizers.Adam(settings.learning_rate or _RATE), **rows.task.compile_arguments()
    )
    return model


def batch_size(rows: int) -> int:
    """Returns the batch size for a number of rows.

    >>> [batch_size(rows) for rows in (100, 1000, 5000, 50_000)]
    [16, 64, 256, 512]
    """
    return int(min(512, max(16, 2 ** round(math.log2(max(rows, 1) / 16)))))


def _networks(rows: Rows, settings: Settings, count: int) -> tuple[Any, Any]:
    """Returns inputs, and scores `(batch, networks, outputs)` of networks that share no weights.

    Each is z = (h, x) W + b, where h is the last hidden layer and x the standardised inputs: a
    linear model, and what hidden layers add to it. Embeddings are common to all.
    """
    inputs = keras.Input(rows.x.shape[1:], name="features")
    x: Any = inputs
    plain = x.shape[-1] - len(rows.embeddings)
    if rows.embeddings:
        x = layers.EmbedColumns(rows.embeddings, name="embed")(x)
    skip = tuple(range(plain, x.shape[-1]))
    x = layers.Standardize(compress=_TAILS, skip=skip, name="standardize")(x)
    if len(x.shape) > 2:
        x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.RepeatVector(count, name="networks")(x)
    penalty = keras.regularizers.L2(settings.l2) if settings.l2 else None

    def dense(width: int, name: str, **more: Any) -> Any:
        return keras.layers.EinsumDense(
            "bni,nio->bno",
            output_shape=(count, width),
            bias_axes="no",
            kernel_regularizer=penalty,
            name=name,
            **more,
        )

    h = x
    hidden = HIDDEN if settings.hidden is None else settings.hidden
    for i, width in enumerate(hidden, 1):
        # He's and Glorot's take the axis of networks for that of a convolution.
        deviation = math.sqrt(2 / h.shape[-1])
        spread = _SPREAD if i == 1 else 0.0
        h = dense(
            width,
            f"hidden_{i}",
            activation="relu",
            kernel_initializer=keras.initializers.RandomNormal(stddev=deviation),
            bias_initializer=keras.initializers.RandomUniform(-spread, spread),
        )(h)
        if settings.dropout:
            h = layers.Dropout(settings.dropout, name=f"dropout_{i}")(h)
    if hidden:
        x = keras.layers.Concatenate(name="hidden_and_inputs")([h, x])
    limit = math.sqrt(0.06 / (x.shape[-1] + rows.outputs))
    start = keras.initializers.RandomUniform(-limit, limit)
    return inputs, dense(rows.outputs, "output", kernel_initializer=start)(x)


def targets(rows: Rows) -> np.ndarray:
    """Returns targets as networks learn them: `(rows,)`, numbers with mean 0 and variance 1."""
    if rows.task is not Task.REGRESSION:
        return rows.y
    scale = float(np.std(rows.y, dtype="float64")) or 1.0
    return ((rows.y - np.mean(rows.y, dtype="float64")) / scale).astype("float32")


def _mean(rows: Rows, inputs: Any, scores: Any) -> models.Model:
    """Returns the mean of the networks, compiled for the task.

    Of classes and counts it is the mean before the activation.
    """
    score = keras.layers.GlobalAveragePooling1D(name="mean_of_networks")(scores)
    if rows.task is Task.REGRESSION:
        units = layers.Standardize(invert=True, name="target_units")
        units.adapt(rows.y[:, np.newaxis])
        output = units(score)
    else:
        output = keras.layers.Activation(rows.task.activation, name="prediction")(score)
    model = models.Model(inputs, output, name="network")
    model.compile("adam", **rows.task.compile_arguments())
    # A file holds the optimizer's variables, and is loaded with a warning where they are missing.
    model.optimizer.build(model.trainable_variables)
    return model
