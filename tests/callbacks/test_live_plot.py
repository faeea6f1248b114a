"""Training curves in a notebook: what is drawn, when, and that training does not change."""

import dataclasses
import sys

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import callbacks, data, models, schedules
from tests.helpers.engine_cases import back_at_its_start
from tests.helpers.fake_notebook import fake_notebook
from tests.helpers.html_page import Page

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(64, 2)).astype("float32")
Y = (X.sum(axis=1) > 0).astype(int)


@pytest.fixture
def notebook(monkeypatch):
    """Stands for a notebook; `shown` has the HTML of each figure."""
    return fake_notebook(monkeypatch)


@pytest.fixture(scope="module")
def network():
    """Gives one network, as newly built."""
    return back_at_its_start(models.mlp(2, task="binary", hidden=(4,), seed=0))


def fit(model, callback, **kwargs):
    plan = {"epochs": 3, "validation_data": (X, Y), "seed": 0, "verbose": 0, **kwargs}
    return kerasnn.fit(model, X, Y, callbacks=[callback], **plan)


def test_a_figure_an_epoch_and_one_at_the_end(notebook, network):
    history = fit(network(), callbacks.LivePlot(every_s=0))
    assert history.engine == "graph"
    # Drawing takes a fifth of the time, which is shorter here than a figure.
    assert 1 <= len(notebook.shown) <= 4
    last = notebook.shown[-1]
    assert Page(last).open == []
    loss, val_loss = history.history["loss"][-1], history.history["val_loss"][-1]
    assert f"Epoch 3 of 3, loss {loss:.4g}, validation loss {val_loss:.4g}" in last
    for name in ("loss", "accuracy", "decision boundary"):
        assert f"<figcaption>{name}</figcaption>" in last
    assert "learning rate" not in last
    assert "validation loss" in last


def test_a_rate_that_changes_is_drawn(notebook, network):
    # The rate is that of each epoch, also where it is set after the figure is drawn.
    decay = callbacks.LearningRateDecay(schedules.Exponential(0.1, rate=0.5))
    live = callbacks.LivePlot(metrics=[], boundary=False)
    kerasnn.fit(network(), X, Y, epochs=3, callbacks=[decay, live], verbose=0)
    assert "<figcaption>learning rate</figcaption>" in notebook.shown[-1]
    for name in ("accuracy", "decision boundary"):
        assert f"<figcaption>{name}</figcaption>" not in notebook.shown[-1]
    rates = live.state()["rates"]
    np.testing.assert_allclose(rates, [[1, 0.1], [2, 0.05], [3, 0.025]], rtol=1e-6)


def test_training_is_the_same_bit_for_bit(notebook, network):
    plan = {"epochs": 3, "validation_data": (X, Y), "seed": 0, "verbose": 0}
    expected = kerasnn.fit(network(), X, Y, **plan)
    plain = expected.model.get_weights()
    history = fit(network(), callbacks.LivePlot(every_s=0))
    assert history.history == expected.history
    for ours, theirs in zip(history.model.get_weights(), plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("where", ["no IPython", "a terminal"])
def test_elsewhere_nothing_is_drawn(where, notebook, network, monkeypatch):
    if where == "a terminal":
        notebook.shell.config.clear()
    else:
        monkeypatch.delitem(sys.modules, "IPython")
    fit(network(), callbacks.LivePlot(every_s=0))
    assert notebook.shown == []


def test_no_boundary_of_other_models(notebook):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    # Keras's own fit shows a callback no rows.
    keras.Model.fit(model, X, Y, callbacks=[callbacks.LivePlot(every_s=1000)], verbose=0)
    kerasnn.fit(model, X, Y, callbacks=[callbacks.LivePlot(every_s=1000)], verbose=0)
    assert len(notebook.shown) == 2
    assert not any("decision boundary" in html for html in notebook.shown)


def test_the_curves_up_to_ctrl_c_are_drawn(notebook, network):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    live = callbacks.LivePlot(every_s=1000)
    with pytest.raises(KeyboardInterrupt):
        kerasnn.fit(network(), X, Y, epochs=9, callbacks=[live, Stop()], verbose=0)
    assert ["Epoch 2 of 9" in html for html in notebook.shown] == [True]


def test_epochs_without_validation(notebook, network):
    live = callbacks.LivePlot()
    fit(network(), live, epochs=3, validation_freq=2)
    assert np.isnan(live.state()["curves"]["val_loss"]).tolist() == [True, False, True]
    assert "lowest validation loss: epoch 2" in notebook.shown[-1]


def test_names_of_the_axes_and_classes(notebook, network):
    split = data.Split(X, Y, X, Y, "binary", ("calm", "storm"), ("wind", "rain"))
    live = callbacks.LivePlot(features=split, metrics=[])
    fit(network(), live, epochs=1)
    assert live.features == ("wind", "rain")
    assert all(f">{text}</text>" in notebook.shown[-1] for text in ("wind", "rain", "storm"))
    # Names alone, and classes of another number than the model's.
    wrong = dataclasses.replace(split, classes=("calm", "storm", "hail"))
    fit(network(), callbacks.LivePlot(features=wrong, metrics=[]), epochs=1)
    assert ">wind</text>" in notebook.shown[-1]
    assert ">storm</text>" not in notebook.shown[-1]
    assert callbacks.LivePlot(features=["wind", "rain"]).features == ("wind", "rain")


def test_arguments_that_are_refused(invalid, network):
    with invalid("every_s", value=-1):
        callbacks.LivePlot(every_s=-1)
    with invalid("metrics"):
        callbacks.LivePlot(metrics=[3])
    with invalid("features", value="wind"):
        callbacks.LivePlot(features="wind")
    with invalid("features", value=("wind",)):
        fit(network(), callbacks.LivePlot(features=["wind"]))
    with invalid("boundary", value="yes"):
        callbacks.LivePlot(boundary="yes")
    with invalid("metrics") as caught:
        fit(network(), callbacks.LivePlot(metrics="acuracy"))
    assert "`accuracy`" in caught.value.hint
