"""The doctor in real trainings: its findings, that training stays the same, and its arguments."""

import functools
import json
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import data, models, optimizers, schedules
from kerasnn.callbacks import TrainingDoctor, diagnose
from tests.helpers.engine_cases import back_at_its_start

IRIS = data.load("iris")
TRAIN, VALIDATION = (IRIS.x_train, IRIS.y_train), (IRIS.x_test, IRIS.y_test)


def found(model, x, y, *, epochs=2, doctor=None, **arguments):
    doctor = doctor or TrainingDoctor(every=1, verbose=0)
    given = {"epochs": epochs, "verbose": 0, "callbacks": [doctor], "engine": "graph"}
    model.fit(x, y, **given | arguments)
    return {finding.name for finding in doctor.findings_}


@functools.cache
def one_mlp(hidden):
    return back_at_its_start(models.mlp(4, 3, task="multiclass", hidden=hidden, seed=0))


def mlp(hidden=(64, 64), learning_rate=None):
    """One network for each number of units, as newly built."""
    model = one_mlp(hidden)()
    if learning_rate is not None:
        model.optimizer.learning_rate = learning_rate
    return model


@functools.cache
def one_perceptron():
    return back_at_its_start(models.perceptron(2))


def perceptron():
    """One network, as newly built."""
    return one_perceptron()()


def raw_digits():
    split = data.load("digits")
    return split.x_train[:500], split.y_train[:500]


def raw_relu(x):
    arguments = {"optimizer": "sgd", "learning_rate": 1.0, "normalize": False, "seed": 0}
    return models.mlp(x.shape[1:], 10, task="multiclass", **arguments)


def squared_error(x):
    start = keras.initializers.RandomNormal(stddev=4.0, seed=0)
    dense = {"activation": "sigmoid", "kernel_initializer": start}
    model = kerasnn.Sequential(
        [keras.Input(x.shape[1:]), keras.layers.Dense(8, **dense), keras.layers.Dense(1, **dense)]
    )
    model.compile("sgd", loss="mean_squared_error")
    return model


def test_relu_with_sgd_at_rate_1():
    x, y = raw_digits()
    assert "dying ReLU" in found(raw_relu(x), x, y)


def test_a_thousand_times_the_rate():
    assert "learning rate too high" in found(mlp(learning_rate=1.0), *TRAIN, epochs=3)


def test_a_thousandth_of_the_rate():
    assert found(mlp(learning_rate=1e-6), *TRAIN) == {"learning rate too low"}


def test_shuffled_labels():
    y = np.random.default_rng(0).permutation(IRIS.y_train)
    model = mlp(learning_rate=0.01)
    doctor = TrainingDoctor(every=20, verbose=0)
    names = found(model, IRIS.x_train, y, epochs=100, doctor=doctor, validation_data=VALIDATION)
    assert "labels shuffled against inputs" in names


def test_squared_error_on_saturated_sigmoids():
    split = data.load("breast_cancer")
    names = found(squared_error(split.x_train), split.x_train, split.y_train)
    assert {"saturated outputs", "loss does not fit the task"} <= names


@pytest.mark.parametrize(
    ("gate", "findings"),
    [("and", set()), ("xor", {"perceptron on data that is not linearly separable"})],
)
def test_a_perceptron(gate, findings):
    split = data.load(gate)
    assert found(perceptron(), split.x_train, split.y_train, epochs=5) == findings


@pytest.mark.parametrize("name", ["iris", pytest.param("diabetes", marks=pytest.mark.slow)])
def test_a_healthy_mlp(name):
    split = data.load(name)
    model = models.mlp(split.input_shape, split.outputs, task=split.task, seed=0)
    validation = (split.x_test, split.y_test)
    assert found(model, split.x_train, split.y_train, epochs=6, validation_data=validation) == set()


