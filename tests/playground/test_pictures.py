"""What is drawn is what the model computes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.playground.session.frame import Array, pack, unpack
from tests.playground.page import page
from tests.playground.test_training import ran

PIXELS = 100


def script_of(opened):
    """The names that the code shown leaves."""
    return ran(opened.ask("code")["code"])


def plane():
    """Inputs at the centres of the pixels, the largest y first."""
    centres = -6 + 12 * (np.arange(PIXELS) + 0.5) / PIXELS
    x, y = np.meshgrid(centres, centres[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def bytes_of(values, low, high):
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 255)


def assert_map(drawn, values, low, high):
    """A map agrees to one of its 255 steps."""
    expected = bytes_of(values, low, high).reshape(PIXELS, PIXELS)
    assert np.abs(drawn.astype(int) - expected).max() <= 1


def test_the_map_and_the_units_are_the_models_outputs():
    network = {"dataset": "xor", "hidden": "3,2", "features": ["x", "xy", "sinx"]}
    with page(**network, activation="relu", batch_normalization=True) as opened:
        _, arrays = opened.train(2)
        script = script_of(opened)
        opened.send("watch", unit=[1, 2])
        _, watched = opened.frame()
    model, grid = script["model"], plane()
    assert_map(arrays["map"], model(grid).numpy(), 0, 1)
    names = [layer.name for layer in model.layers]
    first = keras.Model(model.input, model.get_layer("hidden_1_activation").output)
    hidden = first(grid).numpy()
    assert arrays["units"].shape == (3 + 2 + 3, 20, 20)
    small = hidden[:, 1].reshape(PIXELS, PIXELS)[2::5, 2::5]
    most = np.abs(small).max()
    assert np.abs(arrays["units"][1].astype(int) - bytes_of(small, -most, most)).max() <= 1
    most = np.abs(hidden[:, 2]).max()
    assert_map(watched["unit_map"], hidden[:, 2], -most, most)
    assert "hidden_2_norm" in names
    # The inputs come last: the third is sin x.
    small = np.sin(grid[:, 0]).reshape(PIXELS, PIXELS)[2::5, 2::5]
    most = np.abs(small).max()
    assert np.abs(arrays["units"][7].astype(int) - bytes_of(small, -most, most)).max() <= 1


def test_several_classes():
    with page(dataset="clusters", classes=5, hidden="4") as opened:
        _, arrays = opened.train(1)
        outputs = script_of(opened)["model"](plane()).numpy()
        assert_map(arrays["map"], outputs.max(axis=1), 0, 1)
        wrong = arrays["classes_map"].ravel() != outputs.argmax(axis=1)
        assert wrong.mean() < 1e-3
        state = opened.messages[0]
        assert state["classes"] == state["outputs"] == list("01234")
        assert set(opened.points[0][1]["train"][:, 2]) == set(range(5))


def test_regression_is_drawn_in_the_range_of_the_targets():
    with page(dataset="multi-gaussian", hidden="4") as opened:
        header, arrays = opened.train(1)
        script = script_of(opened)
        y = script["split"].y_train
        assert_map(arrays["map"], script["model"](plane()).numpy(), y.min(), y.max())
        [entry] = [each for each in header["arrays"] if each["name"] == "map"]
        assert (entry["low"], entry["high"]) == (pytest.approx(y.min()), pytest.approx(y.max()))
        assert header["metric"] == "mae"


def test_gradients_and_dead_units():
    network = {"hidden": "3,2", "activation": "relu"}
    with page(**network) as opened:
        # A bias far below switches a unit off.
        opened.send("set_weight", layer=1, unit=1, input=None, value=-1000)
        _, arrays = opened.frame()
        assert arrays["dead"].tolist()[:3] == [0, 1, 0]
        script = script_of(opened)
        model, split = script["model"], script["split"]
        weights = model.get_layer("hidden_1").get_weights()
        weights[1][1] = -1000
        model.get_layer("hidden_1").set_weights(weights)
    with tf.GradientTape() as tape:
        loss = keras.losses.BinaryCrossentropy()(split.y_train[:, None], model(split.x_train))
    kernels = [w for w in model.trainable_variables if w.name == "kernel"]
    found = [
        float(tf.reduce_mean(tf.abs(g))) for g in tape.gradient(loss, [k.value for k in kernels])
    ]
    assert arrays["gradients"].shape == (3,)
    np.testing.assert_allclose(arrays["gradients"], found, rtol=1e-4)


def test_the_first_frame_measures_what_training_has_not_yet():
    for network in (
        {"hidden": "4", "optimizer": "adam", "l1": 0.01, "l2": 0.02},
        {"dataset": "rings", "loss": "mse"},
        {"dataset": "plane", "hidden": ""},
    ):
        with page(**network) as opened:
            header, _ = opened.frames[0]
            script = script_of(opened)
        model, split = script["model"], script["split"]
        found = model.evaluate(split.x_test, script["y_test"], verbose=0, return_dict=True)
        assert header["test_loss"] == pytest.approx(found["loss"], rel=1e-4)
        assert header["test_metric"] == pytest.approx(found[header["metric"]], rel=1e-4)
        assert header["epoch"] == 0


def test_frames_stay_below_50_kb_and_show_all_in_turn():
    network = {"dataset": "rings", "classes": 6, "hidden": "8,8,8,8,8,8", "dropout": 0.1}
    with page(**network, features=["x", "y", "x2", "y2", "xy", "sinx", "siny"]) as opened:
        opened.ask("mc_dropout", samples=2)
        opened.send("watch", unit=[6, 7])
        opened.train(6)
        seen = {name for _, arrays in opened.frames for name in arrays}
        assert {"units", "unit_map", "uncertainty"} <= seen
        assert max(opened.sizes) < 50_000


def test_what_is_watched_must_be_there():
    with page(hidden="2") as opened:
        opened.send("watch", unit=[5, 0])
        _, arrays = opened.frame()
        assert "unit_map" not in arrays
        for wrong in ({"unit": [1]}, {"unit": ["a", 1]}, {"speed": -1}, {"uncertainty": "all"}):
            after = len(opened.messages)
            opened.send("watch", **wrong)
            assert opened.wait_for("error", after=after)["argument"] == next(iter(wrong))


def test_a_binary_message_is_read_as_it_was_written():
    arrays = {
        "bytes": Array(np.arange(5, dtype=np.uint8), 0.0, 1.0),
        "floats": Array(np.array([[1.5, np.nan]], np.float32)),
        "none": Array(np.zeros((2, 0), np.float32)),
    }
    header, found = unpack(pack({"loss": np.float32("nan"), "name": "ü"}, arrays))
    assert header["loss"] is None
    assert header["name"] == "ü"
    assert header["arrays"][0]["high"] == 1.0
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array.values)


def test_the_generated_sets():
    load = kerasnn.playground.points.load
    split = load("plane", samples=100, seed=1)
    np.testing.assert_allclose(split.y_train, split.x_train.sum(axis=1) / 10, rtol=1e-5)
    split = load("multi-gaussian", samples=2000)
    near = np.linalg.norm(split.x_train - [4, 2.5], axis=1) < 0.2
    assert split.y_train[near].min() > 0.85
    rings = load("rings", classes=4)
    radii = np.linalg.norm(rings.x_train, axis=1)
    assert all(np.ptp(radii[rings.y_train == k]) < 1.3 for k in range(4))
    clusters = load("clusters", classes=3, noise=0.1)
    centres = [clusters.x_train[clusters.y_train == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 3.5, atol=0.3)


def test_the_generated_sets_refuse(invalid):
    load = kerasnn.playground.points.load
    with invalid("name", "ring"):
        load("ring")
    with invalid("classes", 1):
        load("rings", classes=1)
    with invalid("noise", 0.6):
        load("plane", noise=0.6)
