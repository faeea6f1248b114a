"""Small data, small models and comparisons with Keras, for the tests of training."""

import keras
import numpy as np
from sklearn.preprocessing import StandardScaler

import kerasnn
from tests.helpers.seeds import set_seeds

ROWS, FEATURES, CLASSES = 70, 5, 3
rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, FEATURES)).astype("float32")
Y = rng.integers(0, CLASSES, ROWS)
X_HELD = rng.normal(size=(37, FEATURES)).astype("float32")
Y_HELD = rng.integers(0, CLASSES, 37)


def classifier(optimizer="adam", *, hidden=None, seed=1, **compile_arguments):
    """A compiled `keras.Sequential`, always with the same weights."""
    set_seeds(seed)
    layers = hidden() if hidden else [keras.layers.Dense(6, "relu")]
    model = keras.Sequential(
        [keras.Input((FEATURES,)), *layers, keras.layers.Dense(CLASSES, "softmax")]
    )
    arguments = {"loss": "sparse_categorical_crossentropy", **compile_arguments}
    model.compile(optimizer, **arguments)
    return model


def count_calls(model):
    """Returns a list that grows with each Python call of the model, as tracing makes them."""
    calls = []

    class Counter(keras.layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    counted = keras.Sequential([Counter(), *model.layers])
    counted.build((None, FEATURES))
    return counted, calls


def assert_close(got, wanted, tolerance=1e-5):
    """Compares two lists of arrays, each relative to the largest value in it."""
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        assert a.shape == b.shape
        if b.size:
            assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), 1e-30)


def assert_same_history(got, wanted, tolerance=1e-5):
    """Compares two Keras `History` objects: keys in order, epochs, and values."""
    assert list(got.history) == list(wanted.history)
    assert got.epoch == wanted.epoch
    for name, values in wanted.history.items():
        np.testing.assert_allclose(got.history[name], values, atol=tolerance, err_msg=name)


def fit_by_keras(model, *data, **arguments):
    """Trains by Keras in Python: a few steps take less time than the trace of one.

    Not where a model has several outputs, whose losses Keras averages over batches of a trace and
    over rows in Python, nor in half precision, which a trace rounds less often.
    """
    has_one_output = len(getattr(model, "outputs", [None])) == 1
    model.run_eagerly = has_one_output and model.compute_dtype == "float32"
    history = keras.Model.fit(model, *data, **arguments)
    model.run_eagerly = False
    return history


def train_both(build, *data, engine="graph", tolerance=1e-5, **arguments):
    """Trains by Keras and by an engine, and compares everything. Returns both models."""
    theirs, ours = build(), build()
    arguments = {"epochs": 3, "shuffle": False, "verbose": 0, **arguments}
    wanted = fit_by_keras(theirs, *data, **arguments)
    got = kerasnn.fit(ours, *data, engine=engine, **arguments)
    assert got.engine == engine
    assert_close(ours.get_weights(), theirs.get_weights(), tolerance)
    if engine == "graph":
        # XLA rounds in another order, which shows in slots that hold the rounding of zeros.
        slots = [[v.numpy() for v in model.optimizer.variables] for model in (ours, theirs)]
        assert_close(*slots, tolerance)
    assert_same_history(got, wanted, tolerance)
    return ours, theirs


def changed(array, index, value, dtype=None):
    """A copy of an array with one entry replaced."""
    copy = np.array(array, dtype=dtype)
    copy[index] = value
    return copy


def weights_after(model, x, y=None, **arguments):
    """The weights that two epochs of training without shuffling lead to."""
    plan = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0, **arguments}
    history = kerasnn.fit(model, x, y, **plan)
    assert np.isfinite(history.history["loss"]).all()
    return model.get_weights()


def assert_same_training(one, other):
    """The weights are equal, but for what two programs round differently in a few steps."""
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def back_at_its_start(model):
    """Returns a function that gives one model with the variables that it has now.

    What was compiled for it stays, which is what takes the time.
    """
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    start = [variable.numpy() for variable in variables]

    def give():
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        return model

    return give


def starting_over(model):
    """Returns `weights_after` for one model that goes back to its start first."""
    start = back_at_its_start(model)

    def train(*data, **arguments):
        return weights_after(start(), *data, **arguments)

    return train


def assert_learned(layer, rows):
    """The statistics are those that scikit-learn takes from the rows in float64."""
    scaler = StandardScaler().fit(np.asarray(rows, "float64").reshape(-1, layer.mean.shape[-1]))
    np.testing.assert_allclose(np.ravel(layer.mean), scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(np.ravel(layer.variance), scaler.var_, rtol=1e-6)
