"""SGD beyond torch's: Keras's options, the L1 step, schedules, engines and refusals."""

import fractions
import inspect
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso

import kerasnn
from kerasnn import optimizers, schedules
from kerasnn.optimizers import SGD
from tests.helpers.engine_cases import X, Y, assert_close, classifier, train_both

# Each public optimizer, with other values than the defaults for its own arguments.
CASES = {
    "SGD": lambda: SGD(0.05, momentum=0.8, dampening=0.2, weight_decay=0.01, l1=1e-3),
    "AdamW": lambda: optimizers.AdamW(0.05, weight_decay=0.1, decay_factors={"kernel": 2.0}),
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
def test_saved_and_loaded(name, tmp_path):
    """A loaded model continues training as the saved one does."""
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
        {"clipnorm": 0.05, "use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
        {"clipvalue": 0.01, "gradient_accumulation_steps": 2},
        {"global_clipnorm": 0.05, "nesterov": True, "loss_scale_factor": 8.0},
    ],
    ids=str,
)
def test_keras_own_options(arguments):
    """At a constant rate Keras's momentum equals torch's, so that Keras's SGD is the oracle."""
    ours = classifier(SGD(0.1, momentum=0.9, **arguments))
    theirs = classifier(keras.optimizers.SGD(0.1, momentum=0.9, **arguments))
    for model in (ours, theirs):
        kerasnn.fit(model, X, Y, engine="graph", epochs=4, shuffle=False, verbose=0)
    assert_close(ours.get_weights(), theirs.get_weights())


def test_accumulated_gradients_are_one_step():
    """The first gradient in the buffer is that of the first step, not of the first batch."""
    arguments = {"momentum": 0.9, "dampening": 0.4, "weight_decay": 0.05}
    whole = classifier(SGD(0.1, **arguments))
    halves = classifier(SGD(0.1, gradient_accumulation_steps=2, **arguments))
    for model, size in ((whole, "full"), (halves, 35)):
        kerasnn.fit(
            model, X, Y, engine="graph", batch_size=size, epochs=5, shuffle=False, verbose=0
        )
    assert_close(halves.get_weights(), whole.get_weights())


def test_a_schedule():
    schedule = schedules.Exponential(0.2, rate=0.8)
    ours, theirs = classifier(SGD(schedule)), classifier(keras.optimizers.SGD(schedule))
    for model in (ours, theirs):
        kerasnn.fit(model, X, Y, epochs=2, shuffle=False, verbose=0)
    assert_close(ours.get_weights(), theirs.get_weights())


def stepped(optimizer, gradients, start=1.0, name="kernel"):
    """Returns the value of one weight after each gradient."""
    weight = keras.Variable([start], name=name)
    values = []
    for gradient in gradients:
        optimizer.apply([tf.constant([gradient])], [weight])
        values.append(float(weight.numpy()[0]))
    return values


def test_momentum_follows_one_cycle():
    cycle = schedules.OneCycle(0.5, steps=9, pct_start=0.5, initial=0.1, momentum=(0.9, 0.5))
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


def test_the_l1_step_is_on_kernels_only():
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
        (0.1, {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_l1_gives_the_weights_of_the_lasso(alpha, arguments):
    """The mean squared error is twice the Lasso's, so that twice its alpha is equivalent."""
    x, y = load_diabetes(return_X_y=True)
    x, y = x / x.std(axis=0), (y - y.mean()) / y.std()
    lasso = Lasso(alpha=alpha, tol=1e-10, max_iter=100_000).fit(x, y)
    model = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(1)])
    model.compile(SGD(0.1, l1=2 * alpha, **arguments), loss="mse")
    kerasnn.fit(model, x, y, engine="graph", batch_size="full", epochs=1500, verbose=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], lasso.coef_, rtol=0, atol=1e-3)
    np.testing.assert_allclose(bias, lasso.intercept_, rtol=0, atol=1e-3)
    np.testing.assert_array_equal(kernel[:, 0] == 0, lasso.coef_ == 0)
    assert 0 < (lasso.coef_ == 0).sum() < x.shape[1]


def test_numpy_scalars_equal_python_numbers():
    """A NumPy float64 would promote the weights that it is multiplied with."""
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


def test_sparse_gradients_with_repeated_rows():
    """They act as dense gradients: both rows count, and absent rows decay too."""
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
def test_the_sum_of_repeated_rows_is_clipped(arguments, moved):
    """Keras's own SGD clips each of the four rows, which gives 2 and more."""
    weight = keras.Variable([[0.0], [0.0], [0.0]])
    rows = tf.IndexedSlices(tf.ones((4, 1)), tf.constant([0] * 4), tf.constant([3, 1]))
    optimizer = SGD(1.0, **arguments)
    for _ in range(arguments.get("gradient_accumulation_steps", 1)):
        optimizer.apply([rows], [weight])
    np.testing.assert_allclose(weight.numpy(), [[moved], [0], [0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"learning_rate": -1}, "learning_rate"),
        ({"learning_rate": "high"}, "learning_rate"),
        ({"learning_rate": 1e300}, "learning_rate"),
        ({"momentum": -0.1}, "momentum"),
        ({"momentum": fractions.Fraction(1, 2)}, "momentum"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"dampening": math.nan}, "dampening"),
        ({"l1": -1}, "l1"),
        ({"nesterov": 1}, "nesterov"),
        ({"maximize": None}, "maximize"),
        ({"use_ema": "yes"}, "use_ema"),
        ({"ema_momentum": 2}, "ema_momentum"),
        ({"clipnorm": "abc"}, "clipnorm"),
        ({"clipvalue": -1}, "clipvalue"),
        ({"global_clipnorm": math.nan}, "global_clipnorm"),
        ({"loss_scale_factor": 0}, "loss_scale_factor"),
        ({"ema_overwrite_frequency": 0.5}, "ema_overwrite_frequency"),
        ({"gradient_accumulation_steps": "two"}, "gradient_accumulation_steps"),
        ({"gradient_accumulation_steps": 10**60}, "gradient_accumulation_steps"),
        ({"nesterov": True}, "nesterov"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov"),
    ],
)
def test_arguments_that_are_refused(arguments, argument, invalid):
    with invalid(argument, value=arguments[argument]):
        SGD(**arguments)


@pytest.mark.parametrize("rate", [-1, math.nan, math.inf, "abc", None, [0.1]])
def test_rates_that_cannot_be_set(rate, invalid):
    optimizer = SGD(0.1)
    with invalid("learning_rate"):
        optimizer.learning_rate = rate
    assert float(optimizer.learning_rate) == np.float32(0.1)


@pytest.mark.parametrize("rate", [np.float32(0.5), np.array(0.5), tf.constant(0.5), 0.5])
def test_rates_that_can_be_set(rate):
    optimizer = SGD(0.1)
    optimizer.learning_rate = rate
    assert float(optimizer.learning_rate) == 0.5


def test_unknown_and_positional_arguments():
    with pytest.raises(TypeError, match="Did you mean `learning_rate`"):
        SGD(lr=0.1)
    with pytest.raises(TypeError, match="by name: `momentum=`"):
        SGD(0.1, 0.9)
