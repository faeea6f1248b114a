"""Learning rates that callbacks set: by a schedule, or where a metric stops improving."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import optimizers, schedules
from kerasnn.callbacks import LearningRateDecay, ReduceLROnPlateau
from tests.callbacks.epochs import network, run_epochs
from tests.helpers.engine_cases import X, Y, assert_close, classifier

BATCH = 35
STEPS = len(X) // BATCH
PLAN = {"verbose": 0, "shuffle": False, "batch_size": BATCH}
DECAY = schedules.Exponential(0.5, rate=0.8)


class Batches(keras.callbacks.Callback):
    """Wants every batch, so that only Keras's own loop can run it."""

    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.parametrize(
    "engine", ["graph", *(pytest.param(e, marks=pytest.mark.slow) for e in ("keras", "xla"))]
)
@pytest.mark.parametrize(
    "make",
    [
        lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
        lambda rate: keras.optimizers.Adam(rate, gradient_accumulation_steps=2),
        lambda rate: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(rate)),
    ],
    ids=["SGD", "accumulating", "scaled"],
)
def test_by_step_as_a_schedule_in_the_optimizer(engine, make):
    """The same weights, in the same program, and the rate from before at the end."""
    ours, theirs = classifier(make(0.3)), classifier(make(DECAY))
    callbacks = [LearningRateDecay(DECAY, per="step"), *([Batches()] if engine == "keras" else [])]
    arguments = {"engine": "xla"} if engine == "xla" else {}
    history = kerasnn.fit(ours, X, Y, epochs=4, callbacks=callbacks, **arguments, **PLAN)
    kerasnn.fit(theirs, X, Y, epochs=4, **PLAN)
    assert history.engine == engine
    assert_close(ours.get_weights(), theirs.get_weights())
    assert ours.optimizer.learning_rate.numpy() == np.float32(0.3)
    last = [DECAY.values(4 * STEPS)[epoch * STEPS + 1] for epoch in range(4)]
    np.testing.assert_allclose(history.history["learning_rate"], last, rtol=1e-5)


def test_by_epoch():
    model = classifier(keras.optimizers.SGD(0.3))
    theirs = classifier(keras.optimizers.SGD(0.3))
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: float(DECAY(epoch)))
    plan = {"initial_epoch": 2, "epochs": 5, **PLAN}
    history = kerasnn.fit(model, X, Y, callbacks=[LearningRateDecay(DECAY)], **plan)
    kerasnn.fit(theirs, X, Y, callbacks=[scheduler], **plan)
    assert history.engine == "graph"
    assert_close(model.get_weights(), theirs.get_weights(), tolerance=1e-6)
    np.testing.assert_allclose(history.history["learning_rate"], DECAY.values([2, 3, 4]), rtol=1e-6)
    assert model.optimizer.learning_rate.numpy() == np.float32(0.3)


def test_steps_count_from_epoch_0_of_each_fit():
    model, decay = classifier("sgd"), LearningRateDecay(DECAY, per="step")
    for first, last in ((0, 2), (2, 4), (0, 1)):
        plan = {"initial_epoch": first, "epochs": last, "callbacks": [decay], **PLAN}
        rates = kerasnn.fit(model, X, Y, **plan).history["learning_rate"]
        wanted = [DECAY.values(99)[(epoch + 1) * STEPS - 1] for epoch in range(first, last)]
        np.testing.assert_allclose(rates, wanted, rtol=1e-5)


def test_one_program_for_every_fit_with_the_same_callback():
    model, decay = classifier("sgd"), LearningRateDecay(DECAY, per="step")
    calls = []
    decay.before_step = lambda model, step=decay.before_step: (calls.append(1), step(model))
    for _ in range(3):
        kerasnn.fit(model, X, Y, epochs=3, callbacks=[decay], **PLAN)
    traced = len(calls)
    assert 1 <= traced < 4
    kerasnn.fit(model, X, Y, epochs=3, **PLAN)
    assert len(calls) == traced


def test_a_stream_of_unknown_length(invalid):
    stream = tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).batch(BATCH)
    decay = LearningRateDecay(DECAY, per="step")
    history = kerasnn.fit(classifier(), stream, epochs=2, verbose=0, callbacks=[decay])
    wanted = DECAY.values([STEPS - 1, 2 * STEPS - 1])
    np.testing.assert_allclose(history.history["learning_rate"], wanted, rtol=1e-5)
    with invalid("initial_epoch", 2):
        kerasnn.fit(classifier(), stream, initial_epoch=2, epochs=3, verbose=0, callbacks=[decay])


