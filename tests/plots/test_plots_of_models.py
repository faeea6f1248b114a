"""Figures of models and training: activations, filters, gradients, learning rates."""

import itertools

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

from kerasnn import data, models, plots, schedules


def test_activations_are_the_outputs_of_the_layers():
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(2, "relu", name="hidden", kernel_initializer="ones"),
            keras.layers.Dense(1, name="output", kernel_initializer="ones"),
        ]
    )
    # The hidden layer gives 0, 0, 1, 2, 3 twice, and the output twice these.
    ax = plots.activations(model, np.array([[-1.0], [0], [1], [2], [3]]))
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["hidden\nzero: 40%", "output\nzero: 40%"]
    medians = [line.get_ydata()[0] for line in ax.lines if len(line.get_ydata()) == 2]
    assert {1.0, 2.0} <= set(medians)


def test_activations_of_named_layers():
    model = models.mlp(2, task="binary", hidden=(3, 3), seed=0)
    x = np.zeros((4, 2))
    drawn = [
        [label.get_text().partition("\n")[0] for label in ax.get_xticklabels()]
        for ax in (plots.activations(model, x), plots.activations(model, x, layers=["output"]))
    ]
    assert drawn == [["hidden_1", "hidden_2", "output"], ["output"]]


def test_names_of_many_layers_do_not_overlap():
    model = models.mlp(1, task="binary", hidden=12 * (2,), batch_norm=True)
    ax = plots.activations(model, np.zeros((3, 1)))
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert len(boxes) > 30
    assert all(left.x1 <= right.x0 for left, right in itertools.pairwise(boxes))


def test_activations_of_a_list_of_texts():
    model = models.text(task="binary", vocabulary=["good", "bad"], seed=0)
    texts = ["good", "bad", "so so"]
    listed, array = (plots.activations(model, x) for x in (texts, np.array(texts)))
    for one, other in zip(listed.lines, array.lines, strict=True):
        np.testing.assert_array_equal(one.get_ydata(), other.get_ydata())


def test_the_positions_of_filters():
    convolution = keras.layers.Conv2D(3, 2, name="conv")
    model = keras.Sequential([keras.Input((4, 4, 1)), convolution])
    kernel = np.arange(12, dtype="float32").reshape(2, 2, 1, 3) - 6
    convolution.set_weights([kernel, np.zeros(3)])
    ax = plots.filters(model)
    mosaic = np.asarray(ax.images[0].get_array().filled(np.nan))
    np.testing.assert_array_equal(mosaic[:2, :2], kernel[:, :, 0, 0])
    np.testing.assert_array_equal(mosaic[:2, 3:], kernel[:, :, 0, 1])
    np.testing.assert_array_equal(mosaic[3:, :2], kernel[:, :, 0, 2])
    assert np.isnan(mosaic[2]).all()
    assert np.isnan(mosaic[3:, 3:]).all()
    assert ax.get_title() == "conv: 3 filters of 2x2"


def test_filters_of_three_channels_are_drawn_in_colour():
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(100, 2, name="conv")])
    ax = plots.filters(model)
    assert ax.images[0].get_array().shape == (23, 23, 3)
    assert ax.get_title() == "conv: first 64 of 100 filters of 2x2"


def test_filters_over_time_name_their_columns():
    convolution = keras.layers.Conv1D(5, 3, name="conv")
    model = keras.Sequential([keras.Input((6, 2)), convolution])
    kernel = np.arange(30, dtype="float32").reshape(3, 2, 5)
    convolution.set_weights([kernel, np.zeros(5)])
    x = np.zeros((2, 6, 2))
    split = data.Split(x, [0.5, 1], x, [0.5, 1], "regression", features=("wind", "rain"))
    for features in (split, ["wind", "rain"]):
        ax = plots.filters(model, features=features)
        mosaic = np.asarray(ax.images[0].get_array().filled(np.nan))
        np.testing.assert_array_equal(mosaic[:2, :3], kernel[:, :, 0].T)
        np.testing.assert_array_equal(mosaic[3:, 4:7], kernel[:, :, 4].T)
        assert [label.get_text() for label in ax.get_yticklabels()] == 2 * ["wind", "rain"]
        assert ax.get_title() == "conv: 5 filters of 3 steps"
    assert not plots.filters(model).axison


