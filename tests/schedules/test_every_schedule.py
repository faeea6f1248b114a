"""Promises of every schedule: values, configuration, compilation, plot, refusals."""

import fractions
import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import kerasnn
from kerasnn import schedules

STEPS = 12
CASES = {
    "Step": lambda: schedules.Step(0.8, drop=0.5, every=5),
    "Exponential": lambda: schedules.Exponential(0.8, rate=0.9, every=2),
    "InverseTime": lambda: schedules.InverseTime(0.8, rate=0.3, every=2),
    "Polynomial": lambda: schedules.Polynomial(0.8, 0.1, steps=9, power=2.0),
    "Cosine": lambda: schedules.Cosine(0.8, 0.1, steps=11, warmup_steps=3, restarts=1),
    "CosineLog": lambda: schedules.CosineLog(0.8, steps=11, cycles=3),
    "OneCycle": lambda: schedules.OneCycle(0.8, steps=11, pct_start=0.4),
}


def test_the_table_is_complete():
    public = {name for name, value in vars(schedules).items() if inspect.isclass(value)}
    assert set(CASES) == public


@pytest.mark.parametrize("name", CASES)
def test_values_are_the_rates_of_an_optimizer(name):
    schedule = CASES[name]()
    optimizer = keras.optimizers.SGD(schedule)
    weight = keras.Variable([0.0])
    optimizer.build([weight])
    seen = []
    for _ in range(STEPS):
        seen.append(float(optimizer.learning_rate))
        optimizer.apply([tf.constant([0.0])])
    np.testing.assert_allclose(schedule.values(STEPS), seen, rtol=1e-6)
    np.testing.assert_allclose(schedule.values([3, 7]), schedule.values(STEPS)[[3, 7]], rtol=1e-6)
    assert schedule.values(STEPS).dtype == "float32"
    assert (schedule.values(STEPS) >= 0).all()


@pytest.mark.parametrize("name", CASES)
def test_configuration(name):
    schedule = CASES[name]()
    config = keras.saving.serialize_keras_object(schedule)
    assert config["registered_name"] == f"kerasnn>{name}"
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert type(again) is type(schedule)
    np.testing.assert_array_equal(again.values(STEPS), schedule.values(STEPS))
    arguments = inspect.signature(type(schedule)).parameters
    assert list(schedule.get_config()) == list(arguments)
    with pytest.raises(TypeError, match="no argument `setps`"):
        type(schedule)(0.1, setps=3)


def test_integer_steps_under_xla():
    made = [make() for make in CASES.values()]
    compiled = tf.function(lambda step: [rate(step) for rate in made], jit_compile=True)
    got = np.array([compiled(tf.constant(i, tf.int64)) for i in range(STEPS)])
    wanted = np.stack([rate.values(STEPS) for rate in made], axis=1)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_the_plot_draws_the_values(name):
    schedule = CASES[name]()
    ax = schedule.plot()
    assert isinstance(ax, Axes)
    drawn = np.asarray(ax.lines[0].get_ydata(), "float64")
    assert len(drawn) == getattr(schedule, "steps", 100)
    np.testing.assert_allclose(drawn, schedule.values(len(drawn)))
    own = Figure().add_subplot()
    assert schedule.plot(7, ax=own) is own
    assert len(np.asarray(own.lines[0].get_ydata())) == 7


def test_a_model_with_a_schedule_is_saved(tmp_path):
    model = kerasnn.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(CASES["Cosine"]()), loss="mse")
    model.fit([[1.0]], [1.0], epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.optimizer.learning_rate, CASES["Cosine"]().values(3)[2])


ONE = {"initial": 1}
CYCLE = {"max_lr": 1, "steps": 9}


@pytest.mark.parametrize(
    ("name", "arguments", "argument"),
    [
        ("Step", {"initial": 0}, "initial"),
        ("Step", ONE | {"drop": 1.5}, "drop"),
        ("Step", ONE | {"every": 0}, "every"),
        ("Step", {"initial": 1e300}, "initial"),
        ("Exponential", ONE | {"rate": 2}, "rate"),
        ("Exponential", ONE | {"rate": fractions.Fraction(1, 2)}, "rate"),
        ("InverseTime", ONE | {"rate": -1}, "rate"),
        ("InverseTime", ONE | {"rate": 1e300}, "rate"),
        ("Polynomial", ONE | {"final": -1, "steps": 3}, "final"),
        ("Polynomial", ONE | {"final": 1e300, "steps": 3}, "final"),
        ("Polynomial", ONE | {"final": 0, "steps": 3, "power": 0}, "power"),
        ("Cosine", ONE | {"steps": 3, "warmup_steps": 3}, "warmup_steps"),
        ("Cosine", ONE | {"steps": 3, "restarts": -1}, "restarts"),
        ("Cosine", ONE | {"steps": 5, "warmup_steps": 2, "restarts": 3}, "restarts"),
        ("Cosine", {"initial": 0.1, "final": 0.2, "steps": 3}, "final"),
        ("CosineLog", CYCLE | {"max_lr": 0}, "max_lr"),
        ("CosineLog", CYCLE | {"steps": 0}, "steps"),
        ("CosineLog", CYCLE | {"cycles": 21}, "cycles"),
        ("OneCycle", CYCLE | {"max_lr": 0}, "max_lr"),
        ("OneCycle", CYCLE | {"pct_start": 0.6}, "pct_start"),
        ("OneCycle", CYCLE | {"initial": 1}, "initial"),
        ("OneCycle", CYCLE | {"steps": 10**60}, "steps"),
        ("OneCycle", CYCLE | {"momentum": 0.9}, "momentum"),
    ],
)
def test_arguments_that_are_refused(name, arguments, argument, invalid):
    with invalid(argument, value=arguments[argument]):
        getattr(schedules, name)(**arguments)


def test_momentum_that_rises(invalid):
    with invalid("momentum[1]", value=0.9):
        schedules.OneCycle(1, steps=9, momentum=(0.8, 0.9))


@pytest.mark.parametrize(
    "steps", [[], [-1], ["a"], [np.nan], [True], [np.inf], [2**63], [10**60], [[1], [1, 2]], 10**60]
)
def test_steps_that_are_refused(steps, invalid):
    with invalid("steps", value=steps):
        CASES["Step"]().values(steps)


@pytest.mark.parametrize("steps", [0, "", [3], 2.5])
def test_numbers_of_steps_that_are_refused(steps, invalid):
    with invalid("steps", value=steps):
        CASES["Step"]().plot(steps)
