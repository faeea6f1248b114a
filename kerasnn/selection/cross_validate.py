"""Cross-validation of a model on folds of the data."""

import itertools
from collections.abc import Callable
from typing import Any

from kerasnn import _checks
from kerasnn._core.display.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.dataset import read_dataset, require_arrays
from kerasnn.selection.folds.executor import FoldExecutor
from kerasnn.selection.folds.fold import Fold, FoldResult, FoldSettings
from kerasnn.selection.folds.fold_runner import FoldRunner
from kerasnn.selection.folds.fold_training import FoldTraining
from kerasnn.selection.folds.model_builder import ModelBuilder
from kerasnn.selection.folds.scoring import scorers_of
from kerasnn.selection.folds.splits import fold_rows
from kerasnn.selection.result import CrossValidation


@_checks.known_arguments
def cross_validate(
    build: Callable[[], Any],
    x: Any,
    y: Any = None,
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
    n_jobs: int = 1,
    verbose: int | str = "auto",
) -> CrossValidation:
    """Trains and tests a newly built model on each of several divisions of the data.

    Each fold starts with new weights, a new normalisation and new callbacks, and is tested on rows
    that it has not used: early stopping validates on a part of its training rows. Folds whose
    models `kerasnn.fit_many` can stack train at once, in one program; others train one after the
    other.

    `scores["loss"]` is Keras's, with the model's penalties in it: it does not show which of two
    factors of L2 predicts better. Compare them by a metric, by `scoring`, or in `tune`.

    Args:
        build: Returns a compiled model; it is called for each fold, with the fold's seed set. It
            receives no rows. What it reads of them by itself, such as the words of all texts in
            `models.text(texts)`, is known to the folds that are tested on them.
        x: Inputs: an array, a data frame, a list of texts, or a structure of arrays.
        y: Targets.
        cv: Number of folds, stratified where the targets are classes; or a splitter of
            scikit-learn; or pairs of (training rows, test rows).
        groups: Group of each row; no group is trained and tested on in one fold.
        epochs: Epochs of each fold.
        batch_size: Rows in a batch, or `"full"`.
        callbacks: Callbacks, copied for each fold; or a function that returns new ones, which is
            needed for those that write a file.
        patience: Epochs without a better validation loss after which a fold ends, with its best
            weights; None trains all epochs.
        validation_fraction: Fraction of a fold's training rows that it validates on. The default
            is 0.1 where `patience` or a callback needs a validation, else 0.
        scoring: Further scores: a name of one of scikit-learn's scorers, a function of
            (estimator, x, y), or several of them in a list or a dictionary.
        sample_weight: Weight of each row, in training and in the model's own metrics.
        class_weight: Weight of each class in training.
        seed: Seed of folds, weights and orders: the same gives the same scores. Folds of
            `groups` whose targets are no classes depend on the groups' sizes alone.
        n_jobs: Number of folds that run at once, in threads, where they cannot be stacked. The
            scores are those of one job, unless a layer's `call` draws from `tf.random` without a
            seed: TensorFlow's seed is the process's. Draw from `keras.random` there.
        verbose: 1 for a progress bar, 0 for silence, "auto" for a bar on a terminal or in a
            notebook where it takes over two seconds.

    Returns:
        Scores by fold and metric, their mean and standard error, predictions for all rows by the
        fold that did not train on them, curves and best epochs.

    Raises:
        InvalidArgument: If an argument breaks its rule, or the data does not fit the model.
        FloatingPointError: If the numbers of a fold are no longer finite.
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
    _checks.integer("seed", seed, at_least=0)
    _checks.integer("n_jobs", n_jobs)
    settings = FoldSettings(
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        patience=patience,
        validation_fraction=validation_fraction,
        class_weight=class_weight,
        scorers=scorers_of(scoring),
    )
    builder = ModelBuilder(build)
    require_arrays(x)
    model = builder.first({}, x)
    dataset = read_dataset(model, x, y, groups=groups, sample_weight=sample_weight)
    dataset.require_class_weight(class_weight)
    folds = fold_rows(dataset, cv, derived(seed, 0))

    training = FoldTraining(dataset=dataset, builder=builder, settings=settings)
    keyed = {
        i: Fold(params={}, rows=rows, seed=derived(seed, 1, i)) for i, rows in enumerate(folds)
    }
    results: dict[int, FoldResult] = {}
    with Progress("Cross-validation", len(folds), verbose) as bar, FoldExecutor(n_jobs) as executor:
        runner = FoldRunner(training, executor, bar, most=len(folds))
        for key, result in itertools.chain.from_iterable(
            itertools.chain(runner.add(keyed), runner.finish())
        ):
            if isinstance(result, Exception):
                raise result
            results[key] = result
    return CrossValidation([results[i] for i in keyed], folds, dataset.count)
