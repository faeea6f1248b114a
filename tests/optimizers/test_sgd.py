"""What torch's SGD has not: Keras's own options, the L1 step, schedules and every engine."""

import fractions
import inspect
import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from engine_cases import X, Y, assert_close, classifier, train_both
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso

import kerasnn
from kerasnn import optimizers, schedules
from kerasnn.optimizers import SGD

# How to build each public optimizer, with every argument of its own away from its default.
CASES = {
    "SGD": lambda: SGD(0.05, momentum=0.8, dampening=0.2, weight_decay=0.01, l1=1e-3),
}


def test_the_table_is_complete():
    assert set(CASES) == {
        name for name, value in vars(optimizers).items() if inspect.isclass(value)
    }


@pytest.mark.parametrize("engine", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CASES)
def test_every_engine_takes_the_same_steps(name, engine):
    train_both(lambda: classifier(CASES[name]()), X, Y, engine=engine)


@pytest.mark.parametrize("name", CASES)
def test_it_goes_through_a_file(name, tmp_path):
    """A model that was saved between two fits goes on as the one that was not."""
    model = classifier(CASES[name]())
    kerasnn.fit(model, X, Y, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, loaded):
        kerasnn.fit(each, X, Y, epochs=2, shuffle=False, verbose=0)
    assert_close(loaded.get_weights(), model.get_weights(), tolerance=0)
    pairs = zip(loaded.optimizer.variables, model.optimizer.variables, strict=True)
    for ours, wanted in pairs:
        np.testing.assert_array_equal(ours.numpy(), wanted.numpy(), err_msg=ours.path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"clipnorm": 0.05},
        {"clipvalue": 0.01},
        {"global_clipnorm": 0.05, "nesterov": True},
        {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
        {"gradient_accumulation_steps": 2},
        {"loss_scale_factor": 8.0},
    ],
    ids=str,
)
def test_keras_own_options(arguments):
    """At a constant rate Keras's momentum is torch's, so that Keras's SGD is the oracle."""
    ours = classifier(SGD(0.1, momentum=0.9, **arguments))
    theirs = classifier(keras.optimizers.SGD(0.1, momentum=0.9, **arguments))
    plan = {"epochs": 4, "shuffle": False, "verbose": 0}
    kerasnn.fit(ours, X, Y, engine="graph", **plan)
    kerasnn.fit(theirs, X, Y, engine="graph", **plan)
    assert_close(ours.get_weights(), theirs.get_weights())


def test_accumulated_gradients_are_one_step():
    """The first gradient of the buffer is that of the first step, not of the first batch."""
    arguments = {"momentum": 0.9, "dampening": 0.4, "weight_decay": 0.05}
    whole = classifier(SGD(0.1, **arguments))
    halves = classifier(SGD(0.1, gradient_accumulation_steps=2, **arguments))
    plan = {"epochs": 5, "shuffle": False, "verbose": 0}
    kerasnn.fit(whole, X, Y, batch_size="full", **plan)
    kerasnn.fit(halves, X, Y, batch_size=35, **plan)
    assert_close(halves.get_weights(), whole.get_weights())


def test_a_schedule():
    schedule = schedules.Exponential(0.2, rate=0.8)
    ours, theirs = classifier(SGD(schedule)), classifier(keras.optimizers.SGD(schedule))
    for model in (ours, theirs):
        kerasnn.fit(model, X, Y, epochs=2, shuffle=False, verbose=0)
    assert_close(ours.get_weights(), theirs.get_weights())


def stepped(optimizer, gradients, start=1.0, name="kernel"):
    """The value of one weight after each gradient."""
    weight = keras.Variable([start], name=name)
    values = []
    for gradient in gradients:
        optimizer.apply([tf.constant([gradient])], [weight])
        values.append(float(weight.numpy()[0]))
    return values


def test_momentum_follows_one_cycle():
    cycle = schedules.OneCycle(0.5, steps=9, rise=0.5, initial=0.1, momentum=(0.9, 0.5))
    gradients = np.random.default_rng(0).normal(size=9).astype("float32")
    for optimizer in (SGD(cycle, momentum=0.7), SGD(0.3, momentum=0.7)):
        optimizer.learning_rate = cycle
        weight, buffer, wanted = 1.0, 0.0, []
        for rate, gradient in zip(cycle.values(9), gradients, strict=True):
            buffer = min(0.9, 1.0 - rate) * buffer + gradient
            weight -= rate * buffer
            wanted.append(weight)
        np.testing.assert_allclose(stepped(optimizer, gradients), wanted, rtol=1e-5)
    assert stepped(SGD(cycle), gradients) == stepped(keras.optimizers.SGD(cycle), gradients)


