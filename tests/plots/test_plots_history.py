import gc
import weakref

import keras
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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


def test_draws_the_loss_against_the_epoch_from_1():
    drawn = lines(plots.history(CURVES))
    assert drawn["training loss"] == ([1, 2, 3, 4], CURVES["loss"])
    assert drawn["validation loss"] == ([1, 2, 3, 4], CURVES["val_loss"])
    assert len(drawn) == 3


def test_marks_the_epoch_of_the_lowest_validation_loss_whatever_is_drawn():
    drawn = lines(plots.history(CURVES, metrics="accuracy"))
    assert drawn["training accuracy"] == ([1, 2, 3, 4], CURVES["accuracy"])
    assert drawn["lowest validation loss: epoch 2"][0] == [2, 2]


def test_takes_what_fit_returns_with_its_epoch_numbers(fitted):
    drawn = lines(plots.history(fitted))
    assert drawn["training loss"] == ([3, 4, 5], fitted.history["loss"])
    best = 3 + int(np.argmin(fitted.history["val_loss"]))
    assert f"lowest validation loss: epoch {best}" in drawn


def test_marks_nothing_without_validation():
    assert list(lines(plots.history({"loss": [2.0, 1.0]}))) == ["training loss"]


def test_nan_stands_for_no_value():
    drawn = lines(plots.history({"loss": [3, 2, 1], "val_loss": [np.nan, 2.5, np.nan]}))
    assert drawn["validation loss"] == ([2], [2.5])
    assert "lowest validation loss: epoch 2" in drawn
    never = lines(plots.history({"loss": [3, 2], "val_loss": [np.nan, np.nan]}))
    assert list(never) == ["training loss", "validation loss"]


def test_a_single_epoch_can_be_seen():
    def coloured(ax):
        canvas = FigureCanvasAgg(ax.figure)
        canvas.draw()
        return (np.asarray(canvas.buffer_rgba())[..., :3] != 255).any(axis=-1).sum()

    ax = plots.history({"loss": [1.0]})
    with_point = coloured(ax)
    ax.lines[0].set_visible(False)
    assert with_point > coloured(ax)


def test_axes_say_their_units():
    ax = plots.history({"mean_absolute_error": [1.0], "loss": [1.0]}, metrics="mean_absolute_error")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "mean absolute error")
    assert plots.history(CURVES, metrics=["loss", "accuracy"]).get_ylabel() == "loss, accuracy"


def test_epoch_ticks_are_whole():
    ax = plots.history({"loss": [2.0, 1.0]})
    assert all(tick == round(tick) for tick in ax.get_xticks())


def test_curves_can_be_told_apart():
    names = [f"m{i}" for i in range(7)]
    curves = {key: [1.0, 2.0] for name in names for key in (name, f"val_{name}")}
    ax = plots.history(curves, metrics=names)
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 14


def test_draws_where_it_is_told_and_leaves_pyplot_alone():
    before = dict(matplotlib.rcParams)
    ax = Figure().add_subplot()
    assert plots.history(CURVES, ax=ax) is ax
    plots.history(CURVES)
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_a_figure_is_freed_with_its_last_reference():
    ax = plots.history(CURVES)
    alive = weakref.ref(ax.figure)
    del ax
    gc.collect()
    assert alive() is None


def test_can_be_saved(tmp_path):
    plots.history(CURVES).figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"history": [0.1, 0.2]},
            "`history` must be what `fit` returned, or its `history` dict; got list.",
        ),
        (
            {"history": {}},
            "`history` must hold at least one epoch; got none. Draw it after `fit` has run.",
        ),
        ({"history": {"loss": []}}, "`history` must hold at least one epoch; got none."),
        (
            {"history": {"loss": [1, 2, 3, 4], "val_loss": [2, 1]}},
            r"`history` must hold one value an epoch; got shape \(2,\) of 'val_loss' for 4 epochs. "
            "For epochs without validation give a dict with NaN.",
        ),
        (
            {"history": CURVES, "metrics": "acuracy"},
            "`metrics` must be one of 'loss', 'accuracy'; got metrics='acuracy'. "
            r"Did you mean `accuracy`\?",
        ),
        (
            {"history": CURVES, "metrics": ["loss", "val_accuracy"]},
            r"got metrics='val_accuracy'. Did you mean `accuracy`\?",
        ),
        (
            {"history": {"accuracy": [0.5]}},
            "`metrics` must be one of 'accuracy'; got metrics='loss'.",
        ),
        (
            {"history": CURVES, "metrics": []},
            r"`metrics` must name at least one metric; got metrics=\[\]. None draws the loss.",
        ),
        (
            {"history": CURVES, "ax": 3},
            "`ax` must be a matplotlib Axes or None; got ax=3. Of several Axes, give one",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.history(**arguments)


def test_a_misspelt_argument():
    with pytest.raises(
        TypeError, match=r"`history` has no argument `metric`. Did you mean `metrics`\?"
    ):
        plots.history(CURVES, metric="loss")  # pyright: ignore[reportCallIssue]
