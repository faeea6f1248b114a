"""The sweep of the learning rate: its suggestion, and that it restores everything."""

import dataclasses
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import kerasnn
from kerasnn import data, layers, models, optimizers, schedules
from kerasnn.training.learning_rate_sweep import RateSweep
from tests.helpers.engine_cases import FEATURES, X, Y, classifier
from tests.helpers.seeds import set_seeds

QUICK = {"steps": 10, "low": 1e-4, "high": 10.0}


def learned(model):
    """The numbers that `fit` without shuffling of its own leads to, and how it shuffled."""
    history = kerasnn.fit(model, X, Y, epochs=2, verbose=0)
    return [v.numpy() for v in [*model.variables, *model.optimizer.variables]], history.history


def rich(optimizer):
    """A model with all that a step changes: statistics, seeds, slots and metrics."""

    def hidden():
        return [
            layers.Standardize(),
            keras.layers.Dense(6, "relu"),
            keras.layers.BatchNormalization(),
            layers.Dropout(0.3),
            keras.layers.GaussianNoise(0.1),
        ]

    return classifier(optimizer, hidden=hidden, metrics=["accuracy"])


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9, dampening=0.1, l1=1e-4),
    "schedule": lambda: keras.optimizers.RMSprop(schedules.Step(0.01, every=3)),
    "ema": lambda: keras.optimizers.SGD(0.1, use_ema=True, gradient_accumulation_steps=2),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Nadam(0.01)),
}


@pytest.mark.parametrize(
    ("name", "trained"),
    [
        ("adam", False),
        pytest.param("sgd", True, marks=pytest.mark.slow),
        pytest.param("schedule", True, marks=pytest.mark.slow),
        pytest.param("ema", True, marks=pytest.mark.slow),
        pytest.param("scaled", True, marks=pytest.mark.slow),
    ],
)
def test_a_sweep_restores_everything(name, trained):
    """Every variable and random state is the same, and so is the next `fit`."""
    plain, swept = rich(OPTIMIZERS[name]()), rich(OPTIMIZERS[name]())
    if trained:
        for model in (plain, swept):
            set_seeds(5)
            kerasnn.fit(model, X, Y, verbose=0)
    set_seeds(7)
    optimizer, rate = swept.optimizer, float(swept.optimizer.learning_rate)
    before = {v.path: v.numpy() for v in [*swept.variables, *optimizer.variables]}
    states = random.getstate(), np.random.get_state()[1].tolist()
    for _ in range(2):
        sweep = kerasnn.lr_find(swept, X, Y, **QUICK | {"high": 100.0})
    assert len(set(sweep.losses)) > 2
    assert swept.optimizer is optimizer
    assert float(optimizer.learning_rate) == rate
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    for variable in [*swept.variables, *optimizer.variables]:
        if variable.path in before:
            np.testing.assert_array_equal(variable.numpy(), before[variable.path], variable.path)
    assert swept.layers[0].adapted == trained

    set_seeds(7)
    wanted, reference = learned(plain)
    set_seeds(7)
    got, history = learned(swept)
    assert history == reference
    for ours, theirs in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_excluded_from_weight_decay_stay_excluded():
    """All of it: then the sweep is that without weight decay."""
    losses = []
    for decay in (0.0, 5.0):
        optimizer = optimizers.SGD(0.1, weight_decay=decay)
        model = classifier(optimizer)
        optimizer.exclude_from_weight_decay(var_list=model.trainable_variables)
        losses.append(kerasnn.lr_find(model, X, Y, **QUICK).losses)
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.slow
def test_a_second_sweep_is_the_first():
    model = rich("adam")
    one, two = (kerasnn.lr_find(model, X, Y, **QUICK) for _ in range(2))
    np.testing.assert_array_equal(one.losses, two.losses)


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_seed_that_no_layer_owns(eagerly):
    """Keras's generator of seeds for all who name none is given back as well."""

    class Noise(keras.layers.Layer):
        def call(self, x):
            return x + keras.random.normal(keras.ops.shape(x))

    drawn = []
    for sweeps in (0, 1):
        model = classifier("adam", hidden=lambda: [Noise()], run_eagerly=eagerly)
        set_seeds(3)
        keras.random.normal((1,))
        for _ in range(sweeps):
            kerasnn.lr_find(model, X, Y, **QUICK | {"high": 100.0})
        history = kerasnn.fit(model, X, Y, verbose=0).history
        drawn.append((float(keras.random.normal((1,))[0]), history))
    assert drawn[0] == drawn[1]