def test_the_rate_can_be_set_again_after_a_cycle():
    optimizer = SGD(schedules.OneCycle(0.5, steps=9), momentum=0.5)
    optimizer.learning_rate = schedules.Step(0.1)
    np.testing.assert_allclose(stepped(optimizer, [1.0, 1.0]), [0.9, 0.75], rtol=1e-6)


def test_the_l1_step_by_hand():
    """w - r g, then r l1 nearer to 0, and 0 where that would cross it."""
    got = stepped(SGD(0.1, l1=2.0), [0.0, 5.0, -0.5, -5.0])
    np.testing.assert_allclose(got, [0.8, 0.1, 0.0, 0.3], atol=1e-6)
    assert got[2] == 0
    assert stepped(SGD(0.1, l1=2.0), [0.0], name="bias") == [1.0]


def test_the_l1_step_spares_all_but_kernels():
    layers = [keras.layers.Dense(6), keras.layers.BatchNormalization(), keras.layers.ReLU()]
    model = classifier(SGD(1.0, l1=10.0), hidden=lambda: layers)
    kerasnn.fit(model, X, Y, epochs=2, verbose=0)
    for layer in (model.layers[0], model.layers[-1]):
        assert (layer.kernel.numpy() == 0).all()
    assert (model.layers[1].gamma.numpy() != 0).all()
    assert (model.layers[-1].bias.numpy() != 0).all()


@pytest.mark.parametrize(
    ("alpha", "arguments"),
    [
        (0.02, {"momentum": 0.9}),
        (0.1, {}),
        (0.1, {"momentum": 0.9, "nesterov": True}),
        (0.3, {"momentum": 0.5}),
    ],
)
def test_l1_is_the_lasso(alpha, arguments):
    """The mean squared error is twice Lasso's, so twice its strength is the same problem."""
    x, y = load_diabetes(return_X_y=True)
    x, y = x / x.std(axis=0), (y - y.mean()) / y.std()
    lasso = Lasso(alpha=alpha, tol=1e-10, max_iter=100_000).fit(x, y)
    model = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(1)])
    model.compile(SGD(0.1, l1=2 * alpha, **arguments), loss="mse")
    kerasnn.fit(model, x, y, batch_size="full", epochs=1500, verbose=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], lasso.coef_, rtol=0, atol=1e-3)
    np.testing.assert_allclose(bias, lasso.intercept_, rtol=0, atol=1e-3)
    np.testing.assert_array_equal(kernel[:, 0] == 0, lasso.coef_ == 0)
    assert 0 < (lasso.coef_ == 0).sum() < x.shape[1]


