"""The search for hyperparameters."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.progress import Progress
from kerasnn.selection.folds import dataset as problems
from kerasnn.selection.folds.dataset import Problem
from kerasnn.selection.folds.fold import Training
from kerasnn.selection.folds.metrics import DATA_LOSS, chosen, directions
from kerasnn.selection.folds.scoring import scorers_of
from kerasnn.selection.result import Tuning
from kerasnn.selection.search import sampling as choose
from kerasnn.selection.search.journal import journal as opened
from kerasnn.selection.search.strategies import all_failed, error_text, import_optuna
from kerasnn.selection.search.study import Plan
from kerasnn.training.inputs.arrays import trains_as_keras
from kerasnn.training.programs.train_step import has_keras_step

_METHODS = ("grid", "random", "bayes", "halving")
_TRIALS = 20


@_checks.known_arguments
def tune(
    build: Callable[..., Any],
    space: dict[str, Any],
    x: Any,
    y: Any,
    *,
    cv: Any = 5,
    groups: Any = None,
    trials: int | None = None,
    method: str = "grid",
    budget_s: float | None = None,
    epochs: int = 10,
    batch_size: int | str = 32,
    callbacks: Any = None,
    patience: int | None = None,
    validation_fraction: float | None = None,
    scoring: Any = None,
    metric: str | None = None,
    sample_weight: Any = None,
    class_weight: dict[int, float] | None = None,
    nested: bool = False,
    journal: Any = None,
    storage: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    verbose: int = 0,
) -> Tuning:
    """Searches the arguments of `build` with the best score in cross-validation.

    All trials are trained and tested on the same folds, by `cross_validate`'s rules. One
    compilation serves all settings that keep the shapes: learning rate, factors of L1 and L2,
    rate of dropout, momentum. A trial that fails is noted in the table, with its error, and the
    search goes on.

    Args:
        build: Returns a compiled model for arguments of the space.
        space: Argument of `build` -> list of values; a range: `uniform`, `log_uniform`,
            `integers`, `choice`; or a function that returns one of these for the values of the
            arguments before, or None to leave the argument out.
        x: Inputs.
        y: Targets.
        cv: Folds, as in `cross_validate`.
        groups: Group of each row.
        trials: Settings to try; all of a grid, else 20 by default.
        method: `"grid"`, all settings; `"random"`; `"halving"`, random ones for few epochs, and
            the best third of them for three times as many, until `epochs`; `"bayes"`, by Optuna.
        budget_s: Seconds after which no further trial begins; at least one is run. Each round of
            `"halving"` has an even share of them, and so has the search on all data and each
            that is `nested`; what one leaves goes to the next. A nested
            search then may try fewer settings, and scores what so short a search would find.
        epochs: Epochs of each fold.
        batch_size: Rows to a step, or `"full"`.
        callbacks: Callbacks, as in `cross_validate`.
        patience: Epochs that early stopping waits, as in `cross_validate`.
        validation_fraction: Share of the training rows that it looks at.
        scoring: Further scores, as in `cross_validate`.
        metric: The score that counts. The default is the first of `scoring`; else the first of
            the model's metrics of which more is known to be better; else `"data_loss"`, the loss
            without the model's penalties, so that factors of L1 and L2 are compared by what they
            predict (`"loss"` has them in it; of a step of the user's own it is the default). Of a
            metric of one's own say it: `"+name"` where more is better, `"-name"` where less is.
            Names are those of a first model: an `AUC()` without a name is `"auc"` in every fold.
        sample_weight: Weight of each row.
        class_weight: Weight of each class in training.
        nested: Whether to search once more within the training rows of each of `cv` outer folds,
            and to score what is found there on its test rows: what new data will score.
        journal: File to note results in. A search that was killed goes on with it, and ends with
            the same table. Another search is refused: functions are compared by their code and
            by the variables that they use, objects by their attributes, arrays by their numbers.
        storage: For `"bayes"`, the URL of Optuna's storage, such as `"sqlite:///search.db"`.
            Several processes may share it: each tries `trials` settings of its own, suggested
            after the scores of all, and returns a table of these. It takes the place of `journal`.
        seed: Seed of settings, folds, weights and orders.
        jobs: Folds that run at once.
        verbose: 1 for one progress bar over all folds, with the best score and the time left.

    Returns:
        The table, the best setting, and `refit()`, which trains it on all data.

    Raises:
        ValueError: If an argument breaks its rule, or the journal is of another search.
        RuntimeError: If every trial fails.
        ImportError: If `method="bayes"` and Optuna is not installed.
        TypeError: If an argument is unknown.

    Example:
        >>> from functools import partial
        >>> from kerasnn import data, models
        >>> iris = data.load("iris")
        >>> build = partial(models.mlp, 4, 3, task="multiclass", hidden=(16,))
        >>> space = {"learning_rate": [0.0001, 0.01]}
        >>> found = tune(build, space, iris.x_train, iris.y_train, cv=3, epochs=20)
        >>> found.best_params_
        {'learning_rate': 0.01}

    Reference:
        Bergstra & Bengio (2012), Journal of Machine Learning Research 13, 281-305: random
        search. Jamieson & Talwalkar (2016), arXiv:1502.07943: halving. Cawley & Talbot (2010),
        Journal of Machine Learning Research 11, 2079-2107: why to nest.
    """
    _checks.one_of("method", method, _METHODS)
    _checks.whole_number("seed", seed, at_least=0)
    _checks.whole_number("jobs", jobs)
    if trials is not None:
        _checks.whole_number("trials", trials)
    if budget_s is not None:
        _checks.number("budget_s", budget_s, above=0)
    if storage is not None and method != "bayes":
        raise _checks.InvalidArgument("storage", "go with method='bayes'", storage)
    if storage is not None and (not isinstance(storage, str) or "://" not in storage):
        raise _checks.InvalidArgument(
            "storage", "be a URL", storage, 'Give "sqlite:///search.db", say.'
        )
    if storage is not None and journal is not None:
        # With others at work no setting is suggested a second time, to which results would belong.
        hint = "The storage has the results."
        raise _checks.InvalidArgument("journal", "be left out beside `storage`", str(journal), hint)
    _checks.true_or_false("nested", nested)
    if nested and not isinstance(cv, (int, np.integer)) and not hasattr(cv, "get_n_splits"):
        raise _checks.InvalidArgument(
            "cv", "be a number of folds or a splitter where `nested`, to divide parts too", cv
        )
    choose.check_space(build, space)
    if method == "bayes":
        import_optuna()
        candidates = choose.drawn(space, 1, seed)
        trials = trials or _TRIALS
    else:
        candidates = _candidates(method, space, trials, seed)
        trials = len(candidates)
    scorers = scorers_of(scoring)
    how = Training(
        epochs, batch_size, callbacks, patience, validation_fraction, class_weight, scorers
    )
    problem, known = _read(build, candidates, x, y, groups=groups, sample_weight=sample_weight)
    metric, sign = chosen(metric, known, scorers)
    how = dataclasses.replace(how, data_loss=metric == DATA_LOSS)
    if "score" in scorers and metric != "score":
        hint = "Give it another name in a dictionary: scoring={'my_score': ...}."
        rule = "leave the name `score` to the metric that counts"
        raise _checks.InvalidArgument("scoring", rule, list(scorers), hint)
    problems.require_class_weight(problem, class_weight)
    ends = None if budget_s is None else time.monotonic() + budget_s
    plan = Plan(
        build, space, candidates, method, trials, cv, how, metric, sign, seed, jobs, storage, ends
    )
    splits = plan.splits(problem)
    outer = splits if nested else []
    plan = dataclasses.replace(plan, parts=1 + len(outer))
    noted = journal is not None or storage is not None
    settings = plan.settings(problem, splits, scoring, nested=nested) if noted else {}
    with contextlib.ExitStack() as stack:
        saved = stack.enter_context(opened(journal, settings))
        bar = stack.enter_context(Progress(plan.runs() * len(splits) * (1 + len(outer)), verbose))
        found = plan.run(problem, splits, saved, 0, bar)
        if nested:
            found.nested_scores_ = np.array(
                [plan.outer(problem, saved, i + 1, split, bar) for i, split in enumerate(outer)]
            )
    return found


def _candidates(method: str, space: Any, trials: int | None, seed: int) -> list[choose.Params]:
    if method != "grid":
        return choose.drawn(space, trials or _TRIALS, seed)
    found = choose.grid(space)
    if trials is not None and trials < len(found):
        raise _checks.InvalidArgument(
            "trials",
            f"be at least {len(found)}, the size of the grid",
            trials,
            'To try some of it, use method="random".',
        )
    return found


def _read(
    build: Any, candidates: list[choose.Params], x: Any, y: Any, **more: Any
) -> tuple[Problem, dict[str, int | None]]:
    """Checks the data against the first setting that makes a model; returns its metrics too."""
    problems.require_given(build, x)
    errors: list[Exception] = []
    for params in candidates:
        try:
            make = functools.partial(problems.first, build, params, x)
            model = make()
        except Exception as error:  # noqa: BLE001  The trial will note it; another may not raise.
            errors.append(error)
            continue
        problem = problems.read(model, x, y, make, **more)
        known = directions(model, problem.own_names)
        # Of a step of the user's own it is not known what is in its loss.
        return problem, {DATA_LOSS: -1, **known} if _has_keras_loss(model) else known
    if not errors:
        raise ValueError("`space` must hold at least one setting.")
    raise all_failed(candidates[0], error_text(errors[0])) from errors[0]


def _has_keras_loss(model: Any) -> bool:
    return trains_as_keras(model) and has_keras_step(model, "test_step")
