"""What replicas do not divide, the reason for it, and callbacks under a strategy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers.engine_cases import CLASSES, FEATURES, X, Y, assert_close, classifier
from tests.training.loop.test_engine_choice import chosen, trained


def mirrored():
    return tf.distribute.MirroredStrategy(["CPU:0"])


class OwnStep(keras.Sequential):
    """A model with a step of its own."""

    def train_step(self, data):
        return super().train_step(data)


def own_step():
    model = OwnStep([keras.Input((FEATURES,)), keras.layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    return model


def masked_normalization():
    layers = [keras.layers.Reshape((FEATURES, 1)), keras.layers.Masking()]
    return [*layers, keras.layers.BatchNormalization(), keras.layers.LSTM(2)]


def entropy(**arguments):
    return keras.losses.SparseCategoricalCrossentropy(**arguments)


NOT_ROWS = "its loss may be no mean over rows, which replicas need"
# Name -> what makes the model, and the reason.
NOT_DIVIDED = {
    "own step": (own_step, "a distribution strategy runs a step of the user as it is"),
    "own loss": (lambda: classifier(loss=lambda y, p: entropy()(y, p)), NOT_ROWS),
    "sum": (lambda: classifier(loss=entropy(reduction="sum")), NOT_ROWS),
    "weighted mean": (
        lambda: classifier(loss=entropy(reduction="mean_with_sample_weight")),
        NOT_ROWS,
    ),
    "own metric": (
        lambda: classifier(metrics=[lambda y, p: p]),
        "a metric of the user may be no mean over rows, which replicas need",
    ),
    "masked normalization": (
        lambda: classifier(hidden=masked_normalization),
        "batch normalization of masked steps has its statistics in each replica",
    ),
}


@pytest.mark.parametrize("name", NOT_DIVIDED)
def test_models_that_only_keras_can_train(name):
    build, why = NOT_DIVIDED[name]
    with mirrored().scope():
        model = build()
    assert chosen(model, X, Y) == ("keras", f"Only Keras's own loop can run it: {why}.")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gradient_accumulation_steps", {"gradient_accumulation_steps": 2}),
        ("ema_overwrite_frequency", {"use_ema": True, "ema_overwrite_frequency": 2}),
    ],
)
def test_optimizers_that_fail_under_a_strategy(name, options, invalid):
    with mirrored().scope():
        model = classifier(keras.optimizers.SGD(**options))
    with invalid("optimizer") as caught:
        kerasnn.fit(model, X, Y, verbose=0)
    assert name in caught.value.rule
    with invalid("optimizer"):
        kerasnn.lr_find(model, X, Y, verbose=0)
    # Prediction and evaluation do not apply it.
    assert np.isfinite(kerasnn.training.evaluate(model, X, Y, verbose=0))


# Name -> hidden layers, and what the reason says.
NOT_TRACED = {
    "penalty of outputs": (
        lambda: [keras.layers.Dense(4, activity_regularizer="l2")],
        "A loss that a layer adds is not divided between replicas.",
    ),
    "embedding": (
        lambda: [keras.layers.Embedding(9, 2), keras.layers.Flatten()],
        "Use `kerasnn.optimizers.AdamW` or `kerasnn.optimizers.SGD`.",
    ),
}


@pytest.mark.parametrize("name", NOT_TRACED)
def test_models_that_replicas_cannot_trace(name):
    hidden, why = NOT_TRACED[name]
    with mirrored().scope():
        model = classifier(hidden=hidden)
    x = abs(X).astype(int) % 9
    engine, reason = trained(model, x, Y)
    assert engine == "keras"
    assert why in reason
    found = kerasnn.training.evaluate(model, x, Y, verbose=0)
    np.testing.assert_allclose(found, keras.Model.evaluate(model, x, Y, verbose=0), rtol=1e-5)


def test_an_optimizer_made_outside_of_the_scope():
    optimizer = keras.optimizers.SGD()
    with mirrored().scope():
        model = classifier(optimizer)
    engine, reason = chosen(model, X, Y)
    assert engine == "keras"
    assert "a variable of it was not created in the scope of its distribution strategy" in reason


def test_generators_to_validate_on():
    with mirrored().scope():
        model = classifier()
    given = {"validation_data": iter([(X, Y)] * 9), "validation_steps": 1}
    engine, reason = chosen(model, X, Y, **given)
    assert engine == "keras"
    assert "Keras reads a generator under a distribution strategy" in reason


def test_streams_to_validate_and_evaluate_on():
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    with mirrored().scope():
        divided = classifier()
    histories = [
        kerasnn.fit(model, X, Y, epochs=2, seed=0, verbose=0, validation_data=batches)
        for model in (divided, classifier())
    ]
    assert histories[0].engine == "graph"
    for name, values in histories[1].history.items():
        np.testing.assert_allclose(histories[0].history[name], values, rtol=1e-4)
    found = kerasnn.training.evaluate(divided, batches, verbose=0, return_dict=True)
    for name, value in found.items():
        np.testing.assert_allclose(histories[0].history[f"val_{name}"][-1], value, rtol=1e-5)
    some = kerasnn.training.evaluate(divided, batches, verbose=0, steps=1)
    np.testing.assert_allclose(
        some, kerasnn.training.evaluate(divided, X[:16], Y[:16], verbose=0), rtol=1e-5
    )


class Filled(keras.layers.Layer):
    """Replaces NaN by zero."""

    def call(self, inputs):
        return keras.ops.nan_to_num(inputs)


def test_streams_with_nan_that_is_allowed():
    x = X.copy()
    x[40, 0] = np.nan
    batches = tf.data.Dataset.from_tensor_slices((x, Y)).batch(16)
    with mirrored().scope():
        model = classifier(hidden=lambda: [Filled()])
    given = {"validation_data": batches, "allow_nan": True, "verbose": 0}
    history = kerasnn.fit(model, X, Y, **given)
    assert history.engine == "graph"
    wanted = kerasnn.training.evaluate(model, x, Y, allow_nan=True, verbose=0)
    found = kerasnn.training.evaluate(model, batches, allow_nan=True, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(history.history["val_loss"], np.ravel(wanted)[:1], rtol=1e-5)


def test_a_wrong_value_to_validate_on():
    x = X.copy()
    x[40, 0] = np.nan
    batches = tf.data.Dataset.from_tensor_slices((x, Y)).batch(16)
    with mirrored().scope():
        model = classifier()
    before = model.get_weights()
    with pytest.raises(kerasnn.InvalidArgument) as caught:
        kerasnn.fit(model, X, Y, verbose=0, validation_data=batches)
    assert caught.value.argument == "validation_data[0]"
    assert_close(model.get_weights(), before)
    with pytest.raises(kerasnn.InvalidArgument) as caught:
        kerasnn.training.evaluate(model, batches, verbose=0)
    assert caught.value.argument == "x"


def test_one_replica_has_the_bits_of_the_seeds_of_one_device():
    def build():
        return classifier(hidden=lambda: [keras.layers.Dense(6), kerasnn.layers.Dropout(0.5)])

    with mirrored().scope():
        divided = build()
    alone = build()
    for model in (divided, alone):
        kerasnn.fit(model, X, Y, epochs=2, seed=0, verbose=0, validation_split=0.2)
    assert_close(divided.get_weights(), alone.get_weights())


def test_callbacks(tmp_path):
    with mirrored().scope():
        model = kerasnn.models.mlp(FEATURES, CLASSES, task="multiclass", seed=1)
    schedule = kerasnn.schedules.Exponential(0.01, rate=0.5)
    best = kerasnn.callbacks.BestModel(tmp_path / "best.keras")
    doctor = kerasnn.callbacks.TrainingDoctor()
    stop = kerasnn.callbacks.EarlyStopping("val_loss", patience=1, min_delta=10.0)
    callbacks = [best, doctor, stop, kerasnn.callbacks.LearningRateDecay(schedule)]
    history = kerasnn.fit(
        model, X, Y, epochs=5, seed=0, verbose=0, validation_split=0.2, callbacks=callbacks
    )
    assert history.engine == "graph"
    assert len(history.epoch) == 2
    np.testing.assert_allclose(history.history["learning_rate"], [0.01, 0.005])
    assert len(doctor.measurements_) > 0
    saved = keras.models.load_model(best.path)
    assert saved.predict(X, verbose=0).shape == (len(X), CLASSES)


def test_a_resumed_run(tmp_path):
    def train(name, *epochs):
        for last in epochs:
            keras.utils.set_random_seed(2)
            with mirrored().scope():
                model = kerasnn.models.mlp(FEATURES, CLASSES, task="multiclass", dropout=0.2)
            resume = kerasnn.callbacks.Resume(tmp_path / name)
            kerasnn.fit(model, X, Y, epochs=last, verbose=0, callbacks=[resume])
        return model.get_weights()

    whole, resumed = train("whole", 3), train("halves", 1, 3)
    assert all((a == b).all() for a, b in zip(whole, resumed, strict=True))


def test_a_loss_that_leaves_the_finite_numbers():
    with mirrored().scope():
        model = classifier(keras.optimizers.SGD(1e38))
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match="in epoch 1"):
        kerasnn.fit(model, X, Y, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
