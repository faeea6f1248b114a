"""`fit` lets `Standardize` learn once, from the training rows and nothing else."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler

import kerasnn
from kerasnn.layers import Standardize

ROWS = 40
RNG = np.random.default_rng(0)
X = (RNG.normal(size=(ROWS, 3)) * [1.0, 50.0, 0.01] + [0.0, 1000.0, 7.0]).astype("float32")
# The last rows differ, so that statistics which have seen them differ too.
X[30:] += 100
Y = X @ [1.0, 0.1, 3.0] + 20
BITS = np.arange(ROWS) % 2


def classifier():
    return kerasnn.models.mlp(3, task="binary", hidden=(2,), seed=0)


def regressor():
    return kerasnn.models.mlp(3, task="regression", hidden=(2,), seed=0)


@pytest.fixture(scope="module")
def compiled_once():
    return classifier()


@pytest.fixture
def fresh(compiled_once):
    """A classifier that has learned nothing; what was compiled for it takes the time, and stays."""
    compiled_once.get_layer("standardize").reset()
    return compiled_once


def assert_learned(layer, rows):
    """The statistics are those that scikit-learn takes from the rows in float64."""
    scaler = StandardScaler().fit(np.asarray(rows, "float64").reshape(-1, layer.mean.shape[-1]))
    np.testing.assert_allclose(np.ravel(layer.mean), scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(np.ravel(layer.variance), scaler.var_, rtol=1e-6)


def compiled(layers, loss="mse"):
    model = keras.Sequential(layers)
    model.compile("sgd", loss=loss)
    return model


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ({}, slice(None)),
        ({"validation_split": 0.25}, slice(30)),
        ({"validation_split": 0.25, "sample_weight": np.zeros(ROWS)}, slice(30)),
        ({"validation_data": (X + 1e6, BITS)}, slice(None)),
        ({"batch_size": 7, "epochs": 2}, slice(None)),
        ({"batch_size": "full", "validation_split": 0.5}, slice(20)),
        ({"engine": "keras", "validation_split": 0.25}, slice(30)),
    ],
    ids=["all", "split", "weights", "validation data", "batches", "full batch", "keras"],
)
def test_training_rows_only(fresh, arguments, rows):
    fresh.fit(X, BITS, **{"epochs": 1, "verbose": 0, **arguments})
    assert_learned(fresh.get_layer("standardize"), X[rows])


def test_targets_learn_from_training_rows_only():
    model = regressor()
    model.fit(X, Y, validation_split=0.25, verbose=0)
    assert_learned(model.get_layer("standardize"), X[:30])
    assert_learned(model.get_layer("target_units"), Y[:30, None])


def test_targets_come_back_in_their_units():
    """The network works on numbers of order one and answers in thousands."""
    model = kerasnn.models.mlp(3, 2, task="regression", hidden=(), seed=0)
    y = np.stack([Y * 1000, Y * -0.001 + 4], axis=1)
    model.fit(X, y, verbose=0)
    inner = keras.Model(model.inputs, model.get_layer("output").output)
    scaler = StandardScaler().fit(y)
    np.testing.assert_allclose(
        model.predict(X, verbose=0),
        scaler.inverse_transform(inner.predict(X, verbose=0)),
        rtol=1e-5,
    )


def test_the_first_fit_only():
    model = classifier()
    model.fit(X[:10], BITS[:10], verbose=0)
    model.fit(X, BITS, verbose=0)
    assert_learned(model.get_layer("standardize"), X[:10])


def test_reset_makes_the_next_fit_learn_anew():
    model = classifier()
    model.fit(X[:10], BITS[:10], verbose=0)
    model.get_layer("standardize").reset()
    assert not model.get_layer("standardize").adapted
    model.fit(X, BITS, verbose=0)
    assert_learned(model.get_layer("standardize"), X)


def test_adapt_comes_before_fit_and_stays():
    model = classifier()
    model.get_layer("standardize").adapt(X[:10])
    model.fit(X, BITS, verbose=0)
    assert_learned(model.get_layer("standardize"), X[:10])
    model.get_layer("standardize").adapt(X[:20])
    assert_learned(model.get_layer("standardize"), X[:20])


def test_saved_with_the_model(tmp_path):
    model = regressor()
    model.fit(X[:20], Y[:20], verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.fit(X, Y, verbose=0)
    assert loaded.get_layer("standardize").adapted
    assert_learned(loaded.get_layer("standardize"), X[:20])
    assert_learned(loaded.get_layer("target_units"), Y[:20, None])


def test_evaluate_and_predict_learn_nothing():
    model = classifier()
    model.predict(X, verbose=0)
    model.evaluate(X, BITS, verbose=0)
    assert not model.get_layer("standardize").adapted


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e-20, 123456.7])
def test_a_constant_feature_gives_0(fresh, value):
    x = X.copy()
    x[:, 1] = value
    history = fresh.fit(x, BITS, verbose=0)
    np.testing.assert_array_equal(fresh.get_layer("standardize")(x).numpy()[:, 1], 0)
    assert np.isfinite(history.history["loss"]).all()


def test_a_feature_that_is_constant_but_for_roundoff_gives_0(fresh):
    """The mean of equal numbers may miss them by a digit; that is no variance."""
    x = X.astype("float64")
    x[:, 1] = 0.1 + 0.2 + RNG.integers(-2, 3, ROWS) * 1e-16
    fresh.fit(x, BITS, verbose=0)
    np.testing.assert_array_equal(fresh.get_layer("standardize")(x).numpy()[:, 1], 0)


def test_a_constant_target_is_learned_at_once():
    model = regressor()
    model.fit(X, np.full(ROWS, 7.5), verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), 7.5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_large_mean_keeps_its_digits(policy):
    """bfloat16 knows no year between 2016 and 2024."""
    keras.config.set_dtype_policy(policy)
    years = np.arange(1990, 1990 + ROWS)[:, None].astype("float32")
    model = kerasnn.models.mlp(1, task="binary", hidden=(2,), seed=0)
    model.fit(years, BITS, verbose=0)
    assert_learned(model.get_layer("standardize"), years)
    front = keras.Model(model.inputs, model.get_layer("standardize").output)
    wanted = StandardScaler().fit_transform(years)
    digits = 1e-6 if policy == "float32" else 2**-8
    np.testing.assert_allclose(front.predict(years, verbose=0), wanted, rtol=digits, atol=1e-6)


def test_targets_with_a_large_mean_keep_their_digits():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = regressor()
    model.fit(X, 2000 + np.arange(ROWS), verbose=0)
    assert_learned(model.get_layer("target_units"), 2000.0 + np.arange(ROWS)[:, None])
    assert model.predict(X, verbose=0).dtype == np.float32


def test_images_keep_statistics_of_each_channel():
    images = RNG.normal(size=(ROWS, 4, 4, 2)) * [1, 9] + [5, 0]
    for augment in (False, True):
        model = kerasnn.models.cnn(
            (4, 4, 2), task="binary", filters=2, hidden=(), augment=augment, seed=0
        )
        model.fit(images, BITS, validation_split=0.25, verbose=0)
        assert_learned(model.get_layer("standardize"), images[:30])


def test_images_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    images = RNG.integers(0, 256, size=(ROWS, 4, 4, 1))
    model = kerasnn.models.cnn((4, 4, 1), task="binary", filters=2, hidden=(), augment=True, seed=0)
    model.fit(images, BITS, verbose=0)
    assert_learned(model.get_layer("standardize"), images)


def test_graphs_keep_statistics_of_each_feature():
    model = kerasnn.models.graph_network(3, task="regression", seed=0)
    features = X.reshape(8, 5, 3)
    graphs = {"features": features, "adjacency": np.zeros((8, 5, 5))}
    model.fit(graphs, Y.reshape(8, 5, 1), verbose=0)
    assert_learned(model.get_layer("standardize"), X)
    assert_learned(model.get_layer("target_units"), Y[:, None])


def stream(x=X, y=BITS, batch=16):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(batch)


class Batches(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return 3

    def __getitem__(self, index):
        rows = slice(16 * index, 16 * index + 16)
        return X[rows], BITS[rows]


@pytest.mark.parametrize(
    ("data", "arguments", "rows"),
    [
        (stream, {}, slice(None)),
        (stream, {"validation_data": (X + 1e6, BITS)}, slice(None)),
        (lambda: stream().repeat(), {"steps_per_epoch": 2}, slice(32)),
        (Batches, {}, slice(None)),
    ],
    ids=["tf.data", "with validation data", "repeated", "PyDataset"],
)
def test_streams(fresh, data, arguments, rows):
    fresh.fit(data(), verbose=0, **arguments)
    assert_learned(fresh.get_layer("standardize"), X[rows])


def test_targets_of_a_stream():
    model = regressor()
    model.fit(stream(y=Y), verbose=0)
    assert_learned(model.get_layer("target_units"), Y[:, None])


def test_a_stream_that_holds_nan(refuses):
    bad = X.copy()
    bad[17, 2] = np.nan
    model = classifier()
    with refuses(model, "`standardize` cannot adapt to data that holds NaN or infinity."):
        model.fit(stream(bad), verbose=0)


def test_a_generator_can_be_read_only_once(refuses):
    model = classifier()
    batches = ((X, BITS) for _ in range(9))
    with refuses(
        model,
        "`standardize` has learned no mean and variance, and a generator can be read only once. "
        "Call `model.get_layer('standardize').adapt(...)` before `fit`.",
    ):
        model.fit(batches, steps_per_epoch=2, verbose=0)
    assert len(list(batches)) == 9
    model.get_layer("standardize").adapt(X)
    model.fit(((X, BITS) for _ in range(9)), steps_per_epoch=2, verbose=0)


def test_a_layer_behind_others_learns_what_reaches_it():
    model = compiled(
        [
            keras.Input((3,)),
            keras.layers.Rescaling(2.0, offset=1.0),
            Standardize(),
            keras.layers.Dense(1),
        ]
    )
    kerasnn.fit(model, X, BITS, verbose=0)
    assert_learned(model.layers[1], 2 * X + 1)


def test_one_input_of_several():
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    layer = Standardize()
    outputs = keras.layers.Dense(1)(keras.layers.concatenate([left, layer(right)]))
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile("sgd", loss="mse")
    kerasnn.fit(model, {"left": X * 1e4, "right": X}, BITS, validation_split=0.25, verbose=0)
    assert_learned(layer, X[:30])


@pytest.mark.parametrize("structure", [dict, list])
def test_one_output_of_several(structure):
    inputs = keras.Input((3,))
    outputs = {
        name: Standardize(invert=True, name=name)(keras.layers.Dense(1)(inputs)) for name in "ba"
    }
    y = {"b": Y, "a": -5 * Y + 3}
    if structure is list:
        outputs, y = list(outputs.values()), list(y.values())
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss="mse")
    kerasnn.fit(model, X / 1e4, y, verbose=0)
    assert_learned(model.get_layer("b"), Y[:, None])
    assert_learned(model.get_layer("a"), -5 * Y[:, None] + 3)


def test_a_model_inside_of_a_model(refuses):
    inner = classifier()
    model = compiled([keras.Input((3,)), inner])
    with refuses(
        model,
        f"`standardize` has learned no mean and variance, and what reaches it inside "
        f"`{model.name}` is not known before training. Call `adapt` of that layer before `fit`.",
    ):
        kerasnn.fit(model, X, BITS, verbose=0)
    inner.get_layer("standardize").adapt(X)
    kerasnn.fit(model, X, BITS, verbose=0)
    assert_learned(inner.get_layer("standardize"), X)


def test_a_subclassed_model(refuses):
    class Net(kerasnn.Model):
        def __init__(self):
            super().__init__()
            self.front, self.back = Standardize(name="front"), keras.layers.Dense(1)

        def call(self, x):
            return self.back(self.front(x))

    model = Net()
    model.compile("sgd", loss="mse")
    with refuses(model, "`front` has learned no mean and variance, and what reaches it inside"):
        model.fit(X, BITS, verbose=0)
    model.front.adapt(X)
    model.fit(X, BITS, verbose=0)
    assert_learned(model.front, X)


def test_the_way_back_has_to_be_an_output(refuses):
    model = compiled(
        [keras.Input((3,)), Standardize(invert=True, name="back"), keras.layers.Dense(1)]
    )
    with refuses(model, "`back` has learned no mean and variance, and what reaches it inside"):
        kerasnn.fit(model, X, BITS, verbose=0)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_variances_beyond_float32(refuses, scale):
    model = classifier()
    with refuses(
        model,
        "`standardize` keeps variances in float32, from 1.2e-38 to 3.4e38; got a feature with a "
        "standard deviation of",
    ):
        model.fit(X * scale, BITS, verbose=0)
