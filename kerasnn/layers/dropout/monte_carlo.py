"""Monte-Carlo dropout: predictions with the dropout layers active."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.layers.dropout.base import BaseDropout
from kerasnn.layers.dropout.concrete import ConcreteDropout

_DROPOUT = (
    BaseDropout,
    ConcreteDropout,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianDropout,
    keras.layers.AlphaDropout,
)
# Layers that differ in training from inference by their dropout only.
_WITH_DROPOUT_INSIDE = (
    keras.layers.SimpleRNN,
    keras.layers.GRU,
    keras.layers.LSTM,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
)


def with_dropout(model: Any) -> tuple[keras.Model, list[Any]]:
    """Returns a network with the model's variables and active dropout, and its seed states.

    Raises:
        InvalidArgument: If the layers of the model are not known, or none is a dropout layer.
    """
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument("model", "be a Keras model", model)
    states: dict[int, Any] = {}
    network = _switched(model, states)
    if not states:
        raise _checks.InvalidArgument(
            "model",
            "contain dropout with a rate above 0",
            model.name,
            "Build it with dropout, and train it with dropout.",
            got=f"`{model.name}`, which contains none",
        )
    return network, list(states.values())


class _Shared(keras.Operation):
    """Calls a layer of another model without adding a node to the graph of that model."""

    def __init__(self, operation: Any, *, training: bool) -> None:
        super().__init__(name=operation.name)
        self._operation, self._training = operation, training

    def call(self, *args: Any, **kwargs: Any) -> Any:
        # Without `training`, layers take it from the call of the network: inference.
        kwargs.pop("training", None)
        if self._training:
            kwargs["training"] = True
        return self._operation(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self._operation.compute_output_spec(*args, **kwargs)


def _switched(model: Any, states: dict[int, Any]) -> keras.Model:
    view = _view(model)

    def replace(operation: Any) -> Any:
        if not isinstance(operation, keras.layers.Layer):
            return _Shared(operation, training=False)
        if isinstance(operation, keras.Model) and _has_dropout(operation):
            return _switched(operation, states)
        if _is_dropout(operation):
            states.update((id(state), state) for state in _seed_states(operation))
            return _Shared(operation, training=True)
        if _has_dropout(operation):
            kind = type(operation).__name__
            raise _checks.InvalidArgument(
                "model",
                "have its dropout in layers of Keras or kerasnn",
                operation.name,
                "Build the model from its layers, with keras.Sequential or keras.Model(inputs, "
                "outputs).",
                got=f"`{operation.name}`, a {kind} with dropout inside",
            )
        return _Shared(operation, training=False)

    return keras.models.clone_model(view, clone_function=replace)


def _view(model: Any) -> keras.Model:
    """Returns the graph of the model as a functional model."""
    is_sequential = isinstance(model, keras.Sequential)
    if is_sequential and not model.built:
        raise _checks.InvalidArgument(
            "model",
            "be built, so that its inputs are known",
            model.name,
            "Call it on a batch, or fit it, first.",
            got=f"`{model.name}`, which is not",
        )
    try:
        inputs, outputs = model.inputs, model.outputs
    except (AttributeError, ValueError):
        inputs = outputs = None
    if not inputs or not outputs:
        raise _not_functional(model)
    if is_sequential:
        return keras.Model(inputs[0], outputs[0], name=model.name)
    view = keras.Model(model.input, model.output, name=model.name)
    if type(model).call is not type(view).call:
        raise _not_functional(model)
    return view


def _not_functional(model: Any) -> _checks.InvalidArgument:
    return _checks.InvalidArgument(
        "model",
        "be functional or Sequential, so that its dropout layers are known",
        model.name,
        "Build it with keras.Model(inputs, outputs).",
        got=f"`{model.name}`, a {type(model).__name__} with its own `call`",
    )


def _is_dropout(layer: Any) -> bool:
    """Whether a layer differs in training from inference by dropout, and by nothing else."""
    if isinstance(layer, keras.layers.Bidirectional):
        return _is_dropout(layer.forward_layer)
    if isinstance(layer, keras.layers.TimeDistributed):
        return _is_dropout(layer.layer)
    known = isinstance(layer, (*_DROPOUT, *_WITH_DROPOUT_INSIDE))
    return known and bool(_seed_states(layer)) and _has_dropout(layer)


def _has_dropout(layer: Any) -> bool:
    """Whether a layer can draw random numbers for dropout.

    The configuration says so of Keras's and kerasnn's own layers. Other layers with random
    numbers count as dropout, since their purpose is not known.
    """
    if not _seed_states(layer):
        return False
    if isinstance(layer, _DROPOUT):
        return True
    if type(layer).__module__.partition(".")[0] not in ("keras", "kerasnn"):
        return True
    return any(_mentions_dropout(entry) for entry in _entries(layer.get_config()))


def _mentions_dropout(entry: tuple[str, Any]) -> bool:
    key, value = entry
    if key == "class_name":
        known = {kind.__name__ for kind in _DROPOUT}
        return value in known
    return key in ("dropout", "recurrent_dropout") and bool(value)


def _entries(config: Any) -> Iterator[tuple[str, Any]]:
    """Yields every key and value of a nested configuration."""
    if isinstance(config, dict):
        for key, value in config.items():
            yield key, value
            yield from _entries(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _entries(value)


def _seed_states(layer: Any) -> list[Any]:
    """Returns the seed states of a layer: integer variables that are no weights."""
    weights = {id(weight) for weight in layer.weights}
    return [
        variable
        for variable in layer.variables
        if id(variable) not in weights and variable.dtype in ("int64", "uint32")
    ]


@_checks.known_arguments
def predict_mc(
    model: keras.Model, x: Any, n: int = 50, seed: int | None = None, batch_size: int = 32
) -> tuple[Any, Any]:
    """Returns mean and standard deviation of n predictions with active dropout.

    Formula: mean = 1/n sum_t f_t(x), std = sqrt(1/n sum_t (f_t(x) - mean)^2), where f_t is the
    network with the masks of draw t.

    Only the dropout layers work as in training: normalisation uses its statistics, noise and
    augmentation are off. Dropout layers are kerasnn's, `keras.layers.Dropout`,
    `SpatialDropout1D` to `3D`, `keras.layers.GaussianDropout` and `keras.layers.AlphaDropout`, and
    the `dropout` and `recurrent_dropout` of Keras's recurrent and attention layers; also inside
    nested models, and where the layer was called with `training=False`. The model, its seeds and
    the global random state do not change.

    All n draws of a batch run inside one compiled program. Masks are drawn by the layers: a
    `noise_shape` that shares a mask over the batch does so here too.

    Args:
        model: A built functional or Sequential model.
        x: Inputs, as in `predict`.
        n: Number of draws, at least 2.
        seed: Seed of the masks. The same seed and `batch_size` give the same result. By default
            each call draws new masks.
        batch_size: Rows per batch.

    Returns:
        Mean and standard deviation, each with the shape and structure of the predictions.

    Raises:
        InvalidArgument: If the model is subclassed, not built or without dropout, if a custom
            layer contains dropout, or if data or another argument is invalid.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([
        ...     keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1),
        ... ])
        >>> mean, std = predict_mc(model, np.ones((3, 2)), n=10, seed=0)
        >>> mean.shape, bool((std > 0).any())
        ((3, 1), True)

    Reference:
        Gal & Ghahramani (2016), arXiv:1506.02142; for recurrent layers arXiv:1512.05287.
    """
    _checks.integer("n", n, at_least=2, hint="One draw has no standard deviation.")
    _checks.integer("batch_size", batch_size)
    if seed is not None:
        _checks.integer("seed", seed, at_least=0)
    network, states = with_dropout(model)
    x, count = _read(model, x)
    keys = np.random.SeedSequence(seed).generate_state(len(states)) >> 1
    seeds = tf.constant(np.stack([keys, np.zeros_like(keys)], axis=1), states[0].dtype)
    program = _program(network, states, n, x)
    parts = []
    for start in range(0, count, batch_size):
        batch = tf.nest.map_structure(lambda a, i=start: a[i : i + batch_size], x)
        *moments, seeds = program(batch, seeds)
        parts.append(tf.nest.map_structure(lambda t: t.numpy(), moments))
    mean, std = tf.nest.map_structure(lambda *part: np.concatenate(part), *parts)
    return mean, std


def _program(network: keras.Model, states: list[Any], n: int, x: Any) -> Any:
    """Compiles a function from a batch and seeds to mean, deviation and the next seeds."""
    spec = tf.nest.map_structure(lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype), x)
    # A single 0, broadcast against the first draw, whose shape is not known before.
    zeros = tf.nest.map_structure(_zero, network.output)
    seed_spec = tf.TensorSpec((len(states), 2), states[0].dtype)

    def draw(batch: Any, seeds: tf.Tensor) -> tuple[Any, tf.Tensor]:
        # The scope holds what layers change, seeds and losses included.
        with keras.StatelessScope(
            zip(states, tf.unstack(seeds, len(states)), strict=True)
        ) as scope:
            outputs = network(batch, training=False)
        moved = tf.stack([scope.get_current_value(state) for state in states])
        return tf.nest.map_structure(lambda t, z: tf.cast(t, z.dtype), outputs, zeros), moved

    def moments(batch: Any, seeds: tf.Tensor) -> tuple[Any, Any, tf.Tensor]:
        def step(t: tf.Tensor, mean: Any, squares: Any, seeds: tf.Tensor) -> Any:
            # Welford's update avoids the difference of large sums.
            drawn, seeds = draw(batch, seeds)
            new = tf.nest.map_structure(lambda m, d: m + (d - m) / tf.cast(t, d.dtype), mean, drawn)
            squares = tf.nest.map_structure(
                lambda s, d, old, m: s + (d - old) * (d - m), squares, drawn, mean, new
            )
            return t + 1, new, squares, seeds

        free = tf.nest.map_structure(lambda zero: tf.TensorShape([None] * zero.ndim), zeros)
        _, mean, squares, seeds = tf.while_loop(
            lambda t, *_: t <= n,
            step,
            [tf.constant(1), zeros, zeros, seeds],
            shape_invariants=[tf.TensorShape([]), free, free, seeds.shape],
        )
        return mean, tf.nest.map_structure(lambda s: tf.sqrt(s / n), squares), seeds

    # A new `tf.function` for each program: TensorFlow warns of repeated traces of one.
    program = tf.function(moments, input_signature=[spec, seed_spec], autograph=False)
    return program.get_concrete_function()


def _zero(output: Any) -> tf.Tensor:
    dtype = tf.float64 if output.dtype == "float64" else tf.float32
    return tf.zeros([1] * len(output.shape), dtype)


def _read(model: Any, x: Any) -> tuple[Any, int]:
    """Returns the checked inputs as arrays, and the number of rows."""
    is_nest = isinstance(x, dict) or (isinstance(x, (list, tuple)) and len(model.inputs) > 1)
    x = keras.tree.map_structure(_array, x) if is_nest else _array(x)
    leaves = _checks.named_leaves("x", x)
    count = _checks.row_count(leaves)
    wanted = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    for name, array, tensor in _checks.match("x", x, wanted):
        _checks.fits_input(name, array, tensor)
        if tensor.dtype != "string":
            _checks.numbers_only(name, array)
            _checks.finite_range(name, array)
    return x, count


def _array(x: Any) -> np.ndarray:
    return np.asarray(_checks.plain("x", x))
