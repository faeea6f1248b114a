"""Cross-validation."""

import functools
from collections.abc import Callable
from typing import Any

from kerasnn import _checks
from kerasnn._core.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.selection.cross_validation import CrossValidation
from kerasnn.selection.folds import dataset as problems
from kerasnn.selection.folds.executor import Crew
from kerasnn.selection.folds.fold import Training
from kerasnn.selection.folds.scoring import scorers_of
from kerasnn.selection.folds.splits import splits_of


@_checks.known_arguments
def cross_validate(
    build: Callable[[], Any],
    x: Any,
    y: Any,
    *,
    cv: Any = 5,
    groups: Any = None,
    epochs: int = 10,
    batch_size: int | str = 32,
    callbacks: Any = None,
    patience: int | None = None,
    validation_fraction: float | None = None,
    scoring: Any = None,
    sample_weight: Any = None,
    class_weight: dict[int, float] | None = None,
    seed: int = 0,
    jobs: int = 1,
    verbose: int = 0,
) -> CrossValidation:
    """Trains and tests a fresh model on each of several divisions of the data.

    Each fold starts from fresh weights, a fresh normalisation and fresh callbacks, and what it is
    tested on it has never seen: early stopping looks at a part of its training rows. One
    compilation serves all folds.

    `scores["loss"]` is Keras's, with the model's penalties in it: of two factors of L2 it cannot
    tell which predicts better. Compare them by a metric, by `scoring`, or in `tune`.

    Args:
        build: Returns a compiled model; it is called for each fold, with a seed of the fold set.
        x: Inputs: an array, a data frame, or a structure of arrays.
        y: Targets.
        cv: Number of folds, stratified where the targets are classes; or a splitter of
            scikit-learn; or pairs of (training rows, test rows).
        groups: Group of each row; no group is trained and tested on in one fold.
        epochs: Epochs of each fold.
        batch_size: Rows to a step, or `"full"`.
        callbacks: Callbacks, copied for each fold; or a function that returns new ones, as is
            needed of those that write to a file.
        patience: Epochs without a better validation loss after which a fold ends, with its best
            weights; None trains all epochs.
        validation_fraction: Share of a fold's training rows that it validates on. The default is
            0.1 where `patience` or a callback asks for a validation, else 0.
        scoring: Further scores: a name that scikit-learn has for it, a function of
            (estimator, x, y), or several of them in a list or a dictionary.
        sample_weight: Weight of each row, in training and in the model's own metrics.
        class_weight: Weight of each class in training.
        seed: Seed of folds, weights and orders: the same gives the same scores. Folds of
            `groups` whose targets are no classes depend on the groups' sizes alone.
        jobs: Folds that run at once, in threads, each with a compilation of its own. The scores
            are those of one job, but where a layer's `call` draws by `tf.random` without a seed:
            TensorFlow's seed is the process's. Draw by `keras.random` there.
        verbose: 1 for a progress bar.

    Returns:
        Scores by fold and metric, their mean and standard error, predictions for all rows by the
        fold that did not train on them, curves and best epochs.

    Raises:
        ValueError: If an argument breaks its rule, or the data does not fit the model.
        FloatingPointError: If a fold leaves the finite numbers.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import data, models
        >>> iris = data.load("iris")
        >>> build = lambda: models.mlp(4, 3, task="multiclass", hidden=(16,), learning_rate=0.01)
        >>> found = cross_validate(build, iris.x_train, iris.y_train, cv=3, epochs=20)
        >>> found.scores["accuracy"].shape, found.mean["accuracy"] > 0.9
        ((3,), True)

    Reference:
        Stone (1974), doi:10.1111/j.2517-6161.1974.tb00994.x.
    """
    _checks.whole_number("seed", seed, at_least=0)
    _checks.whole_number("jobs", jobs)
    how = Training(
        epochs,
        batch_size,
        callbacks,
        patience,
        validation_fraction,
        class_weight,
        scorers_of(scoring),
    )
    problems.require_given(build, x)
    make = functools.partial(problems.first, build, {}, x)
    problem = problems.read(make(), x, y, make, groups=groups, sample_weight=sample_weight)
    problems.require_class_weight(problem, class_weight)
    splits = splits_of(problem, cv, derived(seed, 0))
    with Progress(len(splits), verbose) as bar, Crew(problem, build, how, splits, jobs) as crew:
        folds, setting = [], {}
        for fold in crew.run([(setting, i, derived(seed, 1, i)) for i in range(len(splits))]):
            folds.append(fold)
            bar.step()
    return CrossValidation(folds, splits, problem.count)
