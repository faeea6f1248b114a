"""What every layer of the package keeps, whatever it computes."""

import dataclasses
import inspect
import json
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import layers

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def graphs(count):
    edges = RNG.integers(0, 2, size=(count, 6, 6)).astype("float32")
    return [normal(count, 6, 3), np.maximum(edges, edges.transpose(0, 2, 1))]


def adapted(**arguments):
    layer = layers.Standardize(**arguments)
    layer.adapt(np.random.default_rng(1).normal(3, 5, size=(50, 3)))
    return layer


@dataclasses.dataclass
class Case:
    """How to make a layer, and inputs of a given number of rows."""

    make: Callable[[], keras.layers.Layer]
    inputs: Callable[[int], object]


CASES = {
    "Dropout": [
        Case(lambda: layers.Dropout(0.4, seed=3), lambda rows: normal(rows, 50)),
        Case(
            lambda: layers.Dropout(0.4, noise_shape=(None, 1, None), seed=3),
            lambda rows: normal(rows, 4, 20),
        ),
    ],
    "GraphConvolution": [
        Case(lambda: layers.GraphConvolution(4, kernel_initializer="ones"), graphs),
        Case(
            lambda: layers.GraphConvolution(
                2,
                activation="tanh",
                use_bias=False,
                kernel_initializer=keras.initializers.HeNormal(seed=1),
                kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
            ),
            graphs,
        ),
    ],
    "Perceptron": [
        Case(
            lambda formulation=formulation: layers.Perceptron(
                2, formulation=formulation, kernel_initializer=keras.initializers.Constant(0.5)
            ),
            lambda rows: RNG.integers(-4, 5, size=(rows, 3)).astype("float32"),
        )
        for formulation in ("bias", "threshold", "weight")
    ],
    "Standardize": [
        Case(adapted, lambda rows: normal(rows, 3)),
        Case(lambda: adapted(invert=True), lambda rows: normal(rows, 3)),
        Case(lambda: layers.Standardize(axis=(1, -1)), lambda rows: normal(rows, 2, 5, 3)),
    ],
    "Threshold": [
        Case(
            lambda surrogate=surrogate: layers.Threshold(0.25, surrogate=surrogate, trainable=True),
            lambda rows: normal(rows, 4),
        )
        for surrogate in ("identity", "sigmoid", "triangle", "none")
    ],
}

PUBLIC = {
    name
    for name, value in vars(layers).items()
    if isinstance(value, type) and issubclass(value, keras.layers.Layer)
}
each = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{name}-{i}")
        for name, some in CASES.items()
        for i, case in enumerate(some)
    ],
)


def call(layer, inputs, training=False):
    """Calls a layer as a model does, with `training` where it takes it."""
    takes = "training" in inspect.signature(layer.call).parameters
    return layer(inputs, training=training) if takes else layer(inputs)


def symbols(inputs, rows=None):
    return keras.tree.map_structure(
        lambda array: keras.KerasTensor((rows, *array.shape[1:]), "float32"), inputs
    )


def test_every_public_layer_is_here():
    assert set(CASES) == PUBLIC


@each
def test_config_round_trip(case):
    layer = case.make()
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    written = json.dumps(keras.saving.serialize_keras_object(layer))
    restored = keras.saving.deserialize_keras_object(json.loads(written))
    assert type(restored) is type(layer)
    assert json.dumps(keras.saving.serialize_keras_object(restored)) == written


@each
def test_every_argument_is_kept(case):
    layer = case.make()
    arguments = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
    assert arguments <= set(layer.get_config())
    assert all(hasattr(layer, name) for name in arguments)


@each
def test_registered_under_the_package(case):
    layer = case.make()
    name = type(layer).__name__
    assert keras.saving.get_registered_name(type(layer)) == f"kerasnn>{name}"


@each
def test_saved_and_loaded(case, tmp_path):
    inputs = case.inputs(5)
    ends = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:]), inputs)
    model = keras.Model(ends, case.make()(ends))
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded(inputs).numpy(), model(inputs).numpy())


@each
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "float64"])
def test_symbolic_output_is_the_real_one(case, policy):
    keras.config.set_dtype_policy(policy)
    layer, inputs = case.make(), case.inputs(5)
    symbolic = layer(symbols(inputs))
    for rows in (5, 1):
        real = call(layer, case.inputs(rows), training=True)
        assert tuple(symbolic.shape)[1:] == tuple(real.shape)[1:]
        assert real.shape[0] == rows
        assert keras.backend.standardize_dtype(real.dtype) == symbolic.dtype


@each
def test_free_sizes_stay_free(case):
    symbolic = case.make()(symbols(case.inputs(5)))
    assert symbolic.shape[0] is None


@each
@pytest.mark.parametrize("training", [False, True])
def test_eager_graph_and_xla_agree(case, training):
    """Each from the same seed: what is random is the same too."""
    inputs = case.inputs(5)
    eager = call(case.make(), inputs, training).numpy()
    for jit in (False, True):
        layer = case.make()
        layer(symbols(inputs))
        program = tf.function(lambda x, layer=layer: call(layer, x, training), jit_compile=jit)
        np.testing.assert_allclose(program(inputs).numpy(), eager, rtol=1e-6, atol=1e-6)


@each
def test_bfloat16_is_close_to_float32(case):
    inputs = case.inputs(64)
    exact = call(case.make(), inputs, training=True).numpy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    rounded = tf.cast(call(case.make(), inputs, training=True), "float32").numpy()
    np.testing.assert_allclose(rounded, exact, rtol=0.03, atol=0.03)


@each
def test_variables_stay_float32_in_mixed_precision(case):
    keras.config.set_dtype_policy("mixed_bfloat16")
    layer = case.make()
    layer(symbols(case.inputs(5)))
    assert {v.dtype for v in layer.weights} <= {"float32", "int64"}


@each
def test_one_gradient_step(case):
    """The graph of a training step is whole, and gives finite numbers."""
    layer, inputs = case.make(), case.inputs(5)
    layer(symbols(inputs))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(call(layer, inputs, training=True) ** 2) + sum(layer.losses)
    variables = [v.value for v in layer.trainable_variables]
    for gradient in tape.gradient(loss, variables, unconnected_gradients="zero"):
        assert np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize(
    "layer",
    [layers.Dropout(0.5), layers.Standardize(), layers.Threshold()],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_that_work_by_element_pass_masks_on(layer):
    """What a mask hides behind the layer does not count: padding changes nothing."""
    tokens = keras.Input((None,), dtype="int32")
    signal = layer(keras.layers.Embedding(9, 3, mask_zero=True)(tokens))
    model = keras.Model(tokens, keras.layers.LSTM(2)(signal))
    padded, short = model(np.array([[1, 2, 0, 0]])), model(np.array([[1, 2]]))
    np.testing.assert_allclose(padded, short, rtol=1e-6)