def healthy(case):
    """Returns a healthy training with symptoms of a fault."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4)).astype("float32")
    given = {}
    if case == "offset":
        y, compiled = 200 + 50 * x[:, 0], (keras.optimizers.Adam(0.02), "mse")
    elif case == "noise and decay":
        rate = schedules.Step(0.05, drop=1e-4, every=100)
        y, compiled = x[:, 0] + 1.5 * rng.normal(size=400), (optimizers.SGD(rate), "mse")
    else:
        y, compiled = x[:, 0] > 1.9, (keras.optimizers.Adam(0.03), "binary_crossentropy")
        given = {"validation_split": 0.25}
    keras.utils.set_random_seed(0)
    end = "linear" if compiled[1] == "mse" else "sigmoid"
    model = kerasnn.Sequential(
        [keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, end)]
    )
    model.compile(*compiled)
    return model, x, np.float32(y), given


@pytest.mark.parametrize("case", ["offset", "noise and decay", "rare class"])
def test_healthy_trainings_with_symptoms(case):
    model, x, y, given = healthy(case)
    doctor = TrainingDoctor(every=1, verbose=0)
    assert found(model, x, y, epochs=15, doctor=doctor, **given) == set()
    # The noise leaves no more than 0.31 to be learned.
    assert doctor.measurements_[-1].train.skill_score > (0.2 if case == "noise and decay" else 0.5)


def test_a_warm_up_is_no_rate_that_is_too_low():
    model, x, y, _ = healthy("noise and decay")
    rate = schedules.Cosine(0.002, steps=13 * 20, warmup_steps=13 * 10)
    model.compile(optimizers.SGD(rate), "mse")
    doctor = TrainingDoctor(every=100, verbose=0)
    assert found(model, x, y, epochs=20, doctor=doctor) == set()
    assert [each.epoch for each in doctor.measurements_] == [1, 20]
    assert doctor.measurements_[0].update < 1e-4


def test_a_warm_up_to_a_thousandth_of_the_rate_is():
    rate = schedules.OneCycle(1e-5, steps=8 * 4)
    model = models.mlp(4, 3, task="multiclass", optimizer="sgd", learning_rate=rate, seed=0)
    doctor = TrainingDoctor(every=100, verbose=0)
    assert found(model, *TRAIN, epochs=8, doctor=doctor) == {"learning rate too low"}
    assert [each.epoch for each in doctor.measurements_] == [1, 8]


def test_class_weights_count_as_fit_counts_them():
    doctor, weights = TrainingDoctor(every=1, verbose=0), {0: 1.0, 1: 5.0, 2: 0.5}
    model = mlp(learning_rate=0.01)
    found(model, *TRAIN, doctor=doctor, class_weight=weights)
    rows = np.array([weights[label] for label in TRAIN[1]])
    loss, *_ = model.evaluate(*TRAIN, sample_weight=rows, verbose=0)
    assert doctor.measurements_[-1].train.loss == pytest.approx(loss, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("builder", ["cnn", "rnn", "graph_network"])
def test_other_healthy_networks(builder):
    if builder == "graph_network":
        x = {"features": IRIS.x_train[None], "adjacency": np.zeros((1, 120, 120))}
        model = models.graph_network(4, 3, task="multiclass", learning_rate=0.01)
        assert found(model, x, IRIS.y_train[None], epochs=10) == set()
        return
    split = data.load("digits")
    x = split.x_train[:500] if builder == "cnn" else split.x_train[:500, ..., 0]
    model = getattr(models, builder)(x.shape[1:], 10, task="multiclass", seed=0)
    assert found(model, x, split.y_train[:500], epochs=5) == set()


def with_every_state():
    """Has all that training changes: dropout, statistics, momentum, metrics."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.3),
            keras.layers.GaussianNoise(0.1),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(
    "engine", ["graph", *(pytest.param(e, marks=pytest.mark.slow) for e in ("keras", "xla"))]
)
def test_the_training_is_the_same_bit_for_bit(engine):
    ended = []
    for callbacks in ([], [TrainingDoctor(every=1, verbose=0)]):
        model = with_every_state()
        history = kerasnn.fit(
            model,
            *TRAIN,
            validation_data=VALIDATION,
            epochs=3,
            verbose=0,
            callbacks=callbacks,
            engine=engine,
        )
        assert history.engine == engine
        variables = [*model.variables, *model.optimizer.variables]
        ended.append(
            {
                "variables": [np.array(variable).tolist() for variable in variables],
                "history": history.history,
                "drawn": (
                    random.getstate(),
                    np.random.get_state()[1].tolist(),
                    np.array(keras.random.uniform((2,))).tolist(),
                    tf.random.uniform((2,)).numpy().tolist(),
                ),
                "names": keras.layers.Dense(1).name.rpartition("_")[0],
            }
        )
    assert ended[0] == ended[1]


@pytest.mark.parametrize(
    ("every", "epochs", "measured"),
    [(2, 5, [1, 3, 5]), (3, 5, [1, 4, 5])],
)
def test_when_it_measures(every, epochs, measured):
    doctor = TrainingDoctor(every=every, verbose=0)
    found(mlp(hidden=()), *TRAIN, epochs=epochs, doctor=doctor)
    assert [each.epoch for each in doctor.measurements_] == measured


