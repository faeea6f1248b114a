"""Promises of every layer: configuration, saving, dtypes, engines, values, gradients."""

import dataclasses
import inspect
import json
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import layers, serving


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def integers(*shape):
    return np.random.default_rng(0).integers(-4, 5, size=shape).astype("float32")


def graphs(count):
    edges = (integers(count, 6, 6) > 0).astype("float32")
    return [normal(count, 6, 3), np.maximum(edges, edges.transpose(0, 2, 1))]


def adapted(**arguments):
    layer = layers.Standardize(**arguments)
    layer.adapt(np.random.default_rng(1).normal(3, 5, size=(50, 3)))
    return layer


def robust(**arguments):
    layer = layers.RobustScale(**arguments)
    layer.adapt(np.random.default_rng(1).normal(3, 5, size=(50, 3)))
    return layer


@dataclasses.dataclass
class Case:
    """How to make a layer, and inputs of a given number of rows."""

    make: Callable[[], keras.layers.Layer]
    inputs: Callable[[int], object]


CASES = {
    "AlphaDropout": [
        Case(lambda: layers.AlphaDropout(0.3, seed=3), lambda rows: normal(rows, 50)),
        Case(
            lambda: layers.AlphaDropout(0.3, noise_shape=(None, 1, None), seed=3),
            lambda rows: normal(rows, 4, 20),
        ),
    ],
    "ConcreteDropout": [
        Case(
            lambda: layers.ConcreteDropout(0.3, temperature=0.5, dropout_regularizer=0.1, seed=3),
            lambda rows: normal(rows, 2, 10),
        ),
    ],
    "DropBlock": [
        Case(lambda: layers.DropBlock(0.3, 3, seed=3), lambda rows: normal(rows, 5, 6, 2)),
        Case(lambda: layers.DropBlock(0.3, 2, seed=3), lambda rows: normal(rows, 3, 4, 5, 2)),
        Case(lambda: layers.DropBlock(0.3, 4, seed=3), lambda rows: normal(rows, 20, 2)),
    ],
    "DropConnect": [
        Case(
            lambda: layers.DropConnect(
                4, 0.3, kernel_initializer=keras.initializers.Constant(0.1), seed=3
            ),
            lambda rows: normal(rows, 3),
        ),
        Case(
            lambda: layers.DropConnect(
                2,
                0.3,
                activation="tanh",
                use_bias=False,
                kernel_initializer=keras.initializers.GlorotUniform(seed=1),
                kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
                seed=3,
            ),
            lambda rows: normal(rows, 5, 3),
        ),
    ],
    "DropPath": [
        Case(lambda: layers.DropPath(0.3, seed=3), lambda rows: normal(rows, 4, 5)),
    ],
    "Dropout": [
        Case(lambda: layers.Dropout(0.4, seed=3), lambda rows: normal(rows, 50)),
        Case(lambda: layers.Dropout(0.4, anneal=True, seed=3), lambda rows: normal(rows, 50)),
        Case(
            lambda: layers.Dropout(0.4, noise_shape=(None, 1, None), seed=3),
            lambda rows: normal(rows, 4, 20),
        ),
    ],
    "EmbedColumns": [
        Case(
            lambda: layers.EmbedColumns(
                {1: 4, 3: 9}, embeddings_initializer=keras.initializers.RandomNormal(seed=1)
            ),
            lambda rows: np.abs(integers(rows, 5)),
        ),
        Case(
            lambda: layers.EmbedColumns(
                {0: 3},
                output_dim=2,
                dense_gradient=True,
                embeddings_initializer=keras.initializers.RandomNormal(seed=1),
                embeddings_regularizer=keras.regularizers.L1L2(0.1, 0.2),
            ),
            lambda rows: integers(rows, 4, 3),
        ),
    ],
    "GaussianDropout": [
        Case(lambda: layers.GaussianDropout(0.3, seed=3), lambda rows: normal(rows, 50)),
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
    "LeakyReLU": [
        Case(
            lambda options=options: layers.LeakyReLU(**options),
            lambda rows: normal(rows, 4, 3),
        )
        for options in (
            {"negative_slope": 0.2},
            {"negative_slope": 0.25, "learn_slope": True},
            {"randomize": (0.1, 0.4), "seed": 3},
        )
    ],
    "MaskedMean": [Case(layers.MaskedMean, lambda rows: normal(rows, 4, 3))],
    "NTKDense": [
        Case(
            lambda: layers.NTKDense(
                4,
                kernel_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=1),
                bias_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=2),
                data_driven=True,
                seed=3,
            ),
            lambda rows: normal(rows, 3),
        ),
        Case(
            lambda: layers.NTKDense(
                2,
                activation="tanh",
                bias_rate_factor=2.0,
                kernel_initializer="ones",
                bias_initializer="ones",
            ),
            lambda rows: normal(rows, 5, 3),
        ),
    ],
    "ParametricActivation": [
        Case(lambda: layers.ParametricActivation("tanh"), lambda rows: normal(rows, 3)),
        Case(
            lambda: layers.ParametricActivation(keras.activations.relu, rate_factor=2.0),
            lambda rows: normal(rows, 5, 3),
        ),
    ],
    "Perceptron": [
        Case(
            lambda formulation=formulation: layers.Perceptron(
                2, formulation=formulation, kernel_initializer=keras.initializers.Constant(0.5)
            ),
            lambda rows: integers(rows, 3),
        )
        for formulation in ("bias", "threshold", "weight")
    ],
    "PeriodicEmbedding": [
        Case(lambda: layers.PeriodicEmbedding(seed=3), lambda rows: normal(rows, 3)),
        Case(
            lambda: layers.PeriodicEmbedding(
                3, frequencies=5, sigma=0.5, rate_factor=2.0, skip=(0, 2), seed=3
            ),
            lambda rows: normal(rows, 4),
        ),
        Case(lambda: layers.PeriodicEmbedding(skip=(0, 1), seed=3), lambda rows: normal(rows, 2)),
    ],
    "RobustScale": [
        Case(robust, lambda rows: normal(rows, 3)),
        Case(lambda: robust(clip=None, skip=(1,)), lambda rows: normal(rows, 3)),
        Case(lambda: robust(clip=0.5, skip=(2,)), lambda rows: normal(rows, 4, 3)),
        Case(layers.RobustScale, lambda rows: normal(rows, 3)),
    ],
    "Scale": [
        Case(layers.Scale, lambda rows: normal(rows, 3)),
        Case(lambda: layers.Scale(rate_factor=0.5), lambda rows: normal(rows, 5, 3)),
    ],
    "SpatialDropout": [
        Case(
            lambda: layers.SpatialDropout(0.3, seed=3),
            lambda rows, sides=sides: normal(rows, *sides, 4),
        )
        for sides in ((), (5,), (3, 4), (2, 3, 2))
    ],
    "Standardize": [
        Case(adapted, lambda rows: normal(rows, 3)),
        Case(lambda: adapted(invert=True), lambda rows: normal(rows, 3)),
        Case(lambda: adapted(compress=0.5), lambda rows: normal(rows, 3)),
        Case(lambda: adapted(skip=(1,), compress=0.5), lambda rows: normal(rows, 3)),
        Case(lambda: layers.Standardize(axis=(1, -1)), lambda rows: normal(rows, 2, 5, 3)),
    ],
    "Threshold": [
        Case(
            lambda surrogate=surrogate: layers.Threshold(0.25, surrogate=surrogate, trainable=True),
            lambda rows: normal(rows, 4),
        )
        for surrogate in ("identity", "sigmoid", "triangle", "none")
    ],
    "UnitwiseActivation": [
        Case(lambda: layers.UnitwiseActivation(["tanh"] * 4), lambda rows: normal(rows, 4)),
        Case(
            lambda: layers.UnitwiseActivation(["relu", "tanh", keras.activations.relu, "linear"]),
            lambda rows: normal(rows, 5, 4),
        ),
    ],
}


