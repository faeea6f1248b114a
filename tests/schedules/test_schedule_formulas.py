"""Each schedule against Keras's own, or against numbers computed by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.schedules import (
    Cosine,
    CosineLog,
    Exponential,
    InverseTime,
    OneCycle,
    Polynomial,
    Step,
)

theirs = keras.optimizers.schedules
STEPS = np.arange(40)


@pytest.mark.parametrize(
    ("ours", "wanted"),
    [
        (Step(0.3, drop=0.4, every=7), theirs.ExponentialDecay(0.3, 7, 0.4, staircase=True)),
        (Exponential(0.3, rate=0.4, every=7), theirs.ExponentialDecay(0.3, 7, 0.4)),
        (InverseTime(0.3, rate=0.4, every=7), theirs.InverseTimeDecay(0.3, 7, 0.4)),
        (
            Polynomial(0.3, 0.02, steps=25, power=1.7),
            theirs.PolynomialDecay(0.3, 25, 0.02, power=1.7),
        ),
        (Cosine(0.3, 0.03, steps=25), theirs.CosineDecay(0.3, 25, alpha=0.1)),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_against_keras(ours, wanted):
    expected = [float(wanted(int(step))) for step in STEPS]
    np.testing.assert_allclose(ours.values(STEPS), expected, rtol=1e-5, atol=1e-8)


def test_every_jump_is_at_its_step_under_xla():
    """XLA divides by n by multiplying with 1 / n, and 41 * (1 / 41) is below 1."""
    steps, periods = np.arange(260), (3, 41, 55, 83, 107)
    ours = [Step(1.0, every=every) for every in periods]
    ours += [Polynomial(1.0, 0.1, steps=n, power=0.5) for n in periods]
    ours += [Cosine(1.0, steps=n, warmup_steps=n // 4, restarts=n // 20) for n in periods]
    ours += [OneCycle(1.0, steps=n, pct_start=p) for n in periods for p in (0.3, 0.5)]
    ours += [Exponential(1.0, rate=0.5, every=41), InverseTime(1.0, rate=0.5, every=41)]
    compiled = tf.function(lambda steps: [rate(steps) for rate in ours], jit_compile=True)
    for rate, got in zip(ours, compiled(tf.constant(steps)), strict=True):
        np.testing.assert_allclose(got, rate.values(260), 1e-5, 1e-6, err_msg=rate.get_config())
    for rate, every in zip(ours, periods, strict=False):
        np.testing.assert_allclose(rate.values(260), 0.5 ** (steps // every), rtol=1e-5)


def test_jumps_at_floating_point_steps_under_xla():
    rate = Step(1.0, every=41)
    got = tf.function(rate, jit_compile=True)(tf.constant([40.9, 41.0, 82.0, 164.0]))
    np.testing.assert_allclose(got, [1.0, 0.5, 0.25, 0.0625])


def test_a_late_restart_is_at_its_step():
    """The product that determines it is beyond the integers of float32."""
    rate = Cosine(1.0, steps=3_000_001, restarts=999)
    # The last of 1,000 cycles starts at 999 * 3,000,001 / 1000, rounded up.
    np.testing.assert_allclose(rate.values([2_997_000, 2_997_001]), [0.0, 1.0], atol=1e-5)


def test_restarts_against_keras():
    wanted = theirs.CosineDecayRestarts(0.3, 6, t_mul=1.0, alpha=0.1)
    expected = [float(wanted(step)) for step in range(18)]
    got = Cosine(0.3, 0.03, steps=18, restarts=2).values(20)
    np.testing.assert_allclose(got[:18], expected, rtol=1e-5)
    np.testing.assert_allclose(got[18:], 0.03, rtol=1e-6)


def test_a_warm_up():
    """It starts above 0 and ends at the highest rate; the cosine takes the other steps."""
    got = Cosine(1.0, steps=8, warmup_steps=3).values(9)
    np.testing.assert_allclose(got[:4], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(got[3:], Cosine(1.0, steps=5).values(6), atol=1e-7)


def test_one_cycle():
    """A triangle from 1/25 of the highest rate and back, then down to 1/10,000 of that."""
    got = OneCycle(2.5, steps=11, pct_start=0.4).values(12)
    up = np.linspace(0.1, 2.5, 5)
    wanted = [*up, *up[-2::-1], (0.1 + 1e-5) / 2, 1e-5, 1e-5]
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_one_cycle_over_all_steps():
    got = OneCycle(1.0, steps=5, pct_start=0.5, initial=0.2, final=0.1).values(5)
    np.testing.assert_allclose(got, [0.2, 0.6, 1.0, 0.6, 0.1], rtol=1e-6)


def test_momentum_falls_while_the_rate_rises():
    cycle = OneCycle(1.0, steps=11, pct_start=0.4, initial=0.2, momentum=(0.9, 0.7))
    rates = cycle.values(11)
    wanted = [0.9, 0.85, 0.8, 0.75, 0.7, 0.75, 0.8, 0.85, 0.9, 0.9, 0.9]
    np.testing.assert_allclose(cycle.momentum_at(rates), wanted, rtol=1e-5)


def test_cycles_that_double():
    """Of 15 steps the cycles take 1, 2, 4 and 8: the rate is 0 between them, and half way at 1."""
    got = CosineLog(0.5, steps=15, cycles=4).values([0, 1, 3, 7, 15, 99])
    np.testing.assert_allclose(got, 0, atol=1e-5)
    middle = (2 ** (np.arange(4) + 0.5) - 1).astype("float32")
    np.testing.assert_allclose(CosineLog(0.5, steps=15).values(middle), 0.5, rtol=1e-5)
    once = CosineLog(1.0, steps=1000, cycles=1).values(1001)
    t = np.arange(1001) / 1000
    np.testing.assert_allclose(once, (1 - np.cos(2 * np.pi * np.log2(1 + t))) / 2, atol=1e-5)


def test_a_schedule_that_lasts_as_long_as_training():
    """A second training begins anew, and a continued one goes on."""
    schedule = CosineLog(0.5)
    np.testing.assert_allclose(schedule.values(3), 0.5)
    model = kerasnn.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedule), loss="mse")
    x, fixed = np.ones((20, 1)), CosineLog(0.5, steps=6)
    rates = []
    model.fit(x, x, batch_size=10, epochs=3, verbose=0, engine="graph")
    rates.append(schedule.values(7))
    model.fit(x, x, batch_size=10, epochs=3, initial_epoch=2, verbose=0, engine="graph")
    rates.append(schedule.values(np.arange(2, 9)))
    model.fit(x, x, batch_size=10, epochs=3, verbose=0, engine="keras")
    rates.append(schedule.values(np.arange(8, 15)))
    for found in rates:
        np.testing.assert_allclose(found, fixed.values(7), atol=1e-6)
    assert schedule.get_config()["steps"] is None


def test_a_training_of_unknown_length(invalid):
    model = kerasnn.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(CosineLog(0.5)), loss="mse")
    batches = tf.data.Dataset.from_tensors((np.ones((2, 1)), np.ones((2, 1))))
    with invalid("x"):
        model.fit(batches.filter(lambda *_: True), epochs=2, verbose=0)