def test_by_default_it_measures_as_often_as_the_time_allows(monkeypatch):
    """The clock moves by 1 s at each reading, and by 1000 s in an epoch."""
    clock = [0.0]

    def tick():
        clock[0] += 1.0
        return clock[0]

    class Long(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            clock[0] += 1000.0

    doctor = TrainingDoctor(verbose=0)
    monkeypatch.setattr("time.perf_counter", tick)
    mlp(hidden=()).fit(*TRAIN, epochs=4, verbose=0, callbacks=[Long(), doctor])
    assert [each.epoch for each in doctor.measurements_] == [1, 2, 3, 4]
    monkeypatch.setattr(Long, "on_epoch_end", keras.callbacks.Callback().on_epoch_end)
    mlp(hidden=()).fit(*TRAIN, epochs=4, verbose=0, callbacks=[Long(), doctor])
    assert [each.epoch for each in doctor.measurements_] == [1, 4]


def test_each_finding_is_printed_once(capsys):
    xor = data.load("xor")
    doctor = TrainingDoctor(every=1)
    found(perceptron(), xor.x_train, xor.y_train, epochs=4, doctor=doctor)
    printed = capsys.readouterr().out
    assert printed == f"\nTrainingDoctor, epoch 1: {doctor.findings_[0]}\n"
    assert len(doctor.findings_) == 1


def test_a_second_training_starts_anew():
    doctor = TrainingDoctor(every=1, verbose=0)
    xor = data.load("xor")
    assert found(perceptron(), xor.x_train, xor.y_train, doctor=doctor)
    assert found(mlp(hidden=()), *TRAIN, epochs=1, doctor=doctor) == set()
    assert [each.epoch for each in doctor.measurements_] == [1]


class Exchange(keras.callbacks.Callback):
    """Gives the state of one doctor to another, in the middle of a training."""

    def __init__(self, old, new):
        super().__init__()
        self.old, self.new = old, new

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.new.restore(json.loads(json.dumps(self.old.state())))


def test_another_doctor_continues_from_a_state():
    old, new = (TrainingDoctor(every=1, verbose=0) for _ in range(2))
    xor = data.load("xor")
    arguments = {"epochs": 3, "verbose": 0, "validation_data": (xor.x_test, xor.y_test)}
    callbacks = [old, new, Exchange(old, new)]
    perceptron().fit(xor.x_train, xor.y_train, callbacks=callbacks, **arguments)
    assert new.findings_ == old.findings_
    # NaN is not equal to itself; its text is.
    assert str(new.measurements_) == str(old.measurements_)
    assert len(new.measurements_) == 3


def test_the_state_before_and_after_a_training():
    doctor = TrainingDoctor(every=1, verbose=0)
    assert doctor.state()["losses"] == doctor.state()["measurements"] == []
    xor = data.load("xor")
    found(perceptron(), xor.x_train, xor.y_train, epochs=3, doctor=doctor)
    state = doctor.state()
    assert [each["epoch"] for each in state["measurements"]] == [1, 2, 3]
    assert len(state["losses"]) == 3
    other = TrainingDoctor(verbose=0)
    other.restore(json.loads(json.dumps(state)))
    assert other.findings_ == doctor.findings_
    assert str(other.state()) == str(state)


def test_rows_given_to_the_constructor():
    """A stream is not read for a sample: it might be read only once."""
    stream = tf.data.Dataset.from_tensor_slices(TRAIN).batch(40)
    xor = data.load("xor")
    doctor = TrainingDoctor(data=TRAIN, validation_data=VALIDATION, verbose=0)
    found(mlp(hidden=()), stream, None, doctor=doctor)
    assert doctor.measurements_[-1].train.rows == 120
    assert doctor.measurements_[-1].validation.rows == 30
    doctor = TrainingDoctor(data=(xor.x_train, xor.y_train), verbose=0)
    keras.Model.fit(perceptron(), xor.x_train, xor.y_train, verbose=0, callbacks=[doctor])
    assert len(doctor.findings_) == 1


def test_without_rows_it_refuses_before_training(refuses):
    stream = tf.data.Dataset.from_tensor_slices(TRAIN).batch(40)
    model = mlp(hidden=())
    model.fit(stream, verbose=0)
    with refuses(model, argument="data", value=None):
        model.fit(stream, verbose=0, callbacks=[TrainingDoctor()])


def test_rows_given_to_the_constructor_are_checked_before_training(refuses):
    model = mlp(hidden=())
    model.fit(*TRAIN, verbose=0)
    x, y = VALIDATION
    words = np.array(["a"] * len(x))
    for rows, part in (
        ((None, None), 0),
        ((x[:, :2], y), 0),
        ((x * np.nan, y), 0),
        ((x, words), 1),
    ):
        for name in ("data", "validation_data"):
            doctor = TrainingDoctor(**{"data": VALIDATION, name: rows}, verbose=0)
            with refuses(model, f"`{name}[{part}]` must"):
                model.fit(*TRAIN, verbose=0, callbacks=[doctor])


class OwnStep(keras.Sequential):
    """Computes its loss in `train_step`, which nobody else can call."""

    def train_step(self, batch):
        x, y = batch
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.cast(y, "float32") - self(x)[:, 0]) ** 2)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}


def test_a_model_without_a_loss_is_refused_before_training(refuses):
    model = OwnStep([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)
    with refuses(model, argument="model", value=model.name):
        kerasnn.fit(model, *TRAIN, verbose=0, callbacks=[TrainingDoctor(verbose=0)])
    with refuses(model, argument="model", value=model.name):
        diagnose(model, *TRAIN)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("every", 0), ("verbose", -1), ("data", np.zeros(3)), ("validation_data", (1,))],
)
def test_wrong_arguments(invalid, argument, value):
    with invalid(argument, value):
        TrainingDoctor(**{argument: value})


def test_it_draws_its_measurements():
    doctor = TrainingDoctor(every=1, verbose=0)
    with pytest.raises(ValueError, match="has measured no training yet"):
        doctor.plot()
    found(mlp(hidden=(5,)), *TRAIN, doctor=doctor)
    [dead] = [ax for ax in doctor.plot() if ax.get_title() == "fraction of dead units"]
    assert dead.lines[0].get_xdata().tolist() == [1, 2]
