"""Early stopping: the best epoch, the weights put back, and the refused arguments."""

import fractions
import signal

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn.callbacks import EarlyStopping
from tests.callbacks.epochs import epoch_weights, network, run_epochs
from tests.helpers.engine_cases import X_HELD, Y_HELD, X, Y, assert_close, classifier

PLAN = {"verbose": 0, "shuffle": False, "validation_data": (X_HELD, Y_HELD)}
NAN, INF = np.nan, np.inf


class Weights(keras.callbacks.Callback):
    """Keeps the weights after each epoch, sets the metric, and may end training by Ctrl-C."""

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


@pytest.mark.parametrize(
    ("arguments", "values", "expected"),
    [
        # The best value, its epoch, the epoch that training ended after, and that of the weights.
        ({"patience": 2}, [NAN, 3.0, 2.0, 2.5, 2.6, 2.7], (2.0, 2, 4, 2)),
        ({"patience": 2}, [3.0, 2.0, NAN, NAN, 1.0], (2.0, 1, 3, 1)),
        ({"patience": 4}, [-INF, 3.0, -INF, 2.0, 2.5], (2.0, 3, None, 3)),
        ({"patience": 4}, [INF, 3.0, INF, 2.0, 2.5], (2.0, 3, None, 3)),
        ({"patience": 4, "mode": "max"}, [INF, -3.0, INF, -2.0, -2.5], (-2.0, 3, None, 3)),
        ({"patience": 2}, [NAN] * 5, (None, None, 1, 1)),
        ({"restore_best_weights": False}, [3.0, 1.0, 2.0], (1.0, 1, 2, 2)),
    ],
)
def test_nan_and_infinity_are_never_the_best(arguments, values, expected):
    """They count as no improvement; the weights put back are those of the best epoch."""
    stopping = EarlyStopping(**arguments)
    model, _ = run_epochs([stopping], values)
    found = (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_, epoch_weights(model))
    assert found == expected


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ({"patience": 9}, [3.0, 1.0, 2.0, 2.0]),
        ({"patience": 1, "start_from_epoch": 2}, [0.1, 0.2, 3.0, 2.0, 2.5, 1.0]),
        ({"patience": 2, "min_delta": 0.5}, [3.0, 2.0, 1.75, 1.6, 0.1]),
        ({"patience": 2}, [3.0, 3.1, 3.2, 3.3]),
        ({"patience": 2, "baseline": 0.5}, [3.0, 3.1, 3.2, 3.3]),
        ({"patience": 1, "baseline": 2.0, "mode": "max"}, [1.0, 1.5, 1.4, 3.0]),
        ({}, [1.0, 1.0]),
    ],
)
def test_finite_values_as_in_keras(arguments, values):
    ours = EarlyStopping(**arguments)
    theirs = keras.callbacks.EarlyStopping(restore_best_weights=True, **arguments)
    (model, count), (wanted, epochs) = (run_epochs([each], values) for each in (ours, theirs))
    assert count == epochs
    assert epoch_weights(model) == epoch_weights(wanted)
    for name in ("best", "best_epoch", "wait", "stopped_epoch"):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_a_second_training_starts_anew():
    stopping = EarlyStopping(patience=1)
    run_epochs([stopping], [1.0, 0.5, 2.0])
    model, _ = run_epochs([stopping], [9.0, 8.0, 8.5])
    assert (stopping.best_, stopping.best_epoch_, stopping.stopped_epoch_) == (8.0, 1, 2)
    assert epoch_weights(model) == 1


def test_it_prints_what_it_does(capsys):
    run_epochs([EarlyStopping(verbose=1)], [1.0, 2.0])
    ended, restored = capsys.readouterr().out.splitlines()
    assert ended == "Epoch 2: early stopping"
    assert restored == "EarlyStopping put back the weights of epoch 1."


def test_ctrl_c():
    # Whoever started the tests may have told their process to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        check_ctrl_c()
    finally:
        signal.signal(signal.SIGINT, before)


def check_ctrl_c():
    weights = Weights([3.0, 1.0, 2.0, 2.0], end=3)
    model = classifier("sgd")
    with pytest.raises(KeyboardInterrupt) as caught:
        kerasnn.fit(model, X, Y, epochs=4, callbacks=[weights, EarlyStopping(patience=9)], **PLAN)
    assert_close(model.get_weights(), weights.after[1], tolerance=0)
    assert caught.value.__notes__ == ["EarlyStopping put back the weights of epoch 2, the best."]