def same(layer, x):
    return x


def mean(layer, x):
    return x.mean(axis=1)


def weights_of(layer):
    return [weight.astype(float) for weight in layer.get_weights()]


def activation_of(layer):
    return {"linear": same, "tanh": lambda _, z: np.tanh(z)}[layer.activation.__name__]


def dense(layer, x):
    kernel, *bias = weights_of(layer)
    return activation_of(layer)(layer, x @ kernel + (bias[0] if bias else 0))


def mixed(layer, inputs):
    features, edges = inputs
    looped = edges + np.eye(6)
    root = looped.sum(axis=2) ** -0.5
    return dense(layer, (root[:, :, None] * looped * root[:, None, :]) @ features)


def leaky(layer, x):
    low, high = layer.randomize or [layer.negative_slope] * 2
    return np.where(x > 0, x, x * (low + high) / 2)


def threshold_units(layer, x):
    if layer.formulation == "weight":
        return np.dstack([x[None], np.ones((1, len(x), 1))])[0] @ layer.get_weights()[0] > 0
    kernel, level = weights_of(layer)
    return x @ kernel > (level if layer.formulation == "threshold" else -level)


def standard(layer, x):
    if not layer.adapted:
        return x
    data = np.random.default_rng(1).normal(3, 5, size=(50, 3))
    mean, deviation = data.mean(axis=0), data.std(axis=0)
    mean[list(layer.skip)], deviation[list(layer.skip)] = 0, 1
    if layer.invert:
        return x * deviation + mean
    z = (x - mean) / deviation
    far = np.abs(z) > (layer.compress or np.inf)
    far[..., list(layer.skip)] = False
    z[far] = np.sign(z[far]) * layer.compress * (1 + np.log(np.abs(z[far]) / layer.compress))
    return z


