"""The parts that the builders share: activations, initialisers, penalties, output, compiling."""

import math
import numbers
import random
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasnn import _checks, layers
from kerasnn.layers.activations.recommend import INITIALIZERS, initializer_for
from kerasnn.tasks import Task

_OPTIMIZERS = {
    name.lower(): value
    for name, value in vars(keras.optimizers).items()
    if isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer)
    # The base of all, and two that wrap other optimizers, have no name to be built by.
    if name not in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")
}
_DEFAULT_LEARNING_RATE = 1e-3
# Behind He's kernel a sum over standardised inputs has variance 2. Biases this wide put the hinges
# of the first layer all over the data, out to three deviations.
_STANDARD_SPREAD = 3 * math.sqrt(2)


class Parts:
    """Makes the layers of one network, each with a name, an initialiser and a seed of its own."""

    def __init__(self, *, l1: float, l2: float, batch_norm: bool, seed: int | None) -> None:
        _checks.true_or_false("batch_norm", batch_norm)
        for name, value in (("l1", l1), ("l2", l2)):
            _checks.number(name, value, at_least=0, hint="To switch the penalty off, use 0.")
        if seed is not None:
            _checks.whole_number("seed", seed, at_least=0)
        self._l1, self._l2, self._batch_norm = l1, l2, batch_norm
        self._random = None if seed is None else random.Random(seed)

    def seed(self) -> int | None:
        """Returns the next seed, or None where Keras's global one is to be used."""
        return None if self._random is None else self._random.randrange(2**31)

    def initializer(self, activation: Any) -> keras.initializers.Initializer:
        """Returns the initialiser that suits an activation."""
        return initializer_for(activation)(seed=self.seed())  # type: ignore[call-arg]

    def regularizer(self) -> keras.regularizers.Regularizer | None:
        """Returns the penalty on a kernel, if any."""
        if not self._l1 and not self._l2:
            return None
        return keras.regularizers.L1L2(l1=float(self._l1), l2=float(self._l2))

    def kernel(self, activation: Any) -> dict[str, Any]:
        """Returns the arguments of a layer with a kernel that an activation follows."""
        return {
            "kernel_initializer": self.initializer(activation),
            "kernel_regularizer": self.regularizer(),
        }

    def activated(
        self, make: Callable[..., keras.layers.Layer], activation: Any, name: str
    ) -> list[keras.layers.Layer]:
        """Returns a layer with its activation, and batch normalisation between where asked."""
        if not self._batch_norm:
            return [make(activation=activation, name=name, **self.kernel(activation))]
        return [
            # The normalisation's own offset takes the place of the bias.
            make(use_bias=False, name=name, **self.kernel(activation)),
            keras.layers.BatchNormalization(name=f"{name}_norm"),
            keras.layers.Activation(activation, name=f"{name}_activation"),
        ]

    def standardize(
        self, normalize: bool, *, compress: float | None = None
    ) -> list[keras.layers.Layer]:
        """Returns the layer that standardises inputs, or nothing where that is not asked."""
        _checks.true_or_false("normalize", normalize)
        return [layers.Standardize(compress=compress, name="standardize")] if normalize else []

    def dropout(self, rate: float, name: str, activation: Any = None) -> list[keras.layers.Layer]:
        """Returns a dropout layer, or nothing for a rate of 0.

        After SELU it is `AlphaDropout`, which keeps the mean and variance that SELU brings about.
        """
        if not rate:
            return []
        is_selu = activation in ("selu", keras.activations.selu)
        kind = layers.AlphaDropout if is_selu else layers.Dropout
        return [kind(rate, seed=self.seed(), name=name)]

    def hidden(
        self,
        inputs: int,
        units: Sequence[int],
        activation: Sequence[Any],
        dropout: Sequence[float],
        *,
        standardized: bool = False,
    ) -> list[keras.layers.Layer]:
        """Returns dense layers behind `inputs` units, each with its activation and dropout."""
        stack = []
        spread = _STANDARD_SPREAD if standardized else 1 / math.sqrt(inputs)
        for i, (width, function, rate) in enumerate(zip(units, activation, dropout, strict=True)):
            dense = self._dense(width, function, 0.0 if i else spread)
            stack += self.activated(dense, function, f"hidden_{i + 1}")
            stack += self.dropout(rate, f"dropout_{i + 1}", function)
        return stack

    def _dense(
        self, units: int, activation: Any, spread: float
    ) -> Callable[..., keras.layers.Layer]:
        bias: Any = "zeros"
        if spread and initializer_for(activation) is keras.initializers.HeNormal:
            # With no bias the hinges of all units run through one point, the mean of the data.
            bias = keras.initializers.RandomUniform(-spread, spread, seed=self.seed())
        return lambda **kwargs: keras.layers.Dense(units, bias_initializer=bias, **kwargs)

    def output(
        self,
        outputs: int,
        task: Task,
        *,
        normalize: bool,
        layer: Callable[..., keras.layers.Layer] = keras.layers.Dense,
    ) -> list[keras.layers.Layer]:
        """Returns the output layer of a task, and the way back to the target's units."""
        task.check_outputs(outputs)
        mixed = keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16")
        activation = layers.recommend_activation(task, "output")
        output = layer(
            int(outputs),
            activation=activation,
            # Probabilities and losses need float32's digits.
            dtype="float32" if mixed else None,
            name="output",
            # A tenth of Glorot's: training starts near the same answer for all rows.
            kernel_initializer=keras.initializers.VarianceScaling(
                0.01, "fan_avg", "uniform", seed=self.seed()
            ),
            kernel_regularizer=self.regularizer(),
        )
        if task is Task.REGRESSION and normalize:
            return [output, layers.Standardize(invert=True, name="target_units")]
        return [output]


