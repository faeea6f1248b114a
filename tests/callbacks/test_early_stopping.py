"""Early stopping on real training: what is best, what is put back, and what is refused."""

import fractions
import re
import signal
import time

import keras
import numpy as np
import pytest
from engine_cases import X_HELD, Y_HELD, X, Y, assert_close, classifier

import kerasnn
from kerasnn.callbacks import EarlyStopping

PLAN = {"verbose": 0, "shuffle": False, "validation_data": (X_HELD, Y_HELD)}


class Weights(keras.callbacks.Callback):
    """Keeps the weights after each epoch, and may change what is monitored, or end training."""

    def __init__(self, values=None, end=None):
        super().__init__()
        self.after, self.values, self.end = [], values, end

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.end:
            signal.raise_signal(signal.SIGINT)

    def on_epoch_end(self, epoch, logs=None):
        self.after.append(self.model.get_weights())
        if self.values is not None:
            logs["val_loss"] = self.values[epoch]


def fit(stopping, values=None, end=None, model=None, **arguments):
    """Trains, with the monitored values replaced where some are given; returns what happened."""
    model = model or classifier("sgd", metrics=["accuracy"])
    weights = Weights(values, end)
    epochs = 6 if values is None else len(values)
    plan = {**PLAN, "epochs": epochs, "callbacks": [weights, stopping], **arguments}
    kerasnn.fit(model, X, Y, **plan)
    return model, weights.after


def assert_has(model, weights):
    assert_close(model.get_weights(), weights, tolerance=0)


def test_nan_in_epoch_0():
    stopping = EarlyStopping(patience=2)
    model, after = fit(stopping, [np.nan, 3.0, 2.0, 2.5, 2.6, 2.7])
    assert (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_) == (2.0, 2, 4)
    assert_has(model, after[2])


def test_nan_later():
    """It is no improvement, and patience runs."""
    stopping = EarlyStopping(patience=2)
    model, after = fit(stopping, [3.0, 2.0, np.nan, np.nan, 1.0])
    assert (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_) == (2.0, 1, 3)
    assert len(after) == 4
    assert_has(model, after[1])


@pytest.mark.parametrize(("mode", "infinite"), [("min", -np.inf), ("min", np.inf), ("max", np.inf)])
def test_infinity(mode, infinite):
    stopping = EarlyStopping(patience=4, mode=mode)
    sign = 1 if mode == "min" else -1
    model, after = fit(stopping, [infinite, 3.0 * sign, infinite, 2.0 * sign, 2.5 * sign])
    assert (stopping.best_, stopping.best_epoch_) == (2.0 * sign, 3)
    assert stopping.stopped_epoch_ is None
    assert_has(model, after[3])


def test_nothing_but_nan():
    stopping = EarlyStopping(patience=2)
    model, after = fit(stopping, [np.nan] * 5)
    assert (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_) == (None, None, 1)
    assert_has(model, after[-1])


def test_ctrl_c():
    # Whoever started the tests may have told their process to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        check_ctrl_c()
    finally:
        signal.signal(signal.SIGINT, before)


def check_ctrl_c():
    stopping = EarlyStopping(patience=9)
    weights = Weights([3.0, 1.0, 2.0, 2.0, 2.0], end=3)
    model = classifier("sgd")
    with pytest.raises(KeyboardInterrupt) as caught:
        kerasnn.fit(model, X, Y, epochs=5, callbacks=[weights, stopping], **PLAN)
    assert len(weights.after) == 3
    assert_has(model, weights.after[1])
    assert caught.value.__notes__ == ["EarlyStopping put back the weights of epoch 2, the best."]


