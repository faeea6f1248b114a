"""Layers, checks and compiling that the builders share."""

import math
import numbers
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from kerasnn import _checks, layers
from kerasnn.data.split import refuse_split
from kerasnn.layers.activations.recommend import INITIALIZERS, initializer_for
from kerasnn.tasks import Task

_OPTIMIZERS = {
    name.lower(): value
    for name, value in vars(keras.optimizers).items()
    if isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer)
    # The base class, and two that wrap other optimizers, cannot be built by name.
    if name not in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")
}
_CELLS = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "simple": keras.layers.SimpleRNN,
}
_DEFAULT_LEARNING_RATE = 1e-3
# With He's kernel a sum over standardised inputs has variance 2. Biases this wide spread the hinges
# of the first layer over the data, out to three deviations.
_STANDARD_SPREAD = 3 * math.sqrt(2)


class LayerFactory:
    """Makes the layers of one network, each with its own name, initialiser and seed.

    Args:
        l1: Factor of the penalty l1 * sum(abs(W)) on every kernel.
        l2: Factor of the penalty l2 * sum(W**2) on every kernel.
        batch_norm: Whether batch normalisation stands between a layer and its activation.
        seed: Seed of the seeds of all layers; None uses Keras's global generator.
    """

    def __init__(self, *, l1: float, l2: float, batch_norm: bool, seed: int | None) -> None:
        _checks.boolean("batch_norm", batch_norm)
        for name, value in (("l1", l1), ("l2", l2)):
            _checks.number(name, value, at_least=0, hint="To switch the penalty off, use 0.")
        if seed is not None:
            _checks.integer("seed", seed, at_least=0)
        self._l1, self._l2, self._batch_norm = l1, l2, batch_norm
        self._random = None if seed is None else random.Random(seed)

    def seed(self) -> int | None:
        """Returns the next seed, or None to use Keras's global generator."""
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
        """Returns the arguments of a layer with a kernel, for the activation that follows it."""
        return {
            "kernel_initializer": self.initializer(activation),
            "kernel_regularizer": self.regularizer(),
        }

    def activated(
        self, make: Callable[..., keras.layers.Layer], activation: Any, name: str
    ) -> list[keras.layers.Layer]:
        """Returns a layer and its activation, with batch normalisation between if it is on."""
        if not self._batch_norm:
            return [make(activation=activation, name=name, **self.kernel(activation))]
        return [
            # The offset of the normalisation replaces the bias.
            make(use_bias=False, name=name, **self.kernel(activation)),
            keras.layers.BatchNormalization(name=f"{name}_norm"),
            keras.layers.Activation(activation, name=f"{name}_activation"),
        ]

    def standardize(
        self, normalize: bool, *, compress: float | None = None, skip: Sequence[int] = ()
    ) -> list[keras.layers.Layer]:
        """Returns the layer that standardises inputs, or nothing if `normalize` is False."""
        _checks.boolean("normalize", normalize)
        if not normalize:
            return []
        return [layers.Standardize(compress=compress, skip=skip, name="standardize")]

    def embed(self, embeddings: Mapping[int, int]) -> layers.EmbedColumns:
        """Returns the layer that embeds columns of indices."""
        initializer = keras.initializers.RandomUniform(-0.05, 0.05, seed=self.seed())
        return layers.EmbedColumns(embeddings, embeddings_initializer=initializer, name="embed")

    def dropout(self, rate: float, name: str, activation: Any = None) -> list[keras.layers.Layer]:
        """Returns a dropout layer, or nothing for a rate of 0.

        After SELU it is `AlphaDropout`, which keeps the mean and variance of SELU's outputs.
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
        """Returns dense layers after `inputs` units, each with its activation and dropout."""
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
            # With zero biases the hinges of all units meet in one point, the mean of the data.
            bias = keras.initializers.RandomUniform(-spread, spread, seed=self.seed())
        return lambda **kwargs: keras.layers.Dense(units, bias_initializer=bias, **kwargs)

    def recurrent(
        self, cell: str, units: Sequence[int], dropout: Sequence[float], *, bidirectional: bool
    ) -> list[keras.layers.Layer]:
        """Returns recurrent layers, of which the last returns its last output alone."""
        _checks.one_of("cell", cell, _CELLS)
        stack = []
        for i, (width, rate) in enumerate(zip(units, dropout, strict=True)):
            read = self._reader(cell, width, return_sequences=i < len(units) - 1)
            layer = read(name=f"{cell}_{i + 1}")
            if bidirectional:
                # By default Keras would start both directions from the same seed.
                backward = read(name=f"{cell}_{i + 1}_backward", go_backwards=True)
                layer = keras.layers.Bidirectional(
                    layer, backward_layer=backward, name=f"bidirectional_{i + 1}"
                )
            stack.append(layer)
            stack += self.dropout(rate, f"dropout_{i + 1}")
        return stack

    def _reader(
        self, cell: str, units: int, *, return_sequences: bool
    ) -> Callable[..., keras.layers.Layer]:
        return lambda **kwargs: _CELLS[cell](
            units,
            return_sequences=return_sequences,
            recurrent_initializer=keras.initializers.Orthogonal(seed=self.seed()),
            **self.kernel("tanh"),
            **kwargs,
        )

    def output(
        self,
        outputs: int,
        task: Task,
        *,
        normalize: bool,
        layer: Callable[..., keras.layers.Layer] = keras.layers.Dense,
    ) -> list[keras.layers.Layer]:
        """Returns the output layer of a task and, for regression, the one back to target units."""
        task.check_outputs(outputs)
        mixed = keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16")
        activation = layers.recommend_activation(task, "output")
        output = layer(
            int(outputs),
            activation=activation,
            # Probabilities and losses need the digits of float32.
            dtype="float32" if mixed else None,
            name="output",
            # A tenth of Glorot's: training starts with nearly equal outputs for all rows.
            kernel_initializer=keras.initializers.VarianceScaling(
                0.01, "fan_avg", "uniform", seed=self.seed()
            ),
            kernel_regularizer=self.regularizer(),
        )
        if task is Task.REGRESSION and normalize:
            return [output, layers.Standardize(invert=True, name="target_units")]
        return [output]


# What `augment=True` stands for.
_AUGMENTATIONS = ("shift", "rotate")


def augmentation_layers(factory: LayerFactory, augment: Any = True) -> list[keras.layers.Layer]:
    """Returns layers that change images at random in training, each by its name.

    Args:
        factory: Gives the seeds.
        augment: True, or one or more of the names.
    """
    if isinstance(augment, bool):
        names: Any = _AUGMENTATIONS if augment else ()
    else:
        names = (augment,) if isinstance(augment, str) else augment
    if not isinstance(names, (tuple, list)) or len(set(map(str, names))) < len(names):
        rule = "be True, False, or a sequence of different names"
        raise _checks.InvalidArgument("augment", rule, augment)
    fill: dict[str, Any] = {"fill_mode": "nearest"}
    makers: dict[str, Callable[..., keras.layers.Layer]] = {
        "flip": lambda **given: keras.layers.RandomFlip("horizontal", **given),
        "flip_vertical": lambda **given: keras.layers.RandomFlip("vertical", **given),
        "shift": lambda **given: keras.layers.RandomTranslation(0.1, 0.1, **fill, **given),
        "rotate": lambda **given: keras.layers.RandomRotation(10 / 360, **fill, **given),
        "zoom": lambda **given: keras.layers.RandomZoom(0.1, **fill, **given),
    }
    for name in names:
        _checks.one_of("augment", name, makers)
    return [makers[name](seed=factory.seed(), name=f"augment_{name}") for name in names]


def layer_sizes(argument: str, value: Any, *, empty: bool = False) -> tuple[int, ...]:
    """Returns layer sizes as a tuple; a single number is one layer."""
    listed = (value,) if isinstance(value, numbers.Integral) else value
    if not isinstance(listed, (tuple, list)) or (not listed and not empty):
        raise _checks.InvalidArgument(
            argument, "be a size or a sequence of sizes, one a layer", value
        )
    for size in listed:
        _checks.integer(argument, size)
    return tuple(int(size) for size in listed)


def one_per_layer(argument: str, value: Any, count: int) -> list[Any]:
    """Returns a list of one value a layer, from a single value or one a layer."""
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


def dropout_rates(argument: str, value: Any, count: int) -> list[float]:
    """Returns one dropout rate a layer."""
    listed = one_per_layer(argument, value, count)
    for rate in listed:
        _checks.rate(argument, rate, "To switch dropout off, use 0.")
    return listed


def layer_activations(value: Any, count: int) -> list[Any]:
    """Returns one activation a layer."""
    listed = one_per_layer("activation", value, count)
    for activation in listed:
        if not callable(activation):
            _checks.one_of("activation", activation, INITIALIZERS)
    return listed


def checked_shape(value: Any, rank: int | None = None, meaning: str = "") -> tuple[int | None, ...]:
    """Returns an input shape without the batch axis as a tuple."""
    listed = (value,) if isinstance(value, numbers.Integral) else value
    fits = isinstance(listed, (tuple, list)) and len(listed) > 0
    fits = fits and all(size is None or _is_size(size) for size in listed)
    if not fits or (rank is not None and len(listed) != rank):
        rule = f"be {meaning}" if meaning else "be a size or a tuple of sizes"
        rule = f"{rule}, without the batch axis"
        hint = "Give `split.input_shape`, `split.outputs` and `task=split.task`."
        refuse_split("input_shape", rule, value, hint)
        is_data = len(getattr(value, "shape", ())) > 1
        hint = "Of an array x give `x.shape[1:]`." if is_data else ""
        raise _checks.InvalidArgument("input_shape", rule, value, hint)
    return tuple(None if size is None else int(size) for size in listed)


def _is_size(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) > 0


def compile_for(model: keras.Model, task: Task, optimizer: Any, learning_rate: Any) -> keras.Model:
    """Compiles a model with the loss and metrics of its task."""
    model.compile(optimizer=_optimizer(optimizer, learning_rate), **task.compile_arguments())
    return model


def _optimizer(optimizer: Any, learning_rate: Any) -> keras.optimizers.Optimizer:
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if learning_rate != _DEFAULT_LEARNING_RATE:
            raise _checks.InvalidArgument(
                "learning_rate",
                "be left out if `optimizer` is an object, which has its own learning rate",
                learning_rate,
                "Give it to the optimizer.",
            )
        return optimizer
    _checks.one_of("optimizer", optimizer, _OPTIMIZERS)
    if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        _checks.number("learning_rate", learning_rate, above=0)
        # Keras accepts no other type of number.
        learning_rate = float(learning_rate)
    return _OPTIMIZERS[optimizer](learning_rate=learning_rate)
