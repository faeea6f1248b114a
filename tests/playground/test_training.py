"""A session's training: its numbers are those of the code shown, whatever a user does meanwhile."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from importlib.resources import files

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network.code import code_of
from kerasnn.playground.points.data import read
from tests.playground.page import page


def ran(code):
    """The names that a script leaves."""
    names = {}
    exec(compile(code, "playground.py", "exec"), names)
    return names


def lesson(name):
    """The configuration of a lesson."""
    text = (files("kerasnn.playground") / "static" / "presets.json").read_text()
    return next(each["config"] for each in json.loads(text)["presets"] if each["id"] == name)


def weights_of(model):
    """Kernels and biases as the page receives them."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return np.concatenate([np.ravel(w) for layer in layers for w in layer.get_weights()])


def assert_same(opened, frame):
    """A frame's numbers are those of the code, to the last bit."""
    header, arrays = frame
    script = ran(opened.ask("code")["code"])
    history = script["history"].history
    np.testing.assert_array_equal(arrays["weights"], weights_of(script["model"]))
    assert history["loss"][-1] == header["train_loss"]
    assert history["val_loss"][-1] == header["test_loss"]
    assert history[f"val_{header['metric']}"][-1] == header["test_metric"]


CONFIGURATIONS = {
    "as it comes": {},
    "all features": {
        "features": ["x", "y", "x2", "y2", "xy", "sinx", "siny"],
        "hidden": "3",
        "activation": "relu",
    },
    "one feature, no layer": {"dataset": "gaussian", "features": ["xy"], "hidden": ""},
    "penalties by SGD": {"optimizer": "momentum", "l1": 0.01, "l2": 0.001, "noise": 20},
    "penalties by Adam": {"optimizer": "adam", "l1": 0.01, "activation": "gelu"},
    "dropout and normalisation": {
        "hidden": "6,4",
        "dropout": 0.3,
        "batch_normalization": True,
        "activation": "elu",
        "optimizer": "rmsprop",
    },
    "an activation a layer": {"hidden": "3,2", "activations": ["threshold", "leaky_relu"]},
    "an activation a unit": {
        "hidden": "3",
        "unit_activations": [["relu", "threshold", "linear"]],
        "optimizer": "adadelta",
        "learning_rate": 1.0,
    },
    "several classes": {"dataset": "rings", "classes": 4, "hidden": "5", "seed": 3},
    "squared error of classes": {"dataset": "clusters", "loss": "mse", "data_seed": 2},
    "regression": {"dataset": "plane", "hidden": "3", "optimizer": "adagrad", "batch_size": 30},
    "cones, with a schedule": {
        "dataset": "multi-gaussian",
        "schedule": "exponential",
        "schedule_epochs": 5,
        "initialization": "large",
        "optimizer": "nesterov",
        "learning_rate": 0.001,
    },
}


# Between them features, dropout, normalisation, several classes, regression and a schedule.
QUICK = ("all features", "dropout and normalisation", "several classes", "cones, with a schedule")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in CONFIGURATIONS],
)
def test_the_code_gives_the_same_numbers(name):
    with page(**CONFIGURATIONS[name]) as opened:
        frame = opened.train(2)
        assert_same(opened, frame)


def test_every_choice_stands_in_one_of_the_configurations():
    from kerasnn.playground import configuration as choices

    used = [Configuration.from_dict(each) for each in CONFIGURATIONS.values()]
    activations = {each.activation for each in used}
    for each in used:
        activations |= set(each.activations or ()) | set(
            itertools.chain(*each.unit_activations or ())
        )
    assert {each.optimizer for each in used} == set(choices.OPTIMIZERS)
    assert activations >= set(choices.ACTIVATIONS) - {"sigmoid"}
    assert {each.dataset for each in used} >= set(choices.DATASETS) - {"table", "xor", "spiral"}