@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_training_that_leaves_the_finite_numbers(engine):
    """The best weights are finite, and better than those from before the epoch that failed."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([11], [0.1, 1e38])
    stopping, model = EarlyStopping(patience=9), classifier(keras.optimizers.SGD(rate))
    weights = Weights([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    plan = {**PLAN, "engine": engine, "callbacks": [weights, stopping], "epochs": 6}
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="epoch 5") as caught:
        kerasnn.fit(model, X, Y, **plan)
    assert "epoch 2, the best" in caught.value.__notes__[0]
    assert_has(model, weights.after[1])


def test_a_normal_end():
    stopping = EarlyStopping(patience=9)
    model, after = fit(stopping, [3.0, 1.0, 2.0, 2.0])
    assert stopping.stopped_epoch_ is None
    assert_has(model, after[1])
    model, after = fit(EarlyStopping(restore_best_weights=False), [3.0, 1.0, 2.0])
    assert_has(model, after[-1])


def test_a_second_fit():
    """It starts anew: a value that was the best of another run is none of this one."""
    stopping = EarlyStopping(patience=1)
    fit(stopping, [1.0, 0.5, 2.0])
    model, after = fit(stopping, [9.0, 8.0, 8.5])
    assert (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_) == (8.0, 1, 2)
    assert_has(model, after[1])


@pytest.mark.parametrize(
    ("monitor", "arguments", "message"),
    [
        ("val_acc", {}, "got monitor='val_acc'. Did you mean `val_accuracy`?"),
        (
            "acc",
            {},
            "`monitor` must be one of 'loss', 'accuracy', 'val_loss', 'val_accuracy', "
            "'learning_rate'; got monitor='acc'.",
        ),
        (
            "val_loss",
            {"validation_data": None},
            "`monitor` must be a metric of the training rows, since nothing is validated; got "
            "monitor='val_loss'. Give `validation_data` or `validation_split` to `fit`, and a "
            "`validation_freq` of at most `epochs`.",
        ),
        ("val_loss", {"validation_freq": 4}, "since nothing is validated; got monitor='val_loss'."),
        ("val_loss", {"validation_freq": [4, 5]}, "since nothing is validated; got"),
    ],
)
def test_a_missing_monitor_is_known_before_training(refuses, monitor, arguments, message):
    model = classifier("sgd", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    with refuses(model, message):
        plan = {**PLAN, **arguments}
        kerasnn.fit(model, X, Y, epochs=3, callbacks=[EarlyStopping(monitor)], **plan)


@pytest.mark.parametrize("keras_fit", [False, True])
def test_a_missing_monitor_that_another_callback_might_add(keras_fit):
    """It is known after the first epoch only, as are all metrics in Keras's own loop."""
    weights, model = Weights(), classifier("sgd", metrics=["accuracy"])
    stopping = EarlyStopping("val_acc", mode="max")
    arguments = {"epochs": 3, "callbacks": [weights, stopping], **PLAN}
    message = "'accuracy', 'loss', 'val_accuracy', 'val_loss'; got monitor='val_acc'. Did you mean"
    with pytest.raises(ValueError, match=re.escape(message)):
        (keras.Model.fit if keras_fit else kerasnn.fit)(model, X, Y, **arguments)
    assert len(weights.after) == 1


class Quality(keras.metrics.Mean):
    """A metric of the user's own, of which nobody knows what is better."""

    def update_state(self, y, y_pred, sample_weight=None):
        super().update_state(keras.ops.max(y_pred, axis=-1), sample_weight)


@pytest.mark.parametrize(
    ("monitor", "hint"), [("val_quality", ""), ("val_acc", " Did you mean `val_accuracy`?")]
)
def test_a_direction_that_keras_cannot_tell(refuses, monitor, hint):
    model = classifier("sgd", metrics=["accuracy", Quality(name="quality")])
    message = (
        f'`mode` must be "min" or "max" for `{monitor}`, of which Keras does not know what is '
        f"better; got mode='auto'.{hint}"
    )
    with refuses(model, message):
        kerasnn.fit(model, X, Y, callbacks=[Weights(), EarlyStopping(monitor)], **PLAN)


@pytest.mark.slow
def test_a_metric_that_another_callback_adds():
    class Adds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_f1"] = [0.3, 0.9, 0.5][epoch]

    stopping = EarlyStopping("val_f1", mode="max", patience=5)
    kerasnn.fit(classifier(), X, Y, epochs=3, callbacks=[Adds(), stopping], verbose=0)
    assert (stopping.best_, stopping.best_epoch_) == (0.9, 1)


def test_validation_now_and_then():
    """Epochs without a validation say nothing about a validation metric."""
    stopping = EarlyStopping(patience=1)
    history = kerasnn.fit(
        classifier(keras.optimizers.SGD(1e-9)),
        X,
        Y,
        epochs=9,
        validation_freq=3,
        callbacks=[EarlyStopping("val_loss", patience=9), stopping],
        **PLAN,
    )
    assert len(history.history["val_loss"]) < 9 / 3 + 1
    assert stopping.best_epoch_ in (2, 5, 8)


def test_nothing_to_validate_in_keras_own_fit():
    with pytest.warns(UserWarning, match="has done nothing: there was no `val_loss` in any epoch"):
        keras.Model.fit(classifier(), X, Y, verbose=0, callbacks=[EarlyStopping()])


def test_start_from_epoch():
    stopping = EarlyStopping(patience=1, start_from_epoch=2)
    model, after = fit(stopping, [0.1, 0.2, 3.0, 2.0, 2.5, 1.0])
    assert (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_) == (2.0, 3, 4)
    assert_has(model, after[3])