def embedded(layer, x):
    """Unknown indices count as 0."""
    others = [i for i in range(x.shape[-1]) if i not in layer.embeddings]
    parts = [x[..., others]]
    for (position, count), table in zip(layer.embeddings.items(), weights_of(layer), strict=True):
        indices = x[..., position].astype(int)
        parts.append(table[np.where((indices < 0) | (indices >= count), 0, indices)])
    return np.concatenate(parts, axis=-1)


def by_unit(layer, x):
    known = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "linear": lambda z: z}
    own = [known[function.__name__] for function in layer.activations]
    return np.stack([f(x[..., i]) for i, f in enumerate(own)], axis=-1)


def tangent(layer, x):
    kernel, bias, *_ = weights_of(layer)
    return activation_of(layer)(
        layer, x @ kernel / np.sqrt(x.shape[-1]) + layer.bias_rate_factor * bias
    )


def parametric(layer, x):
    return {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}[layer.activation.__name__](x)


def periodic(layer, x):
    w, b, kernel, bias = (layer.rate_factor * weight for weight in weights_of(layer))
    parts = [x]
    for place, i in enumerate(i for i in range(x.shape[1]) if i not in layer.skip):
        wave = np.cos(2 * np.pi * x[:, i : i + 1] @ w[place] + b[place])
        parts.append(wave @ kernel[place] + bias[place])
    return np.concatenate(parts, axis=-1)


def robustly_scaled(layer, x):
    if not layer.adapted:
        return x
    data = np.random.default_rng(1).normal(3, 5, size=(50, 3))
    low, median, high = np.percentile(data, [25, 50, 75], axis=0)
    z = (x - median) / (high - low)
    z = z / np.sqrt(1 + (z / layer.clip) ** 2) if layer.clip else z
    return np.where(np.isin(np.arange(3), layer.skip), x, z)


VALUES = {
    "AlphaDropout": same,
    "ConcreteDropout": same,
    "DropBlock": same,
    "DropConnect": dense,
    "DropPath": same,
    "Dropout": same,
    "EmbedColumns": embedded,
    "GaussianDropout": same,
    "GraphConvolution": mixed,
    "LeakyReLU": leaky,
    "MaskedMean": mean,
    "NTKDense": tangent,
    "ParametricActivation": parametric,
    "Perceptron": threshold_units,
    "PeriodicEmbedding": periodic,
    "RobustScale": robustly_scaled,
    "Scale": same,
    "SpatialDropout": same,
    "Standardize": standard,
    "Threshold": lambda layer, x: x > layer.theta,
    "UnitwiseActivation": by_unit,
}