def test_what_is_changed_by_hand_stands_in_the_code(capsys):
    with page(dataset="xor", hidden="3,2") as opened:
        opened.send("set_weight", layer=1, unit=2, input=None, value=0.5)
        opened.train(2)
        opened.send("set_weight", layer=2, unit=1, input=2, value=-1.25)
        opened.configure(dataset="xor", hidden="3,2", learning_rate=0.1)
        opened.train(1)
        opened.configure(dataset="xor", hidden="3,2", learning_rate=0.01)
        # It takes the place of the one before.
        opened.configure(dataset="xor", hidden="3,2", learning_rate=0.2)
        frame = opened.train(2)
        assert frame[0]["epoch"] == 5
        assert_same(opened, frame)
        code = opened.ask("code")["code"]
        assert '("hidden_2", "kernel", (2, 1), -1.25)' in code
        assert "0.01" not in code.split("changes")[1]
        # Right after a change, what the script prints is measured with it, as what the page shows.
        after = len(opened.frames)
        opened.send("set_weight", layer=1, unit=0, input=None, value=4.0)
        header, _ = opened.frame(after=after)
        capsys.readouterr()
        ran(opened.ask("code")["code"])
        printed = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
        assert printed == pytest.approx([header["train_loss"], header["test_loss"]], rel=1e-5)