def test_min_delta():
    """A gain of less counts as none; the best is the last that was enough."""
    stopping = EarlyStopping(patience=2, min_delta=0.5)
    model, after = fit(stopping, [3.0, 2.0, 1.75, 1.6, 0.1])
    assert (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_) == (2.0, 1, 3)
    assert_has(model, after[1])


@pytest.mark.parametrize(
    ("monitor", "mode", "best"),
    [
        ("val_loss", "auto", min),
        ("val_accuracy", "auto", max),
        ("val_accuracy", "min", min),
        ("loss", "max", max),
    ],
)
def test_mode(monitor, mode, best):
    stopping = EarlyStopping(monitor, mode=mode, patience=9)
    model = classifier(keras.optimizers.SGD(0.5, momentum=0.9), metrics=["accuracy"])
    history = kerasnn.fit(model, X, Y, epochs=6, callbacks=[stopping], **PLAN).history
    assert stopping.best_ == best(history[monitor])
    assert stopping.best_epoch_ == history[monitor].index(stopping.best_)


def test_baseline():
    """As in Keras: patience starts anew only where the baseline is beaten too."""
    for baseline, stopped in ((None, 2), (0.5, 1)):
        stopping = EarlyStopping(patience=2, baseline=baseline)
        fit(stopping, [3.0, 3.1, 3.2, 3.3])
        assert (stopping.best_, stopping.stopped_epoch_) == (3.0, stopped)


def test_statistics_are_put_back_with_the_weights():
    hidden = [keras.layers.Dense(4), keras.layers.BatchNormalization()]
    model, after = fit(
        EarlyStopping(patience=9),
        [3.0, 1.0, 2.0, 2.0],
        model=classifier("sgd", hidden=lambda: hidden),
    )
    assert_has(model, after[1])
    assert (after[1][4] != after[3][4]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": -1}, "`patience` must be a whole number of at least 0; got patience=-1."),
        ({"min_delta": -1}, "`min_delta` must be a finite number at least 0; got min_delta=-1."),
        ({"mode": "maximum"}, "`mode` must be one of 'auto', 'min', 'max'; got mode='maximum'."),
        ({"start_from_epoch": 0.5}, "`start_from_epoch` must be a whole number of at least 0"),
        ({"baseline": np.nan}, "`baseline` must be a finite number; got baseline=nan."),
        (
            {"baseline": 1e300},
            "`baseline` must fit into float32, at most 3.4e38; got baseline=1e+3",
        ),
        (
            {"baseline": fractions.Fraction(1, 2)},
            "`baseline` must be a finite number; got baseline=Fraction(1, 2). Give it as a float.",
        ),
        ({"monitor": None}, "`monitor` must be the name of a metric; got monitor=None."),
        ({"verbose": 2}, "`verbose` must be 0 or 1; got verbose=2."),
        ({"restore_best_weights": "no"}, "`restore_best_weights` must be True or False; got"),
    ],
)
def test_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        EarlyStopping(**arguments)


@pytest.mark.parametrize("value", [None, "low", [1.0, 2.0]])
def test_what_is_monitored_has_to_be_a_number(value):
    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["loss"] = value

    message = "`monitor` must name a number in the logs; `loss` is"
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, Y, verbose=0, callbacks=[Logs(), EarlyStopping("loss")])


def test_a_state_before_training():
    other = EarlyStopping("loss")
    other.restore(EarlyStopping("loss").state())
    assert (other.best_, other.best_epoch_, other.stopped_epoch_) == (None, None, None)


@pytest.mark.slow
def test_it_costs_little():
    """Under 5% of the processor time of an epoch of 50 steps, with new weights to keep in each."""

    class Timed(EarlyStopping):
        seconds = 0.0

        def on_epoch_end(self, epoch, logs=None):
            began = time.thread_time()
            super().on_epoch_end(epoch, {**(logs or {}), "val_loss": -epoch})
            self.seconds += time.thread_time() - began

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1600, 64)).astype("float32"), rng.integers(0, 10, 1600)
    model = kerasnn.models.mlp(64, 10, task="multiclass")
    kerasnn.fit(model, x, y, epochs=2, verbose=0)
    timed = Timed(patience=9)
    held = (x[:1], y[:1])
    kerasnn.fit(model, x, y, epochs=2, verbose=0, validation_data=held)
    began = time.process_time()
    kerasnn.fit(model, x, y, epochs=50, verbose=0, validation_data=held, callbacks=[timed])
    assert timed.best_epoch_ == 49
    assert timed.seconds < 0.05 * (time.process_time() - began)
