"""Building and tracing change no state of a model: losses are Keras's from the first step."""

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import autodiff, callbacks, training
from tests.helpers.engine_cases import assert_close, assert_same_history, fit_by_keras
from tests.helpers.seeds import set_seeds

rng = np.random.default_rng(0)
X = rng.normal(size=(48, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class AlwaysDropout(keras.layers.Layer):
    """Drops in inference too."""

    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(7)

    def call(self, x):
        return keras.random.dropout(x, 0.5, seed=self.seed)


class Counter(keras.layers.Layer):
    """Counts its calls, and scales by their number."""

    def build(self, _):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return x * self.calls


class Sampling(keras.layers.Layer):
    """Draws from a normal distribution and adds the divergence, as in a variational autoencoder."""

    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(1)

    def call(self, inputs):
        mean, log = inputs
        self.add_loss(0.5 * keras.ops.mean(mean**2 + keras.ops.exp(log) - log - 1))
        noise = keras.random.normal(keras.ops.shape(mean), seed=self.seed)
        return mean + keras.ops.exp(0.5 * log) * noise


class AnnealedLoss(keras.Model):
    """Weighs its loss by the number of times that it was computed."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1)
        self.times = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.times.assign_add(1.0)
        return self.times * super().compute_loss(x, y, y_pred, sample_weight, training)


class AnnealedMetric(keras.metrics.Mean):
    """Keeps, beyond a reset, the number of batches that it has seen."""

    def __init__(self):
        super().__init__("annealed")
        self.batches = self.add_variable((), initializer="zeros", name="batches")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.batches.assign_add(1.0)
        super().update_state(keras.ops.mean(keras.ops.abs(y_true - y_pred)) * self.batches)

    def reset_state(self):
        self.total.assign(0.0)
        self.count.assign(0.0)


def autoencoder():
    inputs = keras.Input((4,))
    code = Sampling()([keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)])
    return keras.Model(inputs, keras.layers.Dense(1)(code))


def two_outputs():
    inputs = keras.Input((4,))
    hidden = Counter()(AlwaysDropout()(inputs))
    return keras.Model(inputs, {"a": keras.layers.Dense(1)(hidden), "b": inputs})


TWO_OUTPUTS = "dropout in inference, a counter and two outputs"
MODELS = {
    "an autoencoder that samples, and a metric with a memory": autoencoder,
    "an annealed loss": AnnealedLoss,
    TWO_OUTPUTS: two_outputs,
}
COMPILED = {
    "an autoencoder that samples, and a metric with a memory": lambda: {
        "loss": "mse",
        "metrics": [AnnealedMetric()],
    },
    TWO_OUTPUTS: lambda: {"loss": {"a": "mse", "b": "mae"}, "metrics": {"a": "mae"}},
}


def compiled(name):
    set_seeds(0)
    model = MODELS[name]()
    model.compile("adam", **COMPILED.get(name, lambda: {"loss": "mse", "metrics": ["mae"]})())
    return model


def targets(name):
    return {"a": Y, "b": X} if name == TWO_OUTPUTS else Y


@pytest.mark.parametrize("name", MODELS)
def test_fit_gives_the_losses_of_keras(name):
    theirs, ours = compiled(name), compiled(name)
    validation = (X[:9], keras.tree.map_structure(lambda t: t[:9], targets(name)))
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0, "validation_data": validation}
    wanted = fit_by_keras(theirs, X, targets(name), **arguments)
    got = kerasnn.fit(ours, X, targets(name), **arguments)
    assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())


@pytest.mark.parametrize("name", ["an annealed loss", TWO_OUTPUTS])
def test_evaluate_gives_the_losses_of_keras(name):
    wanted = keras.Model.evaluate(compiled(name), X, targets(name), verbose=0, return_dict=True)
    got = training.evaluate(compiled(name), X, targets(name), verbose=0, return_dict=True)
    assert list(got) == list(wanted)
    np.testing.assert_allclose(list(got.values()), list(wanted.values()), rtol=1e-5)


def test_predict_gives_the_outputs_of_keras():
    wanted = keras.Model.predict(compiled(TWO_OUTPUTS), X, verbose=0)
    got = training.predict(compiled(TWO_OUTPUTS), X, verbose=0)
    np.testing.assert_allclose(got["a"], wanted["a"], rtol=1e-5)


def test_a_sweep_of_the_learning_rate_changes_nothing():
    name = "an autoencoder that samples, and a metric with a memory"
    model = compiled(name)
    kerasnn.lr_find(model, X, targets(name), low=1e-3, high=1e3, steps=10)
    wanted = fit_by_keras(compiled(name), X, targets(name), shuffle=False, verbose=0)
    got = kerasnn.fit(model, X, targets(name), shuffle=False, verbose=0)
    assert_same_history(got, wanted)


class WithoutTraining(keras.Model):
    """Computes its loss by the signature that Keras had before 3.3, and still supports."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return 2 * super().compute_loss(x, y, y_pred, sample_weight)


def without_training():
    set_seeds(0)
    model = WithoutTraining()
    model.compile("sgd", loss="mse")
    return model


def test_a_loss_without_the_argument_training():
    wanted = fit_by_keras(without_training(), X, Y, shuffle=False, verbose=0)
    got = kerasnn.fit(without_training(), X, Y, shuffle=False, verbose=0)
    assert got.engine == "graph"
    assert_same_history(got, wanted)
    loss = training.evaluate(without_training(), X, Y, verbose=0)
    assert loss == pytest.approx(keras.Model.evaluate(without_training(), X, Y, verbose=0))


def schedule_free(*, subclassed, eager=False):
    set_seeds(0)
    layers = [keras.layers.Dense(6, "tanh"), keras.layers.Dense(1)]
    model = keras.Sequential(layers if subclassed else [keras.Input((4,)), *layers])
    optimizer = keras.optimizers.ScheduleFreeAdamW(0.05)
    model.compile(optimizer, loss="mse", run_eagerly=eager)
    return model


@pytest.mark.parametrize("subclassed", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_optimizer_starts_from_the_weights_with_every_engine(subclassed):
    # Run eagerly, Keras creates its state from the weights; in a trace it reads them too late.
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0}
    eager = schedule_free(subclassed=subclassed, eager=True)
    wanted = keras.Model.fit(eager, X, Y, **arguments)
    for engine in ("graph", "keras", "xla")[: 3 if subclassed else 2]:
        model = schedule_free(subclassed=subclassed)
        assert_same_history(kerasnn.fit(model, X, Y, engine=engine, **arguments), wanted, 1e-4)


def counted(*layers):
    set_seeds(0)
    model = keras.Sequential([keras.Input((4,)), Counter(), *layers, keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model


def test_measuring_a_model_leaves_its_state():
    model = counted()
    model.layers[0].calls.assign(5.0)
    autodiff.gradients(model, X, Y)
    autodiff.check_gradients(model, X[:4], Y[:4], samples=2)
    callbacks.diagnose(model, X, Y)
    assert float(model.layers[0].calls) == 5.0


def test_only_steps_of_training_count():
    model = counted(kerasnn.layers.Standardize())
    doctor = callbacks.TrainingDoctor(verbose=0)
    kerasnn.fit(model, X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[doctor])
    assert float(model.layers[0].calls) == 2 * 3
