"""What all figures have in common: axes that say what they show, and nothing shown by itself."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasnn import models, plots, schedules

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
AND = np.array([0, 0, 0, 1])
CHANCES = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])


def dense():
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)]
    )


CASES = {
    "activations": lambda **kwargs: plots.activations(dense(), X, **kwargs),
    "confusion": lambda **kwargs: plots.confusion(AND, CHANCES, **kwargs),
    "decision_boundary": lambda **kwargs: plots.decision_boundary(
        lambda rows: rows.mean(axis=1, keepdims=True) ** 2, X, AND, **kwargs
    ),
    "filters": lambda **kwargs: plots.filters(
        models.cnn((8, 8, 1), outputs=2, task="multiclass", filters=(4,), hidden=()), **kwargs
    ),
    "gradients": lambda **kwargs: plots.gradients({"a": 0.1, "b": 1.0}, **kwargs),
    "history": lambda **kwargs: plots.history({"loss": [2.0, 1.0]}, **kwargs),
    "learning_rates": lambda **kwargs: plots.learning_rates(schedules.Step(0.1), **kwargs),
    "reliability": lambda **kwargs: plots.reliability(AND, CHANCES, **kwargs),
    "worst": lambda **kwargs: plots.worst(np.zeros((4, 5, 5)), AND, CHANCES, **kwargs),
}
# Mosaics of images, whose pixels have no unit.
WITHOUT_AXES = {"filters", "worst"}


def test_the_table_is_whole():
    assert set(CASES) == {n for n, v in vars(plots).items() if callable(v) and n[0] != "_"}


@pytest.mark.parametrize("name", CASES)
def test_draws_where_it_is_told(name, tmp_path):
    ax = Figure().add_subplot()
    assert CASES[name](ax=ax) is ax
    ax.figure.savefig(tmp_path / "figure.png")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", CASES)
def test_makes_a_figure_of_its_own_with_words_on_its_axes(name):
    ax = CASES[name]()
    assert isinstance(ax, Axes)
    if name in WITHOUT_AXES:
        assert ax.get_title()
    else:
        assert ax.get_xlabel()
        assert ax.get_ylabel()


@pytest.mark.parametrize("name", CASES)
def test_refuses_what_is_no_axes(name):
    with pytest.raises(ValueError, match=r"`ax` must be a matplotlib Axes or None; got ax=3"):
        CASES[name](ax=3)