class Fails(keras.callbacks.Callback):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise self.error


@pytest.mark.parametrize(("per", "error"), [("epoch", OSError), ("step", KeyboardInterrupt)])
def test_the_rate_is_restored_after_an_exception(per, error):
    model = classifier(keras.optimizers.SGD(0.3))
    callbacks = [LearningRateDecay(DECAY, per=per), Fails(error())]
    with pytest.raises(error):
        kerasnn.fit(model, X, Y, epochs=3, callbacks=callbacks, **PLAN)
    assert model.optimizer.learning_rate.numpy() == np.float32(0.3)


def test_in_keras_own_fit_rate_and_momentum_stay_after_an_exception():
    """As with Keras's `LearningRateScheduler`; setting the rate ends the cycle."""
    model = classifier(optimizers.SGD(0.25, momentum=0.5))
    decay = LearningRateDecay(schedules.OneCycle(0.4, steps=8))
    plan = {**PLAN, "epochs": 3, "batch_size": len(X)}
    with pytest.raises(KeyboardInterrupt):
        keras.Model.fit(model, X, Y, callbacks=[decay, Fails(KeyboardInterrupt())], **plan)
    np.testing.assert_allclose(model.optimizer.learning_rate, decay.schedule.values(2)[1])
    assert model.optimizer.cycle is decay.schedule
    model.optimizer.learning_rate = 0.25
    assert model.optimizer.cycle is None


def test_a_rate_that_is_a_schedule(refuses):
    model = classifier(keras.optimizers.Adam(DECAY))
    for callback in (LearningRateDecay(DECAY), ReduceLROnPlateau("loss")):
        for fit in (kerasnn.fit, keras.Model.fit):
            with refuses(model, argument="learning_rate"):
                fit(model, X, Y, epochs=2, callbacks=[callback], **PLAN)


@pytest.mark.parametrize(
    "fit", [kerasnn.fit, pytest.param(keras.Model.fit, marks=pytest.mark.slow)]
)
def test_momentum_follows_one_cycle(fit):
    """As with the cycle in the optimizer; afterwards it is what it was, in programs too."""
    cycle = schedules.OneCycle(0.4, steps=4 * STEPS, momentum=(0.9, 0.2))
    ours = classifier(optimizers.SGD(0.1, momentum=0.5))
    theirs = classifier(optimizers.SGD(cycle, momentum=0.5))
    plain = classifier(optimizers.SGD(0.1, momentum=0.5))
    for model in (ours, plain):
        fit(model, X, Y, epochs=1, **PLAN)
    start = plain.get_weights()
    for model in (ours, theirs):
        model.set_weights(classifier().get_weights())
        for variable in model.optimizer.variables:
            if "momentum" in variable.path:
                variable.assign(keras.ops.zeros_like(variable))
    fit(ours, X, Y, epochs=4, callbacks=[LearningRateDecay(cycle, per="step")], **PLAN)
    fit(theirs, X, Y, epochs=4, **PLAN)
    assert_close(ours.get_weights(), theirs.get_weights())
    for variable, value in zip(ours.optimizer.variables, plain.optimizer.variables, strict=True):
        variable.assign(value)
    ours.set_weights(start)
    for model in (ours, plain):
        fit(model, X, Y, epochs=1, **PLAN)
    assert_close(ours.get_weights(), plain.get_weights())


def test_momentum_follows_under_loss_scaling():
    """The optimizer that takes the steps is the inner one; as with the cycle in it."""
    cycle = schedules.OneCycle(0.4, steps=4, momentum=(0.9, 0.2))

    def trained(rate, callbacks):
        inner = optimizers.SGD(rate, momentum=0.5)
        model = classifier(keras.optimizers.LossScaleOptimizer(inner))
        plan = {**PLAN, "batch_size": len(X), "epochs": 4}
        kerasnn.fit(model, X, Y, callbacks=callbacks, engine="keras", **plan)
        assert inner.cycle is (rate if callbacks == [] else None)
        return model.get_weights()

    assert_close(trained(0.1, [LearningRateDecay(cycle)]), trained(cycle, []))


@pytest.mark.parametrize(
    "other",
    [
        lambda: ReduceLROnPlateau("loss"),
        lambda: keras.callbacks.ReduceLROnPlateau("loss"),
        lambda: keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        lambda: LearningRateDecay(DECAY),
    ],
)
def test_two_that_set_the_rate(refuses, other):
    model, other = classifier(), other()
    for listed in ([other, LearningRateDecay(DECAY)], [LearningRateDecay(DECAY, "step"), other]):
        with refuses(model, argument="callbacks", value=listed):
            kerasnn.fit(model, X, Y, callbacks=listed, **PLAN)


