"""Figure of training and validation curves."""

import keras
import numpy as np
import pytest

from kerasnn import plots

CURVES = {
    "loss": [0.9, 0.4, 0.2, 0.1],
    "accuracy": [0.5, 0.7, 0.8, 0.9],
    "val_loss": [0.8, 0.5, 0.6, 0.7],
    "val_accuracy": [0.6, 0.7, 0.9, 0.8],
}


def lines(ax):
    return {line.get_label(): (*map(list, line.get_data()),) for line in ax.lines}


@pytest.fixture(scope="module")
def fitted():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    x = np.linspace(0, 1, 8)[:, None]
    return model.fit(
        x, x, validation_data=(x, x), initial_epoch=2, epochs=5, batch_size=8, verbose=0
    )


def test_the_loss_is_drawn_against_epochs_from_1():
    drawn = lines(plots.history(CURVES))
    assert drawn["training loss"] == ([1, 2, 3, 4], CURVES["loss"])
    assert drawn["validation loss"] == ([1, 2, 3, 4], CURVES["val_loss"])
    assert len(drawn) == 3


def test_the_lowest_validation_loss_is_marked_with_any_metric():
    drawn = lines(plots.history(CURVES, metrics="accuracy"))
    assert drawn["training accuracy"] == ([1, 2, 3, 4], CURVES["accuracy"])
    assert drawn["lowest validation loss: epoch 2"][0] == [2, 2]


def test_the_result_of_fit_has_its_epoch_numbers(fitted):
    drawn = lines(plots.history(fitted))
    assert drawn["training loss"] == ([3, 4, 5], fitted.history["loss"])
    best = 3 + int(np.argmin(fitted.history["val_loss"]))
    assert f"lowest validation loss: epoch {best}" in drawn


def test_without_validation_no_epoch_is_marked():
    assert list(lines(plots.history({"loss": [2.0, 1.0]}))) == ["training loss"]


def test_nan_means_no_value():
    drawn = lines(plots.history({"loss": [3, 2, 1], "val_loss": [np.nan, 2.5, np.nan]}))
    assert drawn["validation loss"] == ([2], [2.5])
    assert "lowest validation loss: epoch 2" in drawn
    never = lines(plots.history({"loss": [3, 2], "val_loss": [np.nan, np.nan]}))
    assert list(never) == ["training loss", "validation loss"]


def test_a_single_epoch_has_a_marker():
    [line] = plots.history({"loss": [1.0]}).lines
    assert line.get_marker() == "o"
    [line] = plots.history({"loss": [2.0, 1.0]}).lines
    assert not line.get_marker()


def test_axis_labels_name_the_metrics():
    ax = plots.history({"mean_absolute_error": [1.0], "loss": [1.0]}, metrics="mean_absolute_error")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "mean absolute error")
    assert plots.history(CURVES, metrics=["loss", "accuracy"]).get_ylabel() == "loss, accuracy"


def test_epoch_ticks_are_integers():
    ax = plots.history({"loss": [2.0, 1.0]})
    assert all(tick == round(tick) for tick in ax.get_xticks())


def test_the_legend_of_several_metrics_covers_no_curve():
    ax = plots.history(CURVES, metrics=["loss", "accuracy"])
    ax.figure.canvas.draw()
    points = [ax.transData.transform(line.get_xydata()) for line in ax.lines[:4]]
    assert ax.get_legend().get_window_extent().count_contains(np.concatenate(points)) == 0
    ax.plot([1, 4], [9, 9])
    assert ax.get_ylim()[1] > 9


@pytest.mark.parametrize("losses", [[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
def test_the_mark_is_beside_the_frame(losses):
    ax = plots.history({"loss": losses, "val_loss": losses})
    low, high = ax.get_xlim()
    assert 0 < low < 1
    assert 3 < high < 4


def test_all_curves_look_different():
    names = [f"m{i}" for i in range(7)]
    curves = {key: [1.0, 2.0] for name in names for key in (name, f"val_{name}")}
    ax = plots.history(curves, metrics=names)
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 14


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"history": [0.1, 0.2]}, "history"),
        ({"history": {}}, "history"),
        ({"history": {"loss": []}}, "history"),
        ({"history": {"loss": [1, 2, 3, 4], "val_loss": [2, 1]}}, "history"),
        ({"history": CURVES, "metrics": []}, "metrics"),
        ({"history": {"accuracy": [0.5]}}, "metrics"),
        ({"history": {"f1": [[0.1, 0.2], [0.3, 0.4]]}, "metrics": "f1"}, "metrics"),
    ],
)
def test_arguments_that_are_refused(arguments, argument, invalid):
    with invalid(argument):
        plots.history(**arguments)


@pytest.mark.parametrize("metrics", ["acuracy", ["loss", "val_accuracy"]])
def test_unknown_metrics(metrics, invalid):
    with invalid("metrics") as caught:
        plots.history(CURVES, metrics=metrics)
    assert "`accuracy`" in caught.value.hint


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="Did you mean `metrics`"):
        plots.history(CURVES, metric="loss")  # pyright: ignore[reportCallIssue]
