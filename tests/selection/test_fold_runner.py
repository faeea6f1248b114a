"""Order in which folds are run, and what the progress bar sees of it."""

import keras
import numpy as np
import pytest

from kerasnn.callbacks import EarlyStopping
from kerasnn.selection.folds.dataset import read_dataset
from kerasnn.selection.folds.executor import FoldExecutor
from kerasnn.selection.folds.fold import Fold, FoldResult, FoldSettings
from kerasnn.selection.folds.fold_runner import FoldRunner
from kerasnn.selection.folds.fold_training import FoldTraining
from kerasnn.selection.folds.model_builder import ModelBuilder
from kerasnn.selection.folds.splits import fold_rows
from kerasnn.training.many import stackable
from tests.selection.selection_helpers import blobs


class Steps:
    """A progress bar that keeps the counts."""

    def __init__(self):
        self.counts = []

    def step(self, count=1):
        self.counts.append(count)


def small(rate=0.05):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    return model


def runner(most=9, build=small, **settings):
    """A runner, its progress bar, and the folds of settings."""
    x, y = blobs()
    builder = ModelBuilder(build)
    dataset = read_dataset(builder.first({}, x), x, y)
    training = FoldTraining(
        dataset=dataset, builder=builder, settings=FoldSettings(**{"epochs": 6, **settings})
    )
    rows = fold_rows(dataset, 3, 0)

    def folds(number, **params):
        return {(number, i): Fold(params=params, rows=each, seed=i) for i, each in enumerate(rows)}

    steps = Steps()
    return FoldRunner(training, FoldExecutor(1), steps, most=most), steps, folds


def test_a_stack_runs_when_enough_folds_wait_and_the_bar_moves_by_epochs():
    run, steps, folds = runner(most=6)
    assert list(run.add(folds(0))) == []
    [results] = run.add(folds(1, rate=0.1))
    assert [key for key, _ in results] == [*folds(0), *folds(1)]
    assert all(isinstance(result, FoldResult) for _, result in results)
    assert steps.counts == [1] * 6 + [0]
    assert list(run.finish()) == []


def test_a_stack_that_does_not_fit_into_memory_is_cut(monkeypatch):
    monkeypatch.setattr(stackable, "_STACK_FLOATS", 1)
    run, steps, folds = runner(epochs=1)
    parts = [*run.add(folds(0)), *run.finish()]
    assert [len(part) for part in parts] == [1, 2]
    assert sum(steps.counts) == 3


def test_after_a_fold_that_fails_no_other_of_its_setting_begins():
    class Idle(keras.callbacks.Callback):
        pass

    run, steps, folds = runner(callbacks=[Idle()], epochs=1)
    [[(key, error)]] = run.add(folds(0, rate=np.inf))
    assert key == (0, 0)
    assert isinstance(error, FloatingPointError)
    [[(key, error)]] = run.add(folds(1, wrong=1))
    assert isinstance(error, TypeError)
    assert sum(steps.counts) == 6


def test_in_a_stack_that_cannot_train_each_fold_says_why():
    run, _, folds = runner(callbacks=lambda: [EarlyStopping("accuracy")], epochs=1)
    [results] = [*run.add(folds(0)), *run.finish()]
    assert [error.argument for _, error in results] == ["monitor"] * 3


def test_parts_are_about_equally_large():
    assert [len(part) for part in stackable.in_parts(np.arange(7), 3)] == [2, 2, 3]


@pytest.mark.parametrize("draw", [keras.random.normal, lambda shape: np.random.normal(size=shape)])
def test_what_build_draws_is_the_same_in_a_stack(draw):
    def drawing(**_):
        model = small()
        model.layers[0].kernel.assign(draw((2, 3)))
        return model

    x, _ = blobs()
    builder = ModelBuilder(drawing)
    builder.first({}, x)
    assert not builder.sets_all_seeds
    one, other = (builder({}, x, seed=3, stacked=stacked) for stacked in (True, False))
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])