def test_numbers_of_numpy_are_as_those_of_python():
    """A float64 of NumPy would make float64 of what it is multiplied by."""
    momentum, steps = np.float64(0.9), np.int64(2)
    numbers = {"momentum": momentum, "dampening": np.float64(0.5), "l1": np.float64(0.01)}
    numbers["weight_decay"] = np.float64(0.1)
    optimizers = [
        SGD(0.1, **numbers, use_ema=True, ema_overwrite_frequency=steps),
        SGD(
            0.1,
            **{name: float(number) for name, number in numbers.items()},
            use_ema=True,
            ema_overwrite_frequency=2,
        ),
    ]
    models = [classifier(optimizer) for optimizer in optimizers]
    for model in models:
        kerasnn.fit(model, X, Y, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert optimizers[0].get_config() | {"name": ""} == optimizers[1].get_config() | {"name": ""}


def test_excluded_from_weight_decay():
    optimizer = SGD(0.1, weight_decay=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert stepped(optimizer, [0.0], name="bias") == [1.0]
    other = SGD(0.1, weight_decay=1.0)
    other.exclude_from_weight_decay(var_names=["bias"])
    np.testing.assert_allclose(stepped(other, [0.0]), [0.9])


def test_rows_of_an_embedding_that_come_twice():
    """As a dense gradient: each of the two counts, and rows that do not come decay too."""
    weight = keras.Variable([[1.0], [1.0]])
    rows = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([0, 0]), tf.constant([2, 1]))
    SGD(0.1, momentum=0.9, weight_decay=0.5).apply([rows], [weight])
    np.testing.assert_allclose(weight.numpy(), [[0.65], [0.95]])


@pytest.mark.parametrize(
    ("arguments", "moved"),
    [
        ({"clipnorm": 1}, -1.0),
        ({"clipvalue": 0.5}, -0.5),
        ({"global_clipnorm": 1}, -1.0),
        ({"clipvalue": 0.5, "loss_scale_factor": 2.0}, -0.5),
        ({"gradient_accumulation_steps": 2}, -4.0),
        ({"gradient_accumulation_steps": 2, "clipnorm": 1}, -1.0),
    ],
    ids=str,
)
def test_rows_of_an_embedding_that_come_twice_are_clipped_together(arguments, moved):
    """Keras's own SGD clips each of the four, which move the row by 2 and more."""
    weight = keras.Variable([[0.0], [0.0], [0.0]])
    rows = tf.IndexedSlices(tf.ones((4, 1)), tf.constant([0] * 4), tf.constant([3, 1]))
    optimizer = SGD(1.0, **arguments)
    for _ in range(arguments.get("gradient_accumulation_steps", 1)):
        optimizer.apply([rows], [weight])
    np.testing.assert_allclose(weight.numpy(), [[moved], [0], [0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": -1}, "`learning_rate` must be a finite number at least 0; got"),
        ({"learning_rate": "high"}, "`learning_rate` must be a finite number at least 0; got"),
        ({"momentum": -0.1}, "`momentum` must be a finite number at least 0; got momentum=-0.1."),
        ({"weight_decay": -1}, "`weight_decay` must be a finite number at least 0; got"),
        ({"dampening": math.nan}, "`dampening` must be a finite number; got dampening=nan."),
        (
            {"learning_rate": 1e300},
            "`learning_rate` must fit into float32, at most 3.4e38; got lea",
        ),
        (
            {"momentum": fractions.Fraction(1, 2)},
            "got momentum=Fraction(1, 2). Give it as a float.",
        ),
        (
            {"gradient_accumulation_steps": 10**60},
            "`gradient_accumulation_steps` must fit into int64, below 2**63; got",
        ),
        ({"l1": -1}, "`l1` must be a finite number at least 0; got l1=-1."),
        ({"nesterov": 1}, "`nesterov` must be True or False; got nesterov=1."),
        ({"use_ema": "yes"}, "`use_ema` must be True or False; got use_ema='yes'."),
        ({"ema_momentum": 2}, "`ema_momentum` must be a finite number at least 0 and at most 1; g"),
        ({"clipnorm": "abc"}, "`clipnorm` must be a finite number above 0; got clipnorm='abc'. To"),
        ({"clipvalue": -1}, "`clipvalue` must be a finite number above 0; got clipvalue=-1."),
        ({"global_clipnorm": math.nan}, "`global_clipnorm` must be a finite number above 0; got"),
        ({"loss_scale_factor": 0}, "`loss_scale_factor` must be a finite number above 0; got"),
        (
            {"ema_overwrite_frequency": 0.5},
            "`ema_overwrite_frequency` must be a whole number of at least 1; got",
        ),
        (
            {"gradient_accumulation_steps": "two"},
            "`gradient_accumulation_steps` must be a whole number of at least 2; got",
        ),
        (
            {"nesterov": True},
            "`nesterov=True` must go with momentum above 0 and dampening 0; got momentum=0.0 and "
            "dampening=0.0.",
        ),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            "got momentum=0.9 and dampening=0.1. Nesterov's step looks ahead along the momentum: "
            "give momentum=0.9, or leave `nesterov` out.",
        ),
    ],
)
def test_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SGD(**arguments)


@pytest.mark.parametrize("rate", [-1, math.nan, math.inf, "abc", None, np.float32(-1), [0.1]])
def test_a_rate_that_cannot_be_set(rate):
    optimizer = SGD(0.1)
    with pytest.raises(ValueError, match="`learning_rate` must be a finite number at least 0"):
        optimizer.learning_rate = rate
    assert float(optimizer.learning_rate) == np.float32(0.1)


@pytest.mark.parametrize("rate", [np.float32(0.5), np.array(0.5), tf.constant(0.5), 0.5])
def test_a_rate_that_can_be_set(rate):
    optimizer = SGD(0.1)
    optimizer.learning_rate = rate
    assert float(optimizer.learning_rate) == 0.5


def test_lr_is_answered():
    message = "`SGD` has no argument `lr`. Did you mean `learning_rate`?"
    with pytest.raises(TypeError, match=re.escape(message)):
        SGD(lr=0.1)


def test_momentum_has_to_be_named():
    message = "`SGD` takes its argument `momentum` by name only: give `momentum=`."
    with pytest.raises(TypeError, match=re.escape(message)):
        SGD(0.1, 0.9)
