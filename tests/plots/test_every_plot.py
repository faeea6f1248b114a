"""Promises of every figure: labelled axes, the given Axes or pyplot's, and nothing left behind."""

import functools
import gc
import weakref

import keras
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasnn import data, models, plots, schedules

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
AND = np.array([0, 0, 0, 1])
SPLIT = data.Split(X, AND, X, AND, "binary")
PROBABILITIES = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])


def dense():
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)]
    )


@functools.cache
def classifier():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])


CASES = {
    "activations": lambda **kwargs: plots.activations(dense(), X, **kwargs),
    "augmentation": lambda **kwargs: plots.augmentation(
        models.cnn((8, 8, 1), task="binary", augment="flip"), np.zeros((2, 8, 8, 1)), **kwargs
    ),
    "confusion": lambda **kwargs: plots.confusion(AND, PROBABILITIES, **kwargs),
    "decision_boundary": lambda **kwargs: plots.decision_boundary(
        lambda rows: rows.mean(axis=1, keepdims=True) ** 2, X, AND, **kwargs
    ),
    "filters": lambda **kwargs: plots.filters(
        models.cnn((8, 8, 1), outputs=2, task="multiclass", filters=(4,), hidden=()), **kwargs
    ),
    "gradients": lambda **kwargs: plots.gradients({"a": 0.1, "b": 1.0}, **kwargs),
    "history": lambda **kwargs: plots.history({"loss": [2.0, 1.0]}, **kwargs),
    "importance": lambda **kwargs: plots.importance(classifier(), SPLIT, repeats=1, **kwargs),
    "learning_rates": lambda **kwargs: plots.learning_rates(schedules.Step(0.1), **kwargs),
    "reliability": lambda **kwargs: plots.reliability(AND, PROBABILITIES, **kwargs),
    "precision_recall": lambda **kwargs: plots.precision_recall(AND, PROBABILITIES, **kwargs),
    "prediction_error": lambda **kwargs: plots.prediction_error(AND, AND + 0.1, **kwargs),
    "residuals": lambda **kwargs: plots.residuals(AND, AND + 0.1, **kwargs),
    "roc": lambda **kwargs: plots.roc(AND, PROBABILITIES, **kwargs),
    "sequence": lambda **kwargs: plots.sequence(AND, AND + 0.1, **kwargs),
    "worst": lambda **kwargs: plots.worst(np.zeros((4, 5, 5)), AND, PROBABILITIES, **kwargs),
}
# Mosaics of images, whose pixels have no unit.
WITHOUT_AXES = {"augmentation", "filters", "worst"}


def test_the_table_is_complete():
    assert set(CASES) == set(dir(plots))


def assert_inside(figure):
    """No text reaches out of the figure, so that it is shown as large as it is."""
    whole = figure.bbox.padded(1)
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert whole.contains(box.x0, box.y0)
        assert whole.contains(box.x1, box.y1)


@pytest.mark.parametrize("name", CASES)
def test_a_given_axes_is_used(name, tmp_path):
    before = dict(matplotlib.rcParams)
    ax = Figure().add_subplot()
    ax.text(0, 0, "mine")
    assert CASES[name](ax=ax) is ax
    assert ax.texts[0].get_text() == "mine"
    ax.figure.savefig(tmp_path / "figure.png")
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", CASES)
def test_a_new_figure_is_the_current_one_has_labelled_axes_and_is_freed(name, tmp_path):
    ax = CASES[name]()
    assert isinstance(ax, Axes)
    assert plt.gcf() is ax.figure
    plt.savefig(tmp_path / "figure.png")
    assert_inside(ax.figure)
    if name in WITHOUT_AXES:
        assert ax.get_title()
    else:
        assert ax.get_xlabel()
        assert ax.get_ylabel()
    alive = weakref.ref(ax.figure)
    del ax
    plt.close()
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("name", CASES)
def test_the_current_axes_are_used_unless_they_have_data(name):
    _, (left, right) = plt.subplots(1, 2)
    plt.sca(left)
    assert CASES[name]() is left
    plt.sca(right)
    assert CASES[name]() is right
    another = CASES[name]()
    assert another.figure not in (left.figure, right.figure)
    assert plt.gca() is another


@pytest.mark.parametrize("name", CASES)
def test_ax_must_be_an_axes(name, invalid):
    with invalid("ax", value=3):
        CASES[name](ax=3)