def test_training_that_leaves_the_finite_numbers():
    """The best weights are finite, and better than those from before the epoch that failed."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([8], [0.1, 1e38])
    weights, model = Weights([3.0, 1.0, 2.0, 2.0, 2.0]), classifier(keras.optimizers.SGD(rate))
    plan = {**PLAN, "callbacks": [weights, EarlyStopping(patience=9)], "epochs": 5}
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        kerasnn.fit(model, X, Y, **plan)
    assert "epoch 2, the best" in caught.value.__notes__[0]
    assert_close(model.get_weights(), weights.after[1], tolerance=0)


@pytest.mark.parametrize(
    ("monitor", "arguments"),
    [
        ("val_acc", {}),
        ("acc", {}),
        ("val_loss", {"validation_data": None}),
        ("val_loss", {"validation_freq": 4}),
        ("val_loss", {"validation_freq": [4, 5]}),
    ],
)
def test_a_missing_monitor_is_known_before_training(refuses, monitor, arguments):
    model = classifier("sgd", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    with refuses(model, argument="monitor", value=monitor):
        plan = {**PLAN, **arguments}
        kerasnn.fit(model, X, Y, epochs=3, callbacks=[EarlyStopping(monitor)], **plan)


@pytest.mark.parametrize("fit", [kerasnn.fit, keras.Model.fit])
def test_a_missing_monitor_that_another_callback_might_add(invalid, fit):
    """It is known after the first epoch only, as are all metrics in Keras's own loop."""
    weights, model = Weights(), classifier("sgd", metrics=["accuracy"])
    stopping = EarlyStopping("val_acc", mode="max")
    with invalid("monitor", "val_acc") as caught:
        fit(model, X, Y, epochs=3, callbacks=[weights, stopping], **PLAN)
    assert "`val_accuracy`" in caught.value.hint
    assert len(weights.after) == 1


class Quality(keras.metrics.Mean):
    """A metric of the user's own, whose direction is unknown."""

    def update_state(self, y, y_pred, sample_weight=None):
        super().update_state(keras.ops.max(y_pred, axis=-1), sample_weight)


def test_a_direction_that_keras_does_not_know(refuses):
    model = classifier("sgd", metrics=["accuracy", Quality(name="quality")])
    for monitor in ("val_quality", "val_acc"):
        with refuses(model, argument="mode", value="auto"):
            kerasnn.fit(model, X, Y, callbacks=[Weights(), EarlyStopping(monitor)], **PLAN)


def test_a_metric_that_another_callback_adds():
    stopping = EarlyStopping("val_f1", mode="max", patience=5)
    run_epochs([stopping], [0.3, 0.9, 0.5], name="val_f1")
    assert (stopping.best_, stopping.best_epoch_) == (0.9, 1)


def test_directions_and_validation_now_and_then():
    """Epochs without a validation say nothing about a validation metric."""
    watched = [
        ("val_loss", "auto", min),
        ("val_accuracy", "auto", max),
        ("val_accuracy", "min", min),
        ("loss", "max", max),
    ]
    listed = [
        EarlyStopping(monitor, mode=mode, patience=9, restore_best_weights=False)
        for monitor, mode, _ in watched
    ]
    model = classifier(keras.optimizers.SGD(0.5, momentum=0.9), metrics=["accuracy"])
    plan = {**PLAN, "epochs": 6, "validation_freq": 2, "callbacks": listed}
    history = kerasnn.fit(model, X, Y, **plan).history
    for stopping, (monitor, _, best) in zip(listed, watched, strict=True):
        values = history[monitor]
        assert stopping.best_ == best(values)
        every = 6 // len(values)
        assert stopping.best_epoch_ == every * values.index(stopping.best_) + every - 1


def test_nothing_to_validate():
    with pytest.warns(UserWarning, match="has done nothing: there was no `val_loss` in any epoch"):
        run_epochs([EarlyStopping()], [1.0], name="loss")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("patience", -1),
        ("min_delta", -1),
        ("mode", "maximum"),
        ("start_from_epoch", 0.5),
        ("baseline", np.nan),
        ("baseline", 1e300),
        ("baseline", fractions.Fraction(1, 2)),
        ("monitor", None),
        ("verbose", 2),
        ("restore_best_weights", "no"),
    ],
)
def test_wrong_arguments(invalid, argument, value):
    with invalid(argument, value):
        EarlyStopping(**{argument: value})


@pytest.mark.parametrize("value", [None, "low", [1.0, 2.0]])
def test_a_monitored_value_that_is_no_number(invalid, value):
    stopping = EarlyStopping("metric", mode="min")
    stopping.set_model(network())
    stopping.on_train_begin()
    stopping.on_epoch_begin(0)
    with invalid("monitor", "metric"):
        stopping.on_epoch_end(0, {"metric": value})


def test_a_state_before_training():
    other = EarlyStopping("loss")
    other.restore(EarlyStopping("loss").state())
    assert (other.best_, other.best_epoch_, other.stopped_epoch_) == (None, None, None)
