"""What every schedule promises: it is a Keras schedule, can be seen, saved and compiled."""

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
    "OneCycle": lambda: schedules.OneCycle(0.8, steps=11, rise=0.4),
}


def test_the_table_is_complete():
    public = {name for name, value in vars(schedules).items() if inspect.isclass(value)}
    assert set(CASES) == public


@pytest.mark.parametrize("name", CASES)
def test_values_are_what_an_optimizer_sees(name):
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
def test_every_argument_is_kept_and_configures(name):
    schedule = CASES[name]()
    config = keras.saving.serialize_keras_object(schedule)
    assert config["registered_name"] == f"kerasnn>{name}"
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert type(again) is type(schedule)
    np.testing.assert_array_equal(again.values(STEPS), schedule.values(STEPS))
    arguments = inspect.signature(type(schedule)).parameters
    assert list(schedule.get_config()) == list(arguments)
    with pytest.raises(TypeError, match=rf"`{name}` has no argument `setps`\."):
        type(schedule)(0.1, setps=3)


@pytest.mark.parametrize("name", CASES)
def test_a_whole_number_tensor_and_xla(name):
    schedule = CASES[name]()
    compiled = tf.function(schedule, jit_compile=True)
    got = [float(compiled(tf.constant(i, tf.int64))) for i in range(STEPS)]
    np.testing.assert_allclose(got, schedule.values(STEPS), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_it_can_be_seen(name):
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


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Step", {"initial": 0}, "`initial` must be a finite number above 0; got initial=0."),
        ("Step", {"initial": 1, "drop": 1.5}, "`drop` must be a finite number above 0 and at most"),
        ("Step", {"initial": 1, "every": 0}, "`every` must be a whole number of at least 1"),
        ("Exponential", {"initial": 1, "rate": 2}, "`rate` must be a finite number above 0"),
        ("InverseTime", {"initial": 1, "rate": -1}, "`rate` must be a finite number at least 0"),
        ("Polynomial", {"initial": 1, "final": -1, "steps": 3}, "`final` must be a finite number"),
        (
            "Polynomial",
            {"initial": 1, "final": 0, "steps": 3, "power": 0},
            "`power` must be a fini",
        ),
        (
            "Cosine",
            {"initial": 1, "steps": 3, "warmup_steps": 3},
            "`warmup_steps` must be below steps=3, which include it; got warmup_steps=3.",
        ),
        ("Cosine", {"initial": 1, "steps": 3, "restarts": -1}, "`restarts` must be a whole number"),
        (
            "Cosine",
            {"initial": 0.1, "final": 0.2, "steps": 3},
            "`final` must be a finite number at least 0 and at most 0.1; got final=0.2.",
        ),
        (
            "Cosine",
            {"initial": 1, "steps": 5, "warmup_steps": 2, "restarts": 3},
            "`restarts` must be below 3, the steps after the warm-up; got restarts=3. Each cycle",
        ),
        ("OneCycle", {"peak": 1, "steps": 9, "rise": 0.6}, "`rise` must be a finite number above"),
        ("OneCycle", {"peak": 1, "steps": 9, "initial": 1}, "`initial` must be a finite number ab"),
        (
            "Step",
            {"initial": 1e300},
            "`initial` must fit into float32, at most 3.4e38; got initial=",
        ),
        (
            "InverseTime",
            {"initial": 1, "rate": 1e300},
            "`rate` must fit into float32, at most 3.4e",
        ),
        (
            "Polynomial",
            {"initial": 1, "final": 1e300, "steps": 3},
            "`final` must fit into float32,",
        ),
        ("OneCycle", {"peak": 1, "steps": 10**60}, "`steps` must fit into int64, below 2**63; got"),
        (
            "Exponential",
            {"initial": 1, "rate": fractions.Fraction(1, 2)},
            "`rate` must be a finite number above 0 and at most 1; got rate=Fraction(1, 2). Give",
        ),
        ("OneCycle", {"peak": 1, "steps": 9, "momentum": 0.9}, "`momentum` must be a pair, (high,"),
        ("OneCycle", {"peak": 1, "steps": 9, "momentum": (0.8, 0.9)}, "`momentum[1]` must be a fi"),
    ],
)
def test_what_cannot_be(name, arguments, message):
    with pytest.raises(ValueError, match=rf"^{message.translate(ESCAPES)}"):
        getattr(schedules, name)(**arguments)


ESCAPES = str.maketrans({c: f"\\{c}" for c in "()[].,*"})


@pytest.mark.parametrize(
    "steps", [[], [-1], ["a"], [np.nan], [True], [np.inf], [2**63], [10**60], [[1], [1, 2]]]
)
def test_steps_that_are_none(steps):
    with pytest.raises(ValueError, match="`steps` must be a number of steps, or steps counted"):
        CASES["Step"]().values(steps)


@pytest.mark.parametrize("steps", [0, "", [3], 2.5])
def test_a_number_of_steps_that_is_none(steps):
    with pytest.raises(ValueError, match="`steps` must be a whole number of at least 1; got steps"):
        CASES["Step"]().plot(steps)


def test_a_number_of_steps_that_nothing_counts():
    with pytest.raises(ValueError, match="`steps` must fit into int64, below 2"):
        CASES["Step"]().values(10**60)
