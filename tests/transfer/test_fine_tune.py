"""`fine_tune`: frozen layers run once, and the weights equal those of ordinary training."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import callbacks, models, optimizers, schedules, transfer
from kerasnn.transfer import fine_tune
from tests.helpers.seeds import set_seeds
from tests.transfer.transfer_cases import (
    CLASSES,
    as_if_trained,
    compiled,
    counted,
    images,
    network,
    weights_by_layer,
)

REGIMES = {
    "small": ["head"],
    "medium": ["head", "last block and head"],
    "large": ["head", "all layers"],
}


def tuned(model=None, *, rows=48, **arguments):
    """Returns a model fine-tuned in silence, and its History."""
    model = network() if model is None else model
    x, y = images(rows)
    arguments = {"epochs": 2, "regime": "small", "seed": 1, "verbose": 0, **arguments}
    return model, fine_tune(model, x, y, **arguments)


def assert_same_weights(ours, theirs, **limits):
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **limits)


def test_frozen_layers_run_once_over_each_image():
    """The weights equal those of training through the frozen layers in each epoch."""
    validation = images(12, seed=1)
    counted()
    cached, one = tuned(epochs=5, precision="float32", validation_data=validation)
    assert counted() == 48 + 12
    uncached, other = tuned(epochs=5, cache="none")
    assert counted() >= 5 * 48
    assert_same_weights(cached, uncached, atol=1e-4)
    np.testing.assert_allclose(one.history["loss"], other.history["loss"], atol=1e-4)


def test_keras_trains_to_the_same_head():
    """With the same rows in the same order."""
    x, y = images()
    ours, plain = network(), network()
    for model in (ours, plain):
        transfer.freeze_to(model, "head")
        # Keras would apply dropout in the frozen part, too, and by the position in the batch.
        model.get_layer("block1_drop").rate = model.get_layer("dropout_1").rate = 0.0
    keras.Model.fit(plain, x, y, batch_size=48, epochs=5, verbose=0)
    tuned(ours, batch_size=48, epochs=5, precision="float32")
    assert_same_weights(ours, plain, atol=1e-4)


@pytest.mark.parametrize("cache", ["memory", pytest.param("none", marks=pytest.mark.slow)])
@pytest.mark.parametrize("regime", REGIMES)
def test_frozen_variables_are_bit_identical_and_all_others_change(regime, cache):
    model = network()
    if regime == "large":
        compiled(model, optimizers.SGD(0.05, momentum=0.9))
    before = weights_by_layer(model)
    _, history = tuned(model, regime=regime, cache=cache, epochs=1)
    assert [stage.name for stage in history.stages] == REGIMES[regime]
    after = weights_by_layer(model)
    moved = {n for n in before if not all(map(np.array_equal, before[n], after[n]))}
    last = {"small": [], "medium": ["block2_conv1", "block2_conv2"]}
    last["large"] = ["block1_conv", *last["medium"]]
    assert moved == {"hidden_1", "output", *last[regime]}
    assert history.stages[-1].trainable == sum(v.numpy().size for v in model.trainable_weights)


def test_history_and_output_of_two_stages(capsys):
    x, y = images(12, seed=1)
    decay = callbacks.LearningRateDecay(schedules.Exponential(0.01, rate=0.5), per="epoch")
    model, history = tuned(
        regime="medium",
        epochs=3,
        head_epochs=2,
        validation_data=(x, y),
        callbacks=[decay],
        verbose=1,
    )
    assert history.epoch == [0, 1, 2, 3, 4]
    assert set(history.history) == {
        *("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    }
    assert all(len(values) == 5 for values in history.history.values())
    rates = history.history["learning_rate"]
    np.testing.assert_allclose(rates, [0.01, 0.005, 0.01, 0.005, 0.0025])
    assert [(stage.name, stage.epochs) for stage in history.stages] == [
        ("head", 2),
        ("last block and head", 3),
    ]
    assert model.history is history
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(loss, abs=1e-4)
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy)
    printed = capsys.readouterr().out
    assert "Stage 1 of 2, head: 67 parameters trainable, in 2 layers" in printed
    assert "Stage 2 of 2, last block and head: 363 parameters trainable, in 4 layers" in printed
    assert "Features of the training images, in float32" in printed
    assert "images/s" in printed
    assert "144/144" in printed


def test_the_regime_follows_from_the_data(capsys):
    tuned(regime="auto", verbose=1, epochs=2, batch_size="full")
    printed = capsys.readouterr().out
    assert "Regime small: 48 examples, 16 a class: fewer than 100 a class" in printed
    assert "96/96" in printed


def test_layers_that_are_set_by_hand_are_trained_in_one_stage():
    model = network()
    transfer.freeze_to(model, "block2_conv2")
    before = weights_by_layer(model)
    _, history = tuned(model, regime=None)
    after = weights_by_layer(model)
    moved = {n for n in before if not all(map(np.array_equal, before[n], after[n]))}
    assert moved == {"block2_conv2", "hidden_1", "output"}
    assert [stage.name for stage in history.stages] == ["trainable layers"]


def test_earlier_layers_have_smaller_rates():
    """One step of SGD changes a layer by rate * decay ** (layers after it) * gradient."""
    rate, decay, (x, y) = 0.5, 0.25, images()
    ours, plain = (compiled(network(), keras.optimizers.SGD(rate)) for _ in range(2))
    transfer.freeze_to(ours, "block2")
    before = weights_by_layer(ours)
    # Without dropout, which would differ between the two.
    for model in (ours, plain):
        model.get_layer("dropout_1").rate = 0.0
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(y, plain(x, training=False))
        )
    trained = ["block2_conv1", "block2_conv2", "hidden_1", "output"]
    kernels = [plain.get_layer(name).kernel.value for name in trained]
    gradients = tape.gradient(loss, kernels)
    fine_tune(
        ours,
        x,
        y,
        regime=None,
        layer_decay=decay,
        epochs=1,
        batch_size=48,
        precision="float32",
        verbose=0,
    )
    for index, (name, gradient) in enumerate(zip(trained, gradients, strict=True)):
        step = ours.get_layer(name).get_weights()[0] - before[name][0]
        wanted = -rate * decay ** (len(trained) - 1 - index) * gradient.numpy()
        np.testing.assert_allclose(step, wanted, atol=1e-6, err_msg=name)


def test_the_second_stage_has_a_tenth_of_the_rate():
    x, y = images()
    model = compiled(network(), keras.optimizers.SGD(0.1))
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_layer("output").get_weights()[1])
    )
    arguments = {"epochs": 1, "batch_size": 48, "layer_decay": 1.0, "verbose": 0}
    model.get_layer("dropout_1").rate = 0.0
    fine_tune(model, x, y, regime="large", callbacks=[watch], **arguments)
    start = network().get_layer("output").get_weights()[1]
    first, second = np.abs(seen[0] - start).sum(), np.abs(seen[1] - seen[0]).sum()
    assert second == pytest.approx(first / 10, rel=0.2)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)


def test_a_given_rate_holds_for_one_call():
    model, _ = tuned(learning_rate=0.05)
    assert np.abs(model.get_weights()[-1] - network().get_weights()[-1]).max() > 0.01
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)


@pytest.mark.slow
def test_two_runs_of_one_seed_are_bit_identical():
    for regime in ("small", "medium"):
        assert_same_weights(tuned(regime=regime)[0], tuned(regime=regime)[0], rtol=0, atol=0)


def test_callbacks_receive_the_whole_model_and_stop_it(tmp_path):
    model, (x, _) = network(), images()
    best = callbacks.BestModel(tmp_path / "best.keras", monitor="loss")
    stop = callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=10.0)
    doctor = callbacks.TrainingDoctor(every=1)
    _, history = tuned(model, epochs=9, callbacks=[best, stop, doctor])
    assert len(history.epoch) == 2
    saved = keras.saving.load_model(tmp_path / "best.keras")
    assert saved.predict(x, verbose=0).shape == (48, CLASSES)
    assert stop.model is model
    assert len(doctor.measurements_) > 0


@pytest.mark.slow
def test_class_weights_and_sample_weights():
    class_weight = {0: 1.0, 1: 0.0, 2: 0.0}
    by_class, _ = tuned(class_weight=class_weight, epochs=3)
    rows = np.array([class_weight[label] for label in images()[1]])
    by_row, _ = tuned(sample_weight=rows, epochs=3)
    assert_same_weights(by_class, by_row, rtol=1e-4, atol=1e-6)
    plain, _ = tuned(epochs=3)
    assert np.abs(plain.get_weights()[-1] - by_row.get_weights()[-1]).max() > 1e-4


def test_a_dataset_gives_the_same_features_once(tmp_path):
    x, y = images()
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(10)
    validation = tf.data.Dataset.from_tensor_slices(images(12, seed=1)).batch(5)
    counted()
    stream = network()
    history = fine_tune(
        stream,
        batches,
        validation_data=validation,
        regime="auto",
        epochs=3,
        cache=tmp_path,
        precision="float32",
        seed=1,
        verbose=0,
    )
    assert counted() == 48 + 12
    arrays, other = tuned(
        epochs=3,
        validation_data=images(12, seed=1),
        cache=tmp_path,
        precision="float32",
    )
    assert counted() == 0
    assert_same_weights(stream, arrays, atol=1e-5)
    np.testing.assert_allclose(history.history["val_loss"], other.history["val_loss"], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("regime", ["medium", "large"])
def test_a_dataset_trains_in_stages(regime):
    batches = tf.data.Dataset.from_tensor_slices(images()).batch(12)
    history = fine_tune(network(), batches, regime=regime, epochs=2, verbose=0)
    assert [stage.name for stage in history.stages] == REGIMES[regime]
    assert np.isfinite(history.history["loss"]).all()


def test_augmentation_in_each_epoch_keeps_no_features(capsys):
    counted()
    _, history = tuned(augment=True, epochs=2, verbose=1)
    assert counted() >= 2 * 48
    assert "No features are kept: `augment=True` alters each image" in capsys.readouterr().out
    assert history.stages[0].precision is None


def test_features_of_altered_copies_are_computed_once():
    counted()
    _, history = tuned(augment=3, epochs=5)
    assert 3 * 48 <= counted() <= 3 * 48 + 16
    assert history.stages[0].precision is not None


def test_augmentation_in_the_model_stays_on(capsys):
    set_seeds(0)
    model = as_if_trained(
        models.cnn((12, 12, 1), CLASSES, task="multiclass", augment=True, filters=(4, 4))
    )
    _, history = tuned(model, epochs=1, verbose=1)
    assert "No features are kept: `augment_shift` alters each image anew" in capsys.readouterr().out
    assert history.stages[0].precision is None


@pytest.mark.parametrize("as_dataset", [True, False])
def test_normalisation_is_learned_first(as_dataset):
    x, y = images()
    set_seeds(0)
    model = as_if_trained(
        models.cnn((12, 12, 1), CLASSES, task="multiclass", filters=(4, 4), hidden=())
    )
    data = (tf.data.Dataset.from_tensor_slices((x, y)).batch(12), None) if as_dataset else (x, y)
    history = fine_tune(model, *data, epochs=1, verbose=0)
    assert [stage.name for stage in history.stages] == ["head"]
    layer = model.get_layer("standardize")
    np.testing.assert_allclose(layer.get_weights()[0].ravel(), x.mean(), rtol=1e-4)


def test_regression_predicts_in_the_units_of_its_targets():
    x, y = images()
    target = 1000.0 + 50.0 * y
    model = transfer.from_backbone(network(), task="regression", head=())
    fine_tune(model, x, target, epochs=80, learning_rate=0.05, verbose=0)
    assert np.corrcoef(model.predict(x, verbose=0).ravel(), target)[0, 1] > 0.9
    assert abs(model.predict(x, verbose=0).mean() - 1050) < 20


@pytest.mark.slow
def test_bfloat16_predicts_as_float32():
    """On test images of digits, for a network that was trained on other digits."""
    from kerasnn import data

    digits = data.load("digits")
    set_seeds(0)
    old, new = digits.y_train < 5, digits.y_train >= 5
    source = models.cnn((8, 8, 1), 5, task="multiclass", filters=(8, 16), convolutions=2)
    source.fit(digits.x_train[old], digits.y_train[old], epochs=3, verbose=0)
    x_test = digits.x_test[digits.y_test >= 5]
    classes = {}
    for precision in ("float32", "bfloat16"):
        model = transfer.from_backbone(source, outputs=5, task="multiclass", head=(), seed=0)
        history = fine_tune(
            model,
            digits.x_train[new],
            digits.y_train[new] - 5,
            regime="small",
            epochs=10,
            precision=precision,
            seed=0,
            verbose=0,
        )
        assert history.stages[0].precision.name == precision
        assert (history.stages[0].precision.relative_error > 0) == (precision == "bfloat16")
        classes[precision] = model.predict(x_test, verbose=0).argmax(axis=1)
    assert np.mean(classes["float32"] == classes["bfloat16"]) >= 0.99


@pytest.fixture(scope="module")
def unchanged():
    """A network for calls that are refused, and so do not change it."""
    return network()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("epochs", 0),
        ("head_epochs", -1),
        ("regime", "tiny"),
        ("learning_rate", 0),
        ("layer_decay", 1.5),
        ("precision", "float16"),
        ("cache", None),
        pytest.param("cache", __file__, id="cache-file"),
        ("cache_limit_gb", 0),
        ("augment", -1),
        ("batch_size", 0),
        ("callbacks", [callbacks.Resume("r")]),
        ("verbose", "loud"),
        ("engine", "jax"),
    ],
)
def test_a_wrong_argument_changes_nothing(refuses, unchanged, argument, value):
    with refuses(unchanged, argument=argument):
        tuned(unchanged, **{argument: value})
    assert len(unchanged.trainable_variables) == 14


def test_arguments_of_training_are_checked(refuses, unchanged):
    for arguments, message in (
        ({"validation_data": images(6)[0]}, "`validation_data`"),
        ({"callbacks": [callbacks.EarlyStopping()]}, "`monitor`"),
        ({"callbacks": [callbacks.EarlyStopping]}, "EarlyStopping"),
        ({"engine": "keras"}, "`engine"),
    ):
        with refuses(unchanged, message):
            tuned(unchanged, **arguments)


def test_wrong_data_changes_nothing(refuses, unchanged):
    x, y = images()
    bad = x.copy()
    bad[3, 2] = np.nan
    for images_, targets, message in (
        (bad, y, "`x`"),
        (x, y + 1, "`y`"),
        (x[:5], y, "rows"),
        (x[..., 0, :], y, "`x`"),
        (None, y, "`x`"),
        (iter([x]), None, "`x`"),
        (tf.data.Dataset.from_tensors((x, y)).repeat(), None, "`x` must end"),
    ):
        with refuses(unchanged, message):
            fine_tune(unchanged, images_, targets, epochs=1, verbose=0)


def test_a_model_without_head_or_compilation_is_refused(invalid):
    x, y = images()
    with invalid("model"):
        fine_tune(models.mlp(4, 3, task="multiclass"), np.zeros((3, 4)), [0, 1, 2], epochs=1)
    bare = transfer.from_backbone(network(), outputs=3, task="multiclass", compile=False)
    with pytest.raises(ValueError, match="compile"):
        fine_tune(bare, x, y, epochs=1)
    model: Any = "model"
    with invalid("model", "model"):
        fine_tune(model, x, y, epochs=1)


def unregistered_metric(y, p):
    return p


class EveryBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise AssertionError


class OwnCall(keras.Model):
    def call(self, inputs, training=None):
        return super().call(0 * inputs, training=training)


class OwnLoss(keras.Model):
    def compute_loss(self, *args, **kwargs):
        return 100 + super().compute_loss(*args, **kwargs)


def test_models_that_need_the_loop_of_keras_are_refused(refuses, unchanged):
    with refuses(unchanged, "cannot be trained on"):
        tuned(unchanged, callbacks=[EveryBatch()])
    own = compiled(OwnLoss(unchanged.inputs, unchanged.outputs))
    with refuses(own, argument="model"):
        tuned(own)
    odd = compiled(OwnCall(unchanged.inputs, unchanged.outputs))
    with refuses(odd, argument="model"):
        tuned(odd)


def test_a_frozen_model_is_refused(refuses):
    model = network()
    model.trainable = False
    with refuses(model, argument="model"):
        tuned(model, regime=None)
    assert not model.trainable_variables


def test_an_error_before_the_first_step_changes_nothing(refuses, invalid, tmp_path):
    """Neither flags, nor statistics, learning rate or optimizer."""
    model = as_if_trained(models.cnn((12, 12, 1), CLASSES, task="multiclass", filters=(4, 4)))
    flags = [layer.trainable for layer in model.layers]
    optimizer = model.optimizer
    with refuses(model, argument="cache_limit_gb", value=1e-9):
        tuned(model, cache=tmp_path, cache_limit_gb=1e-9, learning_rate=0.1)
    unregistered = compiled(network())
    unregistered.compile("adam", "sparse_categorical_crossentropy", metrics=[unregistered_metric])
    with invalid("model"):
        tuned(unregistered)
    assert [layer.trainable for layer in model.layers] == flags
    assert model.optimizer is optimizer
    assert not model.get_layer("standardize").adapted
    assert all(layer.trainable for layer in unregistered.layers)


def test_errors_of_a_dataset_name_it(unchanged, invalid):
    x, y = images()
    bad = x.copy()
    bad[20] = np.nan

    def batches(x):
        return tf.data.Dataset.from_tensor_slices((x, y)).batch(12)

    for data, message in (
        (batches(bad), "`x of batch 1` .* got nan in row 8"),
        (
            batches(x).map(lambda a, b: (tf.debugging.check_numerics(a / 0, "odd"), b)),
            "`x` must yield all of its batches; .*odd",
        ),
        (batches(x).filter(lambda a, b: False), "`x` must hold at least one batch"),
        (batches(x).unbatch(), "`x` must"),
    ):
        with pytest.raises(ValueError, match=message):
            fine_tune(unchanged, data, regime="small", epochs=1, verbose=0)
    with pytest.raises(ValueError, match=r"`validation_data of batch 1` .* nan"):
        fine_tune(unchanged, x, y, validation_data=batches(bad), epochs=1, verbose=0)
    weights = {0: 1.0, 1: 1.0, 2: 1.0}
    with invalid("class_weight", weights):
        fine_tune(unchanged, batches(x), class_weight=weights, epochs=1)
    with invalid("regime", "auto"):
        fine_tune(unchanged, batches(x).filter(lambda a, b: True), epochs=1, verbose=0)


def test_operators_and_lambdas_between_layers_run_in_bfloat16():
    set_seeds(0)
    image = keras.Input((12, 12, 1))
    x = keras.layers.Lambda(lambda a: a + 1.0)(image / 2.0)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(x))
    model = as_if_trained(keras.Model(image, keras.layers.Dense(CLASSES, "softmax")(x)))
    _, history = tuned(compiled(model), precision="bfloat16")
    assert history.stages[0].precision.name == "bfloat16"
    again = transfer.from_backbone(model, task="binary", head=())
    tuned_x = images()[0]
    np.testing.assert_allclose(
        transfer.features(again, tuned_x, precision="float32", verbose=0),
        transfer.features(model, tuned_x, precision="float32", verbose=0),
    )


@pytest.mark.slow
def test_mixed_precision_through_several_stages_and_calls():
    keras.config.set_dtype_policy("mixed_float16")
    model = network()
    tuned(model, regime="medium")
    _, history = tuned(model, regime="large")
    assert np.isfinite(history.history["loss"]).all()


def test_a_nested_backbone_with_its_pooling_is_frozen_whole(invalid):
    inner = network()
    base = keras.Model(inner.input, inner.get_layer("pool").output, name="base")
    image = keras.Input((12, 12, 1))
    head = keras.layers.Dense(CLASSES, "softmax", name="last")
    model = compiled(keras.Model(image, head(base(image))))
    counted()
    tuned(model, epochs=2, precision="float32")
    assert counted() == 48
    with invalid("model"):
        transfer.from_backbone(model, task="binary")