def test_a_sweep_that_ends_too_early_says_so():
    """A line that is to be learned: its loss falls at each rate up to 0.1."""
    x = np.linspace(-1, 1, 32, dtype="float32")[:, None]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    with pytest.warns(UserWarning, match=r"not risen by the last rate, high=0\.1, .* high=1\."):
        sweep = kerasnn.lr_find(model, x, 3 * x + 1, 32, high=0.1, steps=20)
    assert sweep.suggestion == pytest.approx(0.01)


def test_the_rates_are_those_that_were_trained_with():
    """One step of plain gradient descent after the other, worked out by hand."""
    x = np.ones((4, 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[1.0]], "float32")])
    model.compile(keras.optimizers.SGD(123.0), loss="mse")
    with pytest.warns(UserWarning, match="The loss has not risen by the last rate"):
        sweep = kerasnn.lr_find(model, x, 0 * x, low=0.01, high=0.2, steps=10)
    np.testing.assert_allclose(sweep.learning_rates, np.geomspace(0.01, 0.2, 10), rtol=1e-6)
    weight, losses = 1.0, []
    for rate in sweep.learning_rates:
        losses.append(weight**2)
        weight -= rate * 2 * weight
    np.testing.assert_allclose(sweep.losses, losses, rtol=1e-4)


def test_the_suggestion_trains_digits():
    """A hundredth of it is too low for 5 epochs, a hundred times it too high."""
    split = data.load("digits")
    x, held = (part.reshape(len(part), -1) for part in (split.x_train, split.x_test))
    model = models.mlp(64, 10, task="multiclass", seed=0)
    suggestion = kerasnn.lr_find(model, x, split.y_train).suggestion
    model.optimizer.build(model.trainable_variables)
    start = [(v, v.numpy()) for v in [*model.variables, *model.optimizer.variables]]
    accuracy = {}
    for factor in (1, 0.01, 100):
        for variable, value in start:
            variable.assign(value)
        model.optimizer.learning_rate = factor * suggestion
        try:
            kerasnn.fit(model, x, split.y_train, epochs=5, verbose=0)
            accuracy[factor] = model.evaluate(held, split.y_test, verbose=0)[1]
        except FloatingPointError:
            accuracy[factor] = 0.0
    assert accuracy[1] >= 0.8, accuracy
    assert accuracy[0.01] < 0.8, accuracy
    assert accuracy[100] < 0.8, accuracy


def stream(**arguments):
    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    return rows.shuffle(len(X), seed=1, **arguments).batch(10, drop_remainder=True)


def test_a_dataset_keeps_its_place_in_the_order():
    """Each reading shuffles anew; the sweep's are not counted."""
    read, untouched = stream(), stream()
    model = classifier("adam")
    sweep = kerasnn.lr_find(model, read, **QUICK)
    assert len(sweep.losses) == QUICK["steps"]
    for _ in range(2):
        for (ours, _), (wanted, _) in zip(read, untouched, strict=True):
            np.testing.assert_array_equal(ours, wanted)