def test_a_long_schedule_is_drawn_by_the_points_that_can_be_seen():
    [line] = plots.learning_rates(schedules.Step(0.1, every=1000), steps=100_000).lines
    assert len(line.get_xdata()) <= 2000
    np.testing.assert_allclose(np.unique(line.get_ydata())[-3:], [0.025, 0.05, 0.1], rtol=1e-6)


def test_gradients_of_0_are_not_drawn():
    ax = plots.gradients({"a": 0.0, "b": 1e-3, "c": 1.0})
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [np.nan, 1e-3, 1.0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    several = plots.gradients({"sigmoid": {"a": 0.1}, "relu": {"a": 1.0, "b": 1.0}})
    assert [text.get_text() for text in several.get_legend().get_texts()] == ["sigmoid", "relu"]


def test_learning_rates_of_schedules_are_their_values():
    step, cosine = schedules.Step(0.1, every=3), schedules.Cosine(0.2, steps=7)
    ax = plots.learning_rates([step, cosine], steps=7)
    for line, schedule in zip(ax.lines, (step, cosine), strict=True):
        np.testing.assert_allclose(line.get_ydata(), schedule.values(7), rtol=1e-6)
    keras_own = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    [line] = plots.learning_rates({"halved": keras_own}, steps=11).lines
    assert (line.get_label(), line.get_ydata()[-1]) == ("halved", pytest.approx(0.05))


def test_learning_rates_of_the_schedule_of_an_optimizer():
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    cosine = schedules.CosineLog(1.0)
    ax = plots.learning_rates([keras.optimizers.SGD(decay), decay], steps=11)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), ax.lines[1].get_ydata())
    model = models.mlp(2, task="binary", hidden=(), optimizer=keras.optimizers.Adam(cosine))
    model.fit(np.eye(2), [0, 1], epochs=30, batch_size=1, verbose=0)
    [line] = plots.learning_rates(model.optimizer, ax=Figure().subplots()).lines
    np.testing.assert_allclose(line.get_ydata(), schedules.CosineLog(1.0, steps=60).values(60))


def test_learning_rates_that_were_logged():
    [line] = plots.learning_rates({"loss": [1.0, 1.0], "learning_rate": [0.1, 0.05]}).lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2], [0.1, 0.05])


CONVOLUTION = keras.Sequential([keras.Input((3, 2)), keras.layers.Conv1D(1, 2)])
DENSE = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="dense")])


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: plots.activations(keras.Sequential([keras.layers.Dense(1)]), [[1.0]]), "model"),
        (lambda: plots.activations(DENSE, np.ones((2, 1)), layers=["dens"]), "layers"),
        (lambda: plots.activations(DENSE, np.ones((2, 1)), layers=[]), "layers"),
        (lambda: plots.activations(DENSE, data.load("xor")), "x"),
        (lambda: plots.filters(DENSE), "model"),
        (lambda: plots.learning_rates(DENSE), "rates"),
        (lambda: plots.filters(CONVOLUTION, features=["a"]), "features"),
        (lambda: plots.gradients({"a": -1.0}), "norms"),
        (lambda: plots.gradients({}), "norms"),
        (lambda: plots.learning_rates(0.1), "rates"),
        (lambda: plots.learning_rates(keras.optimizers.Adam(0.1)), "rates"),
        (lambda: plots.learning_rates({"loss": [1.0]}), "rates"),
    ],
)
def test_arguments_that_are_refused(call, argument, invalid):
    with invalid(argument):
        call()
