"""A network that shares everything with a model, and has its dropout layers switched on."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.layers.dropout.base import Dropping
from kerasnn.layers.dropout.concrete import ConcreteDropout

_DROPOUT = (
    Dropping,
    ConcreteDropout,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianDropout,
    keras.layers.AlphaDropout,
)
# For these, training differs from inference by their dropout alone.
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
    """Returns a network with the model's variables and dropout on, and the states of its seeds.

    Raises:
        ValueError: If the network cannot be taken apart, or holds no dropout.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a Keras model; got {model!r}.")
    states: dict[int, Any] = {}
    network = _switched(model, states)
    if not states:
        raise ValueError(
            f"`model` must hold dropout for its predictions to differ; `{model.name}` holds none "
            "with a rate above 0. Build it with dropout, and train it so."
        )
    return network, list(states.values())


class _Shared(keras.Operation):
    """Calls a layer that another model owns, without that model's graph getting to know."""

    def __init__(self, operation: Any, *, training: bool) -> None:
        super().__init__(name=operation.name)
        self._operation, self._training = operation, training

    def call(self, *args: Any, **kwargs: Any) -> Any:
        # Where nothing is said, layers take inference from the call of the network.
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
            raise ValueError(
                f"`model` holds `{operation.name}`, a {type(operation).__name__} with dropout "
                "inside that cannot be switched on by itself. Build the model of its layers, with "
                "keras.Sequential or keras.Model(inputs, outputs)."
            )
        return _Shared(operation, training=False)

    return keras.models.clone_model(view, clone_function=replace)


def _view(model: Any) -> keras.Model:
    """Returns the model's graph as a plain functional model."""
    is_sequential = isinstance(model, keras.Sequential)
    if is_sequential and not model.built:
        raise ValueError(
            f"`model` must be built, so that its inputs are known; `{model.name}` is not. Call it "
            "on a batch, or fit it, first."
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


def _not_functional(model: Any) -> ValueError:
    return ValueError(
        f"`model` must be functional or Sequential, so that its dropout layers can be told from "
        f"the others; `{model.name}`, a {type(model).__name__}, computes by its own `call`. Build "
        "it with keras.Model(inputs, outputs)."
    )


def _is_dropout(layer: Any) -> bool:
    """Whether a layer draws in training for its dropout, and does nothing else there."""
    if isinstance(layer, keras.layers.Bidirectional):
        return _is_dropout(layer.forward_layer)
    if isinstance(layer, keras.layers.TimeDistributed):
        return _is_dropout(layer.layer)
    known = isinstance(layer, (*_DROPOUT, *_WITH_DROPOUT_INSIDE))
    return known and bool(_seed_states(layer)) and _has_dropout(layer)


def _has_dropout(layer: Any) -> bool:
    """Whether a layer can draw random numbers for dropout.

    Keras's and kerasnn's own layers tell by their configuration. Others may draw for a purpose
    that nobody knows.
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
    """Returns the states of the seeds below a layer: pairs of whole numbers that are no weights."""
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
    """Returns mean and standard deviation of n predictions with dropout switched on.

    Formula: mean = 1/n sum_t f_t(x), std = sqrt(1/n sum_t (f_t(x) - mean)^2), where f_t is the
    network with the masks of draw t.

    The dropout layers work as in training, and nothing else does: normalisation keeps its
    statistics, noise and augmentation stay off. Dropout layers are kerasnn's, Keras's `Dropout`,
    `SpatialDropout1D` to `3D`, `GaussianDropout` and `AlphaDropout`, and the `dropout` and
    `recurrent_dropout` of Keras's recurrent and attention layers; also where a nested model holds
    them, or where a call of theirs said `training=False`. The model is left as it was, its seeds
    included, and so are the global random numbers.

    A batch goes through all n draws inside one program. The masks of a draw are the layer's own:
    a `noise_shape` that shares them over the batch shares them here too.

    Args:
        model: A built functional or Sequential model.
        x: Inputs, as in `predict`.
        n: Number of draws, at least 2.
        seed: Seed of the masks. With the same seed and `batch_size` the result is the same. The
            default draws anew at each call.
        batch_size: Rows in a batch.

    Returns:
        Mean and standard deviation, each of the shape and structure of the predictions.

    Raises:
        ValueError: If the model is subclassed, not built or without dropout, if a layer holds
            dropout that cannot be switched on by itself, or if data or an argument cannot be
            right.
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
    _checks.whole_number("n", n, at_least=2, hint="One draw has no standard deviation.")
    _checks.whole_number("batch_size", batch_size)
    if seed is not None:
        _checks.whole_number("seed", seed, at_least=0)
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
    """Returns a compiled function from a batch and seeds to mean, deviation and the next seeds."""
    spec = tf.nest.map_structure(lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype), x)
    # One 0 stands for all of an output, until the first draw says how many there are.
    zeros = tf.nest.map_structure(_zero, network.output)
    seed_spec = tf.TensorSpec((len(states), 2), states[0].dtype)

    def draw(batch: Any, seeds: tf.Tensor) -> tuple[Any, tf.Tensor]:
        # What a layer would change, seeds and losses included, stays in the scope.
        with keras.StatelessScope(
            zip(states, tf.unstack(seeds, len(states)), strict=True)
        ) as scope:
            outputs = network(batch, training=False)
        moved = tf.stack([scope.get_current_value(state) for state in states])
        return tf.nest.map_structure(lambda t, z: tf.cast(t, z.dtype), outputs, zeros), moved

    def moments(batch: Any, seeds: tf.Tensor) -> tuple[Any, Any, tf.Tensor]:
        def step(t: tf.Tensor, mean: Any, squares: Any, seeds: tf.Tensor) -> Any:
            # Welford's update: no difference of large sums.
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

    # TensorFlow counts the traces of one Python function, and would warn of the fifth.
    program = tf.function(moments, input_signature=[spec, seed_spec], autograph=False)
    return program.get_concrete_function()


def _zero(output: Any) -> tf.Tensor:
    dtype = tf.float64 if output.dtype == "float64" else tf.float32
    return tf.zeros([1] * len(output.shape), dtype)


def _read(model: Any, x: Any) -> tuple[Any, int]:
    """Returns the inputs as arrays, and the number of rows; raises on what cannot be right."""
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