class Pairs(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[index * 10 : (index + 1) * 10], Y[index * 10 : (index + 1) * 10]


def test_other_streams(invalid):
    sweep = kerasnn.lr_find(classifier("adam"), Pairs(), **QUICK)
    assert len(sweep.losses) == QUICK["steps"]
    endless = stream().repeat()
    sweep = kerasnn.lr_find(classifier("adam"), endless, steps_per_epoch=4, **QUICK)
    assert len(sweep.losses) == QUICK["steps"]
    with invalid("x"):
        kerasnn.lr_find(classifier("adam"), (batch for batch in Pairs()), steps_per_epoch=3)


def test_weights_of_classes_and_rows_count():
    model = classifier("sgd")
    plain = kerasnn.lr_find(model, X, Y, **QUICK).losses[0]
    doubled = kerasnn.lr_find(model, X, Y, class_weight={0: 2, 1: 2, 2: 2}, **QUICK).losses[0]
    tripled = kerasnn.lr_find(model, X, Y, sample_weight=np.full(len(X), 3.0), **QUICK).losses[0]
    np.testing.assert_allclose([doubled, tripled], [2 * plain, 3 * plain], rtol=1e-5)


def test_a_model_that_runs_eagerly():
    model = classifier("sgd", run_eagerly=True)
    before = model.get_weights()
    sweep = kerasnn.lr_find(model, X, Y, **QUICK)
    np.testing.assert_allclose(
        sweep.losses, kerasnn.lr_find(classifier("sgd"), X, Y, **QUICK).losses, rtol=1e-4
    )
    for ours, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_it_ends_where_the_loss_diverges():
    """And a loss that becomes NaN is no part of what is found."""
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    y = X.sum(axis=1)
    sweep = kerasnn.lr_find(model, X, y, high=1e9, steps=60)
    assert len(sweep.losses) < 60
    assert np.isfinite(sweep.losses).all()
    assert 1e-3 < sweep.suggestion < 1
    sudden = keras.optimizers.SGD(1.0)
    model.compile(sudden, loss=lambda y, p: keras.ops.where(keras.ops.abs(p) > 9, np.nan, p - 9))
    sweep = kerasnn.lr_find(model, X, y, high=1e9, steps=60)
    assert len(sweep.losses) < 60
    assert np.isfinite(sweep.losses).all()


SMOOTHED = np.array([9, 8.9, 8, 5, 3, 2.5, 2, 4, 20.0])
SWEEP = RateSweep(np.geomspace(1e-4, 1e4, 9), SMOOTHED + 0.1, SMOOTHED)


@pytest.mark.parametrize(
    ("method", "wanted"), [("minimum", 10.0), ("steep", 1e-1), ("valley", 1e-1)]
)
def test_how_the_suggestion_is_chosen(method, wanted):
    sweep = dataclasses.replace(SWEEP, method=method)
    np.testing.assert_allclose(sweep.suggestion, wanted)


def test_the_plot_marks_it():
    ax = Figure().add_subplot()
    assert SWEEP.plot(ax=ax) is ax
    assert ax.get_xscale() == "log"
    marks = [line for line in ax.lines if line.get_label() == "suggestion: 10"]
    assert [list(np.asarray(line.get_xdata())) for line in marks] == [[10.0, 10.0]]
    assert isinstance(SWEEP.plot(), Axes)


def test_a_loss_that_never_falls():
    sweep = dataclasses.replace(SWEEP, smoothed=SMOOTHED[::-1].cumsum())
    with pytest.raises(ValueError, match="No learning rate can be suggested"):
        _ = sweep.suggestion
    assert len(sweep.plot().lines) == 2


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"low": 0}, "low"),
        ({"low": 1, "high": 0.1}, "high"),
        ({"steps": 3}, "steps"),
        ({"smoothing": 1}, "smoothing"),
        ({"divergence": 1}, "divergence"),
        ({"method": "minimun"}, "method"),
        ({"seed": -1}, "seed"),
        ({"high": 10**60}, "high"),
        ({"steps": 10**60}, "steps"),
        ({"y": {}}, "y"),
        ({"sample_weight": {}}, "sample_weight"),
        ({"batch_size": tf.constant(4)}, "batch_size"),
    ],
)
def test_invalid_arguments(refuses, arguments, argument):
    model = classifier()
    with refuses(model, argument=argument):
        kerasnn.lr_find(**{"model": model, "x": X, "y": Y, **arguments})


def test_an_object_that_is_no_model(invalid):
    for model in (None, "mlp"):
        with invalid("model"):
            kerasnn.lr_find(model, X, Y)


class Nothing(keras.utils.PyDataset):
    def __len__(self):
        return 0

    def __getitem__(self, index):
        raise IndexError(index)


@pytest.mark.parametrize(
    "empty", [Nothing, lambda: stream().filter(lambda x, y: False)], ids=["sequence", "filter"]
)
def test_streams_without_a_batch(refuses, empty):
    model = classifier()
    with refuses(model, argument="x"):
        kerasnn.lr_find(model, empty())


@pytest.mark.parametrize(
    ("values", "argument"),
    [
        ((np.full_like(X, np.nan), Y), "x"),
        (X, "y"),
    ],
    ids=["nan", "no targets"],
)
def test_values_of_streams_are_checked(refuses, values, argument):
    model = classifier()
    with refuses(model, argument=argument):
        kerasnn.lr_find(model, tf.data.Dataset.from_tensor_slices(values).batch(8))


def test_data_is_checked(refuses):
    model = classifier()
    with refuses(model, argument="x"):
        kerasnn.lr_find(model, np.full_like(X, np.nan), Y)
    with refuses(model, argument="class_weight"):
        kerasnn.lr_find(model, stream(), class_weight={0: 1, 1: 1, 2: 1})


def test_nothing_learned_is_told_and_the_suggestion_is_inside_of_the_sweep():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 3)), rng.integers(0, 2, 400)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", loss="binary_crossentropy")
    sweep = kerasnn.lr_find(model, x, y, 32, high=1000.0)
    assert "maybe by chance" in repr(sweep)
    losses = np.array([1.0, 0.4, 0.9, 2.0])
    for method in ("minimum", "steep", "valley"):
        rates = np.array([0.1, 0.2, 0.3, 0.4])
        found = RateSweep(rates, losses, losses, method)
        assert 0.1 <= found.suggestion <= 0.4