class Rates(keras.callbacks.Callback):
    """Lists the rate after each epoch, and the rate that was logged."""

    def on_train_begin(self, logs=None):
        self.after, self.logged = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.after.append(float(self.model.optimizer.learning_rate))
        self.logged.append(logs["learning_rate"])


def rates(plateau, values):
    model, seen = network(), Rates()
    model.optimizer.learning_rate = 1.0
    run_epochs([plateau, seen], values, model=model)
    return seen.after, seen.logged


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([np.nan, 3, 2, 2, 2, 1], [1, 1, 1, 1, 0.5, 0.5]),
        ([3, np.nan, np.nan, 2, 2, np.inf], [1, 1, 0.5, 0.5, 0.5, 0.25]),
        ([-np.inf, 3, 2, 1, 0, -1], [1, 1, 1, 1, 1, 1]),
        ([np.nan] * 6, [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
    ],
)
def test_a_plateau_with_nan(values, expected):
    """No improvement, and never the best; the rate is logged before it is lowered."""
    after, logged = rates(ReduceLROnPlateau(patience=2, factor=0.5), values)
    assert after == expected
    assert logged == [1, *expected[:-1]]


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 1, "cooldown": 2},
        {"patience": 2, "min_delta": 0.5},
        {"patience": 1, "min_lr": 0.05},
        {"patience": 1, "mode": "max", "cooldown": 1},
    ],
)
def test_a_plateau_as_in_keras(arguments):
    values = [3.0, 2.0, 2.1, 2.2, 1.8, 1.9, 2.0, 2.0, 1.0, 1.0, 1.5]
    ours, theirs = (
        kind(factor=0.3, **arguments)
        for kind in (ReduceLROnPlateau, keras.callbacks.ReduceLROnPlateau)
    )
    assert rates(ours, values) == rates(theirs, values)


def test_a_plateau_prints_what_it_does(capsys):
    rates(ReduceLROnPlateau(patience=1, factor=0.5, verbose=1), [1.0, 1.0])
    assert capsys.readouterr().out.strip() == (
        "Epoch 2: ReduceLROnPlateau lowers the learning rate to 0.5."
    )


@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [
        (LearningRateDecay, "schedule", max),
        (LearningRateDecay, "per", "batch"),
        (ReduceLROnPlateau, "factor", 1),
        (ReduceLROnPlateau, "min_lr", -1),
        (ReduceLROnPlateau, "mode", "mean"),
        (ReduceLROnPlateau, "verbose", "loud"),
        (ReduceLROnPlateau, "monitor", ["loss"]),
    ],
)
def test_wrong_arguments(invalid, kind, argument, value):
    given = {"schedule": DECAY} if kind is LearningRateDecay else {}
    with invalid(argument, value):
        kind(**given | {argument: value})


class Constant(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of the user's own that always returns the same."""

    def __init__(self, value):
        self.value = value

    def __call__(self, step):
        return self.value


@pytest.mark.parametrize(
    ("per", "value"),
    [("epoch", math.nan), ("step", -1.0), ("step", None), ("epoch", "high"), ("step", [0.1, 0.2])],
)
def test_a_schedule_that_returns_no_rate(refuses, value, per):
    model = classifier()
    with refuses(model, argument="schedule(0)", value=value):
        kerasnn.fit(model, X, Y, callbacks=[LearningRateDecay(Constant(value), per=per)], **PLAN)


class Sinking(Constant):
    """Falls in a line, below 0 in the end."""

    def __call__(self, step):
        # Multiples of 1/128 are not rounded.
        return self.value - keras.ops.cast(step, "float32") / 128


@pytest.mark.parametrize("fit", [kerasnn.fit, keras.Model.fit])
def test_a_schedule_that_returns_no_rate_for_a_later_step(fit, refuses):
    model, decay = classifier(), LearningRateDecay(Sinking(5 / 128), per="step")
    model.optimizer.build(model.trainable_variables)
    with refuses(model, argument="schedule(6)"):
        fit(model, X, Y, epochs=4, callbacks=[decay], **PLAN)


def test_several_steps_in_one_execution_of_keras(invalid):
    model = classifier(steps_per_execution=2)
    decay = LearningRateDecay(DECAY, per="step")
    with invalid("steps_per_execution", 2):
        keras.Model.fit(model, X, Y, callbacks=[decay], **PLAN)