NO_RATE = (1, -0.1, float("nan"), "half", None, True, [0.5])
NO_COUNT = (0, -1, 1.5, "two", None, True, [2])
NO_SEED = (-1, 1.5, "one", True, 2**32, [1])
NO_FLAG = ("yes", None, 1)
NO_FACTOR = (0, -1, float("nan"), float("inf"), "fast", None, True)
NO_POSITIONS = ("last", 1, None, (1.5,), (-1,), (True,))
DENSE = {
    "units": NO_COUNT,
    "activation": ("rellu", 3),
    "use_bias": NO_FLAG,
    "kernel_initializer": ("nope", 3),
    "kernel_regularizer": ("nope", 0.1),
}
# Invalid values for every argument of every layer, and valid values for the other arguments.
GIVEN = {
    "DropConnect": {"units": 2, "rate": 0.5},
    "EmbedColumns": {"embeddings": {0: 3}},
    "GraphConvolution": {"units": 2},
    "LeakyReLU": {"randomize": (0.1, 0.2)},
    "NTKDense": {"units": 2},
    "ParametricActivation": {"activation": "selu"},
    "UnitwiseActivation": {"activations": ["relu"]},
    **{name: {"rate": 0.5} for name in ("AlphaDropout", "DropBlock", "DropPath", "Dropout")},
    **{name: {"rate": 0.5} for name in ("GaussianDropout", "SpatialDropout")},
}
DROPPING = {"rate": NO_RATE, "seed": NO_SEED}
NOISE_SHAPE = {"noise_shape": (3, (0, None), (None, 1.5), (True, None), "all")}
WRONG = {
    "AlphaDropout": DROPPING | NOISE_SHAPE | {"anneal": NO_FLAG},
    "ConcreteDropout": {
        "initial_rate": (0, *NO_RATE),
        "temperature": (0, -1, float("inf"), "cold", None, True),
        "dropout_regularizer": (-1, float("nan"), "l2", None, True),
        "seed": NO_SEED,
    },
    "DropBlock": DROPPING | {"block_size": NO_COUNT},
    "DropConnect": DROPPING | DENSE,
    "DropPath": DROPPING,
    "Dropout": DROPPING | NOISE_SHAPE | {"anneal": NO_FLAG},
    "EmbedColumns": {
        "embeddings": ({}, None, [3], {0: 0}, {-1: 3}, {"a": 3}, {0: 1.5}),
        "output_dim": (0, -1, 1.5, "two", True, [2]),
        "dense_gradient": ("yes",),
        "embeddings_initializer": ("nope", 3),
        "embeddings_regularizer": ("nope", 0.1),
    },
    "GaussianDropout": DROPPING,
    "GraphConvolution": DENSE,
    "LeakyReLU": {
        "negative_slope": (-1, float("nan"), "steep", None, True),
        "learn_slope": NO_FLAG,
        "randomize": (0.3, (0.1,), (0.3, 0.1), ("a", "b"), (0.1, None), (float("nan"), 1)),
        "seed": NO_SEED,
    },
    "MaskedMean": {},
    "NTKDense": {
        "units": NO_COUNT,
        "activation": ("rellu", 3),
        "bias_rate_factor": NO_FACTOR,
        "kernel_initializer": ("nope", 3),
        "bias_initializer": ("nope", 3),
        "data_driven": NO_FLAG,
        "seed": NO_SEED,
    },
    "ParametricActivation": {"activation": ("rellu", 3), "rate_factor": NO_FACTOR},
    "Perceptron": {
        "units": NO_COUNT,
        "formulation": ("bais", None, 3),
        "kernel_initializer": ("nope", 3),
    },
    "PeriodicEmbedding": {
        "output_dim": (1, *NO_COUNT),
        "frequencies": NO_COUNT,
        "sigma": NO_FACTOR,
        "rate_factor": NO_FACTOR,
        "skip": NO_POSITIONS,
        "seed": NO_SEED,
    },
    "RobustScale": {
        "clip": tuple(value for value in NO_FACTOR if value is not None),
        "skip": NO_POSITIONS,
    },
    "Scale": {"rate_factor": NO_FACTOR},
    "SpatialDropout": DROPPING,
    "Standardize": {
        "axis": ("last", 1.5, (), None, True, [[1]]),
        "invert": NO_FLAG,
        "skip": NO_POSITIONS,
        "compress": (0, -1, float("nan"), float("inf"), "far", True, [3.0]),
    },
    "Threshold": {
        "theta": (float("nan"), float("inf"), "high", None, True, [0.5]),
        "surrogate": ("sigmiod", None, 3),
        "trainable": NO_FLAG,
    },
    "UnitwiseActivation": {"activations": ("relu", [], None, [None], ["rellu"], ["softmax"])},
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


def flat(inputs):
    return [tf.convert_to_tensor(array) for array in keras.tree.flatten(inputs)]


def symbols(inputs, rows=None):
    return keras.tree.map_structure(
        lambda array: keras.KerasTensor((rows, *array.shape[1:]), "float32"), inputs
    )


def test_the_table_is_complete():
    assert set(CASES) == set(VALUES) == set(WRONG) == PUBLIC


@pytest.mark.parametrize("name", CASES)
def test_arguments_that_are_refused(name):
    kind = getattr(layers, name)
    arguments = set(inspect.signature(kind.__init__).parameters) - {"self", "kwargs"}
    assert set(WRONG[name]) == arguments
    for argument, values in WRONG[name].items():
        for value in values:
            with pytest.raises(ValueError, match=argument) as caught:
                kind(**{**GIVEN.get(name, {}), argument: value})
            # Keras itself checks `trainable`.
            if argument != "trainable":
                assert isinstance(caught.value, kerasnn.InvalidArgument)
                assert caught.value.argument.partition("[")[0] == argument


@pytest.mark.parametrize("name", CASES)
def test_inputs_that_are_refused(name):
    """The error names the layer."""
    case = CASES[name][0]
    one = case.inputs(2)[0] if name == "GraphConvolution" else case.inputs(2)
    bad = [None, np.float32(1), one.astype(str), one.astype("complex64")]
    for inputs in [[x, case.inputs(2)[1]] for x in bad] if name == "GraphConvolution" else bad:
        layer = case.make()
        layer.name = "front"
        with pytest.raises(ValueError, match=r"layer 'front'|for `front`"):
            call(layer, inputs, training=True)


@each
def test_integers_are_cast(case):
    """A scale of 1 / 0.7 is not truncated to 1."""
    whole = keras.tree.map_structure(lambda a: np.abs(a * 2).astype("int32"), case.inputs(5))
    floats = keras.tree.map_structure(lambda a: a.astype("float32"), whole)
    got, wanted = (call(case.make(), x, training=True) for x in (whole, floats))
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "name",
    [
        *("DropConnect", "LeakyReLU", "NTKDense", "ParametricActivation", "Perceptron"),
        *("PeriodicEmbedding", "RobustScale", "Scale", "UnitwiseActivation"),
    ],
)
def test_another_width_than_before(name):
    """Broadcasting would spread a width of 1 over all units, and a wider input would be cut."""
    layer = CASES[name][1].make()
    x = CASES[name][1].inputs(5)
    call(layer, x)
    for other in (x[..., :1], np.concatenate([x, x], axis=-1)):
        with pytest.raises(ValueError, match="expected axis -1 of input shape to have value"):
            call(layer, other)