def augmentation(part: Parts) -> list[keras.layers.Layer]:
    """Returns what moves and turns images at random, by a tenth of their size and 10 degrees."""
    return [
        keras.layers.RandomTranslation(
            0.1, 0.1, fill_mode="nearest", seed=part.seed(), name="move"
        ),
        keras.layers.RandomRotation(10 / 360, fill_mode="nearest", seed=part.seed(), name="turn"),
    ]


def sizes(argument: str, value: Any, *, empty: bool = False) -> tuple[int, ...]:
    """Returns layer sizes as a tuple; one number is one layer."""
    listed = (value,) if isinstance(value, numbers.Integral) else value
    if not isinstance(listed, (tuple, list)) or (not listed and not empty):
        raise _checks.InvalidArgument(
            argument, "be a size or a sequence of sizes, one a layer", value
        )
    for size in listed:
        _checks.whole_number(argument, size)
    return tuple(int(size) for size in listed)


def each(argument: str, value: Any, count: int) -> list[Any]:
    """Returns one value for each of `count` layers, from one for all or one for each."""
    if not isinstance(value, (tuple, list)):
        return [value] * count
    if len(value) != count:
        raise _checks.InvalidArgument(
            argument,
            f"be one value, or one for each of the {count} hidden layers",
            value,
            f"It holds {len(value)}.",
        )
    return list(value)


def rates(argument: str, value: Any, count: int) -> list[float]:
    """Returns one dropout rate a layer."""
    listed = each(argument, value, count)
    for rate in listed:
        _checks.rate(argument, rate, "To switch dropout off, use 0.")
    return listed


def activations(value: Any, count: int) -> list[Any]:
    """Returns one activation a layer."""
    listed = each("activation", value, count)
    for activation in listed:
        if not callable(activation):
            _checks.one_of("activation", activation, INITIALIZERS)
    return listed


def shape(value: Any, rank: int | None = None, meaning: str = "") -> tuple[int | None, ...]:
    """Returns an input shape without the batch axis as a tuple."""
    listed = (value,) if isinstance(value, numbers.Integral) else value
    fits = isinstance(listed, (tuple, list)) and len(listed) > 0
    fits = fits and all(size is None or _is_size(size) for size in listed)
    if not fits or (rank is not None and len(listed) != rank):
        rule = f"be {meaning}" if meaning else "be a size or a tuple of sizes"
        raise _checks.InvalidArgument("input_shape", f"{rule}, without the batch axis", value)
    return tuple(None if size is None else int(size) for size in listed)


def _is_size(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) > 0


def compile_for(model: keras.Model, task: Task, optimizer: Any, learning_rate: Any) -> keras.Model:
    """Compiles a model with what follows from its task."""
    model.compile(optimizer=_optimizer(optimizer, learning_rate), **task.compile_arguments())
    return model


def _optimizer(optimizer: Any, learning_rate: Any) -> keras.optimizers.Optimizer:
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if learning_rate != _DEFAULT_LEARNING_RATE:
            raise _checks.InvalidArgument(
                "learning_rate",
                "be left out where `optimizer` is an object, which has a rate of its own",
                learning_rate,
                "Give the rate to the optimizer.",
            )
        return optimizer
    _checks.one_of("optimizer", optimizer, _OPTIMIZERS)
    if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        _checks.number("learning_rate", learning_rate, above=0)
        # Keras takes no other number for one.
        learning_rate = float(learning_rate)
    return _OPTIMIZERS[optimizer](learning_rate=learning_rate)