@pytest.mark.slow
def test_the_code_runs_in_a_process_of_its_own(tmp_path):
    with page(dataset="spiral", hidden="8,4", optimizer="adam", seed=7) as opened:
        header, _ = opened.train(5)
        script = tmp_path / "playground.py"
        script.write_text(opened.ask("code")["code"], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert f"training loss {header['train_loss']}\n" in done.stdout
    assert f"test loss {header['test_loss']}\n" in done.stdout


def test_a_restart_begins_with_the_same_weights_and_order():
    with page(hidden="4", dropout=0.2, optimizer="adam") as opened:
        first, _ = opened.frames[0]
        _, trained = opened.train(3)
        losses = list(opened.losses)
        opened.send("reset")
        opened.wait(lambda: len(opened.points) == 2 and opened.frames)
        assert opened.frames[0][0]["train_loss"] == first["train_loss"]
        _, again = opened.train(3)
        np.testing.assert_array_equal(again["weights"], trained["weights"])
        assert opened.losses == losses


def test_new_points_leave_the_network_as_it_was():
    with page(hidden="4") as opened:
        _, arrays = opened.frames[0]
        points = opened.points[0][1]["train"]
        opened.train(1)
        opened.send("regenerate")
        opened.wait(lambda: len(opened.points) == 2 and opened.frames)
        assert opened.messages[-1]["config"]["data_seed"] == 1
        np.testing.assert_array_equal(opened.frames[0][1]["weights"], arrays["weights"])
        assert (opened.points[1][1]["train"] != points).any()
        assert_same(opened, opened.train(2))


def test_play_goes_on_until_pause():
    with page() as opened:
        opened.send("play")
        assert opened.wait_for("state", running=True)
        opened.wait(lambda: len(opened.losses) > 20)
        opened.send("pause")
        assert opened.wait_for("state", running=False, after=2)
        header, _ = opened.frame(lambda header: not header["running"], after=1)
        assert header["epoch"] == len(opened.losses)
        assert all(epoch == count for epoch, count in opened.drawn if count)
        # It trains on as if it had not been paused.
        frame = opened.train(1)
        assert frame[0]["epoch"] == header["epoch"] + 1
        assert_same(opened, frame)


def test_a_new_shape_begins_anew_and_goes_on():
    with page(hidden="2") as opened:
        opened.send("play")
        opened.wait(lambda: len(opened.losses) > 3)
        opened.configure(hidden="5,5")
        opened.wait(lambda: len(opened.points) == 2)
        header, arrays = opened.wait(lambda: len(opened.frames) > 1 and opened.frames[0])
        assert header["epoch"] == 0
        assert arrays["weights"].size == 3 * 5 + 6 * 5 + 6
        opened.wait(lambda: len(opened.losses) > 3)


def test_numbers_that_are_not_finite_are_said_and_taken_back():
    network = {"dataset": "plane", "hidden": "8", "activation": "relu", "dropout": 0.2}
    with page(**network, optimizer="nesterov", learning_rate=0.5) as opened:
        opened.send("play")
        notice = opened.wait_for("notice", level="error")
        assert "became NaN" in notice["text"]
        epoch = notice["epoch"]
        header, arrays = opened.frame(
            lambda header: header["epoch"] == epoch and not header["running"], after=0
        )
        assert header["epoch"] == epoch
        assert np.isfinite(arrays["weights"]).all()
        # A lower rate leads on from there, and the code does the same without a NaN.
        opened.configure(**network, optimizer="nesterov", learning_rate=0.0001)
        frame = opened.train(2)
        assert frame[0]["epoch"] == epoch + 2
        assert_same(opened, frame)


def test_early_stopping_marks_the_best_epoch_or_ends_training():
    network = {"dataset": "gaussian", "noise": 50, "hidden": "8,8", "learning_rate": 3.0}
    with page(**network, early_stopping=2) as opened:
        opened.send("play")
        notice = opened.wait_for("notice", level="info")
        assert "Early stopping" in notice["text"]
        opened.wait(lambda: len(opened.losses) > notice["epoch"] + 2)
        opened.send("pause")
        header, _ = opened.frame(lambda header: not header["running"], after=1)
        test = [loss for _, loss in opened.losses[: header["stopped_epoch"]]]
        assert header["best_epoch"] == int(np.argmin(test)) + 1
        assert header["stopped_epoch"] == header["best_epoch"] + 2 == notice["epoch"]
        opened.configure(**network, early_stopping=2, stops=True)
        opened.wait(lambda: len(opened.points) == 2)
        opened.send("play")
        ended = opened.frame(
            lambda header: not header["running"] and header["epoch"] == notice["epoch"], after=0
        )
        assert "ended training" in opened.messages[-2]["text"]
        script = ran(opened.ask("code")["code"])
        np.testing.assert_array_equal(ended[1]["weights"], weights_of(script["model"]))


def test_the_doctor_looks_on_without_a_change_of_the_numbers():
    network = {"hidden": "8,8", "activation": "relu", "initialization": "zeros"}
    with page(**network) as opened:
        opened.send("watch", diagnose=True)
        frame = opened.train(3)
        opened.wait_for("notice", level="warning")
        assert_same(opened, frame)
        told = [m["text"] for m in opened.messages if m["type"] == "notice"]
        assert any("dying ReLU" in text for text in told)
        # A look now keeps what was found, once, though the weights would no longer show it.
        for layer in (1, 2):
            for unit in range(8):
                opened.send("set_weight", layer=layer, unit=unit, input=None, value=1.0)
        answer = opened.ask("doctor")
        found = [each["text"] for each in answer["findings"]]
        assert found[: len(told)] == told
        assert len(found) == len(set(found))
        assert answer["generation"] == opened.messages[0]["generation"]


def test_epochs_by_frame():
    with page() as opened:
        opened.send("watch", speed=1)
        opened.send("play")
        opened.wait(lambda: len(opened.frames) > 8)
        opened.send("pause")
        opened.frame(lambda header: not header["running"], after=1)
        epochs = [header["epoch"] for header, _ in opened.frames]
        assert max(np.diff(epochs[3:])) <= 2


def test_the_task_of_a_data_set_is_that_of_the_package():
    for dataset in ("circle", "clusters", "multi-gaussian"):
        configuration = Configuration(dataset=dataset)
        data = read(configuration, {})
        assert data.task.is_classification == (configuration.task == "classification")
        assert "import kerasnn" in code_of(configuration, data, epochs=0)
    assert kerasnn.playground.points.load("rings", classes=5).outputs == 5


def test_pages_that_train_at_once_do_not_touch_one_another():
    networks = [
        {"dataset": "xor", "hidden": "4", "dropout": 0.3, "optimizer": "adam"},
        {"dataset": "rings", "hidden": "3", "batch_normalization": True, "seed": 4},
    ]
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(page(**network)) for network in networks]
        for opened in pages:
            opened.send("watch", speed=1)
            opened.send("play")
        for opened in pages:
            opened.wait(lambda opened=opened: len(opened.losses) > 3)
        for opened in pages:
            opened.send("pause")
        for opened in pages:
            paused = opened.frame(lambda header: header["epoch"] and not header["running"], after=0)
            assert_same(opened, paused)


def test_equal_first_weights_learn_when_two_are_changed():
    with page(**lesson("symmetry")) as opened:
        header, arrays = opened.train(30)
        kernel = arrays["weights"][:6].reshape(2, 3)
        np.testing.assert_allclose(kernel, np.tile(kernel[:, :1], 3), rtol=1e-4)
        for unit in (0, 1):
            opened.send("set_weight", layer=1, unit=unit, input=unit, value=-1.0)
        assert opened.train(100)[0]["train_loss"] < 0.5 * header["train_loss"]