@each
def test_configuration(case):
    layer = case.make()
    config = layer.get_config()
    arguments = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
    assert arguments <= set(config)
    assert all(hasattr(layer, name) for name in arguments)
    assert type(layer).from_config(config).get_config() == config
    name = keras.saving.get_registered_name(type(layer))
    assert name == f"kerasnn>{type(layer).__name__}"
    written = json.dumps(keras.saving.serialize_keras_object(layer))
    restored = keras.saving.deserialize_keras_object(json.loads(written))
    assert type(restored) is type(layer)
    assert json.dumps(keras.saving.serialize_keras_object(restored)) == written


@pytest.mark.parametrize("name", CASES)
def test_saved_and_loaded(name, tmp_path):
    """All cases of a layer in one model."""
    cases = CASES[name]
    inputs = [case.inputs(5) for case in cases]
    ends = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:]), inputs)
    outputs = [case.make()(end) for case, end in zip(cases, ends, strict=True)]
    model = keras.Model(keras.tree.flatten(ends), outputs)
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    flat_inputs = keras.tree.flatten(inputs)
    for got, wanted in zip(loaded(flat_inputs), model(flat_inputs), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("case", [some[0] for some in CASES.values()], ids=CASES)
def test_exported(case, tmp_path):
    """A server returns what the layer computes in inference; `export` compares the two."""
    inputs = case.inputs(5)
    ends = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:]), inputs)
    model = keras.Model(ends, case.make()(ends))
    report = serving.export(model, tmp_path / "layer")
    assert report.largest_difference <= 1e-6
    served = tf.saved_model.load(report.path)
    answer = served.signatures["serving_default"]
    given = dict(zip(report.signatures["serving_default"]["inputs"], flat(inputs), strict=True))
    [outputs] = answer(**given).values()
    np.testing.assert_allclose(outputs, model(inputs), rtol=1e-6, atol=1e-6)


