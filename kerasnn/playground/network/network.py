"""The Keras model of a configuration, with the outputs of its hidden layers."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network import layers
from kerasnn.playground.points.data import Data


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A compiled model, and what is drawn of it.

    Attributes:
        model: The model.
        inner: The same network with more outputs: the features, each hidden layer, the output.
        dense: The dense layers, the output last.
        input_labels: Labels of the first layer's inputs.
    """

    model: Any
    inner: Any
    dense: tuple[Any, ...]
    input_labels: tuple[str, ...]

    def weights(self) -> np.ndarray:
        """Returns all kernels and biases in one array, layer by layer."""
        return np.concatenate([v.value.numpy().ravel() for v in self.drawn_variables])

    @property
    def drawn_variables(self) -> list[Any]:
        """Kernel and bias of each dense layer."""
        return [v for layer in self.dense for v in (layer.kernel, layer.bias)]


def build(configuration: Configuration, data: Data, *, fresh: bool = False) -> Network:
    """Builds the network of a configuration.

    Args:
        configuration: The configuration.
        data: Its data set.
        fresh: Whether weights and dropout have no seed, and the standardisation of a table is still
            to be learned by `fit`: for networks that are to differ.
    """
    seeds = layers.Seeds(None if fresh else configuration.seed)
    inputs = keras.Input((data.inputs,), name="inputs")
    h, labels = _first(configuration, data, inputs)
    drawn, dense = [h], []
    for i, stack in enumerate(layers.hidden_layers(configuration, seeds)):
        made = [call.make() for call in stack]
        dense.append(made[0])
        for layer in made:
            h = layer(h)
        drawn.append(h)
        for call in layers.dropout(configuration, i, seeds):
            h = call.make()(h)
    output = layers.output_layer(configuration, data.task, data.split.outputs, seeds).make()
    h = output(h)
    model = keras.Model(inputs, h, name="playground")
    model.compile(
        optimizer=layers.optimizer(configuration).make(),
        **layers.compile_arguments(configuration, data.task),
    )
    # A session restores the optimizer's state too when it begins anew.
    model.optimizer.build(model.trainable_variables)
    if configuration.dataset == "table" and not fresh:
        model.get_layer("standardize").adapt(data.split.x_train)
    inner = keras.Model(inputs, [*drawn, h])
    return Network(model, inner, (*dense, output), labels)


def targets(configuration: Configuration, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Returns the targets of the training rows and the test rows, as the model takes them."""
    if not layers.one_hot(configuration, data.task):
        return data.y_train, data.y_test
    count = len(data.classes)
    columns: Any = keras.utils.to_categorical
    return columns(data.y_train, count), columns(data.y_test, count)


def loss_of(network: Network) -> Callable[[Any, Any], Any]:
    """Returns the loss of targets and predictions, without penalties, as a tensor."""
    # A loss by its name gives one number a row.
    by_row: Any = keras.losses.get(network.model.loss)
    return lambda y, predicted: tf.reduce_mean(by_row(y, predicted))


def as_column(y: np.ndarray) -> Any:
    """Returns targets as the losses take them: a tensor of one or more columns."""
    return tf.constant((y if y.ndim > 1 else y[:, None]).astype(np.float32))


def _first(configuration: Configuration, data: Data, inputs: Any) -> tuple[Any, tuple[str, ...]]:
    """Returns what the first layer takes, and its labels."""
    if configuration.dataset == "table":
        call = layers.standardize()
        return call.make()(inputs), tuple(data.split.features or ())
    if configuration.features == ("x", "y"):
        return inputs, configuration.features
    x, y = inputs[:, :1], inputs[:, 1:]
    made = {
        "x": lambda: x,
        "y": lambda: y,
        "x2": lambda: x * x,
        "y2": lambda: y * y,
        "xy": lambda: x * y,
        "sinx": lambda: keras.ops.sin(x),
        "siny": lambda: keras.ops.sin(y),
    }
    columns = [made[name]() for name in configuration.features]
    features = columns[0] if len(columns) == 1 else keras.layers.Concatenate()(columns)
    return features, configuration.features
