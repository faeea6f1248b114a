"""The layers, the optimizer and the loss of a configuration, as calls."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network.call import Call
from kerasnn.tasks import Task

#: Expressions of the inputs x and y, by the name of the feature.
EXPRESSIONS = {
    "x": "x",
    "y": "y",
    "x2": "x * x",
    "y2": "y * y",
    "xy": "x * y",
    "sinx": "keras.ops.sin(x)",
    "siny": "keras.ops.sin(y)",
}

_MOMENTUM = 0.9
_LARGE = 3.0
_EQUAL = 0.5


@dataclasses.dataclass(frozen=True)
class Seeds:
    """Seeds of the layers, which follow from that of the configuration.

    Args:
        seed: The seed; None leaves all layers without one, for networks that are to differ.
    """

    seed: int | None

    def of(self, number: int) -> dict[str, int]:
        """Returns the argument `seed` of the layer of a number; empty without a seed."""
        return {} if self.seed is None else {"seed": (1000 * self.seed + number) % 2**31}


def hidden_layers(configuration: Configuration, seeds: Seeds) -> list[list[Call]]:
    """Returns for each hidden layer its dense layer and what follows it, without dropout."""
    stacks = []
    for i, units in enumerate(configuration.units):
        activation, name = configuration.activation_of(i), f"hidden_{i + 1}"
        # Keras computes these inside its dense layer.
        inside = isinstance(activation, str) and activation != "threshold"
        inside = inside and not configuration.batch_normalization
        given = {"activation": activation} if inside and activation != "linear" else {}
        stack = [_dense(configuration, units, given, name, seeds, i + 1)]
        if configuration.batch_normalization:
            stack.append(Call("keras.layers.BatchNormalization", (), {"name": f"{name}_norm"}))
        if not inside:
            stack += _activation(activation, f"{name}_activation")
        stacks.append(stack)
    return stacks


def standardize() -> Call:
    """Returns the layer that standardises the columns of a table."""
    return Call("kerasnn.layers.Standardize", (), {"name": "standardize"})


def dropout(configuration: Configuration, layer: int, seeds: Seeds) -> list[Call]:
    """Returns the dropout after a hidden layer, or nothing."""
    if not configuration.dropout:
        return []
    given = {**seeds.of(500 + layer), "name": f"dropout_{layer + 1}"}
    return [Call("kerasnn.layers.Dropout", (configuration.dropout,), given)]


def output_layer(configuration: Configuration, task: Task, outputs: int, seeds: Seeds) -> Call:
    """Returns the output layer."""
    kinds = {Task.BINARY: "sigmoid", Task.MULTICLASS: "softmax"}
    given = {"activation": kinds[task]} if task in kinds else {}
    return _dense(configuration, outputs, given, "output", seeds, 0)


def optimizer(configuration: Configuration, learning_rate: float | None = None) -> Call:
    """Returns the optimizer.

    SGD takes the L1 penalty as a proximal step, which gives exact zeros.
    """
    rate = configuration.learning_rate if learning_rate is None else learning_rate
    name = configuration.optimizer
    if not _is_sgd(configuration):
        names = {"adam": "Adam", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adadelta": "Adadelta"}
        return Call(f"keras.optimizers.{names[name]}", (), {"learning_rate": rate})
    given: dict[str, Any] = {"learning_rate": rate}
    if name != "sgd":
        given["momentum"] = _MOMENTUM
    if name == "nesterov":
        given["nesterov"] = True
    if configuration.l1:
        given["l1"] = configuration.l1
    return Call("kerasnn.optimizers.SGD", (), given)


def compile_arguments(configuration: Configuration, task: Task) -> dict[str, Any]:
    """Returns loss and metrics."""
    if task is Task.REGRESSION:
        return {"loss": "mse", "metrics": ["mae"]}
    if configuration.loss == "mse":
        return {"loss": "mse", "metrics": ["accuracy"]}
    losses = {
        Task.BINARY: "binary_crossentropy",
        Task.MULTICLASS: "sparse_categorical_crossentropy",
    }
    return {"loss": losses[task], "metrics": ["accuracy"]}


def schedule(configuration: Configuration) -> Call | None:
    """Returns the schedule of the learning rate; None for a constant one."""
    rate, epochs = configuration.learning_rate, configuration.schedule_epochs
    if configuration.schedule == "step":
        return Call("kerasnn.schedules.Step", (rate,), {"drop": 0.5, "every": max(1, epochs // 4)})
    if configuration.schedule == "exponential":
        return Call("kerasnn.schedules.Exponential", (rate,), {"rate": 0.1, "every": epochs})
    if configuration.schedule == "cosine":
        return Call("kerasnn.schedules.Cosine", (rate,), {"steps": epochs})
    return None


def schedule_callback(configuration: Configuration) -> Call | None:
    """Returns the callback that sets the learning rate; None for a constant one."""
    call = schedule(configuration)
    return None if call is None else Call("kerasnn.callbacks.LearningRateDecay", (call,))


def stopping_callback(configuration: Configuration, *, restores: bool = True) -> Call | None:
    """Returns the callback that ends training, or None.

    Args:
        configuration: The configuration.
        restores: Whether the best weights are put back at the end.
    """
    if not configuration.early_stopping or not configuration.stops:
        return None
    given: dict[str, Any] = {"patience": configuration.early_stopping}
    if not restores:
        given["restore_best_weights"] = False
    return Call("kerasnn.callbacks.EarlyStopping", (), given)


def one_hot(configuration: Configuration, task: Task) -> bool:
    """Whether the targets are a column of zeros and ones for each class."""
    return task is Task.MULTICLASS and configuration.loss == "mse"


def _is_sgd(configuration: Configuration) -> bool:
    return configuration.optimizer in ("sgd", "momentum", "nesterov")


def _dense(
    configuration: Configuration,
    units: int,
    given: dict[str, Any],
    name: str,
    seeds: Seeds,
    number: int,
) -> Call:
    kwargs = {**given, "kernel_initializer": _initializer(configuration, seeds.of(number))}
    l1 = 0.0 if _is_sgd(configuration) else configuration.l1
    if l1 or configuration.l2:
        factors = {"l1": float(l1), "l2": float(configuration.l2)}
        factors = {name: value for name, value in factors.items() if value}
        kwargs["kernel_regularizer"] = Call("keras.regularizers.L1L2", (), factors)
    return Call("keras.layers.Dense", (units,), {**kwargs, "name": name})


def _initializer(configuration: Configuration, seed: dict[str, int]) -> Any:
    if configuration.initialization == "zeros":
        return "zeros"
    if configuration.initialization == "large":
        return Call("keras.initializers.RandomNormal", (), {"stddev": _LARGE, **seed})
    if configuration.initialization == "equal":
        return Call("keras.initializers.Constant", (_EQUAL,), {})
    return Call("keras.initializers.GlorotUniform", (), seed)


def _activation(activation: str | Sequence[str], name: str) -> list[Call]:
    if not isinstance(activation, str):
        functions = list(activation)
        return [Call("kerasnn.layers.UnitwiseActivation", (functions,), {"name": name})]
    if activation == "threshold":
        return [Call("kerasnn.layers.Threshold", (), {"surrogate": "triangle", "name": name})]
    if activation == "linear":
        return []
    return [Call("keras.layers.Activation", (activation,), {"name": name})]