@each
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "float64"])
def test_symbolic_outputs_have_the_shape_and_dtype_of_real_ones(case, policy):
    keras.config.set_dtype_policy(policy)
    layer, inputs = case.make(), case.inputs(5)
    symbolic = layer(symbols(inputs))
    assert symbolic.shape[0] is None
    if policy != "float64":
        assert {v.dtype for v in layer.weights} <= {"float32", "int64"}
    for rows in (5, 1):
        real = call(layer, case.inputs(rows), training=True)
        assert tuple(symbolic.shape)[1:] == tuple(real.shape)[1:]
        assert real.shape[0] == rows
        assert keras.backend.standardize_dtype(real.dtype) == symbolic.dtype


@pytest.mark.parametrize("name", CASES)
def test_eager_graph_and_xla_agree(name):
    """In inference and in training, from the same seed, random numbers included."""
    cases = CASES[name]
    inputs = [case.inputs(5) for case in cases]

    def both(made, inputs):
        return [
            call(layer, x, training)
            for layer, x in zip(made, inputs, strict=True)
            for training in (False, True)
        ]

    eager = both([case.make() for case in cases], inputs)
    for jit in (False, True):
        made = [case.make() for case in cases]
        for layer, x in zip(made, inputs, strict=True):
            layer(symbols(x))
        program = tf.function(lambda x, made=made: both(made, x), jit_compile=jit)
        for compiled, wanted in zip(program(inputs), eager, strict=True):
            np.testing.assert_allclose(compiled, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_value_in_inference(name):
    """Against NumPy in float64; training is compared in the tests of each layer."""
    for case in CASES[name]:
        layer, inputs = case.make(), case.inputs(5)
        got = call(layer, inputs)
        wanted = VALUES[name](layer, keras.tree.map_structure(lambda a: a.astype(float), inputs))
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@each
def test_16_bits_are_close_to_float32(case):
    inputs, layer = case.inputs(64), case.make()
    exact = call(layer, inputs, training=True).numpy()
    for policy in ("mixed_bfloat16", "float16"):
        keras.config.set_dtype_policy(policy)
        short = case.make()
        short(symbols(inputs))
        # Keras draws other weights in another dtype.
        short.set_weights(layer.get_weights())
        outputs = call(short, inputs, training=True)
        # Target units, and numbers that are yet to be standardised, keep their digits.
        is_target = isinstance(short, layers.Standardize) and short.invert
        in_full = is_target or isinstance(short, layers.EmbedColumns)
        wanted = short.variable_dtype if in_full else policy.removeprefix("mixed_")
        assert outputs.dtype == wanted, policy
        outputs = tf.cast(outputs, "float32").numpy()
        np.testing.assert_allclose(outputs, exact, rtol=0.03, atol=0.03, err_msg=policy)


@each
def test_one_gradient_step(case):
    """All gradients of a training step are finite."""
    layer, inputs = case.make(), case.inputs(5)
    layer(symbols(inputs))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(call(layer, inputs, training=True) ** 2) + sum(layer.losses)
    variables = [v.value for v in layer.trainable_variables]
    for gradient in tape.gradient(loss, variables, unconnected_gradients="zero"):
        assert np.isfinite(tf.convert_to_tensor(gradient)).all()


@pytest.mark.parametrize(
    "layer",
    [
        layers.AlphaDropout(0.5),
        layers.ConcreteDropout(),
        layers.DropBlock(0.5),
        layers.DropConnect(3, 0.5),
        layers.DropPath(0.5),
        layers.Dropout(0.5),
        layers.GaussianDropout(0.5),
        layers.LeakyReLU(),
        layers.NTKDense(2),
        layers.ParametricActivation("tanh"),
        layers.RobustScale(),
        layers.Scale(),
        layers.SpatialDropout(0.5),
        layers.Standardize(),
        layers.Threshold(),
        layers.UnitwiseActivation(["relu", "tanh", "linear"]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_elementwise_layers_pass_masks_on(layer):
    """Padding changes nothing."""
    tokens = keras.Input((None,), dtype="int32")
    signal = layer(keras.layers.Embedding(9, 3, mask_zero=True)(tokens))
    model = keras.Model(tokens, keras.layers.LSTM(2)(signal))
    padded, short = model(np.array([[1, 2, 0, 0]])), model(np.array([[1, 2]]))
    np.testing.assert_allclose(padded, short, rtol=1e-6)
