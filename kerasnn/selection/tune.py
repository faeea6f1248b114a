"""Search for hyperparameters."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn._checks.caller import hide_own_frames
from kerasnn._core.display.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.dataset import Dataset, read_dataset, require_arrays
from kerasnn.selection.folds.executor import FoldExecutor
from kerasnn.selection.folds.fold import FoldSettings
from kerasnn.selection.folds.metrics import DATA_LOSS, chosen, directions
from kerasnn.selection.folds.model_builder import ModelBuilder
from kerasnn.selection.folds.scoring import scorers_of
from kerasnn.selection.folds.splits import fold_rows
from kerasnn.selection.result import Trial, Tuning, all_failed
from kerasnn.selection.search import sampling
from kerasnn.selection.search.identity import identities
from kerasnn.selection.search.journal import open_journal
from kerasnn.selection.search.optimizer import import_optuna
from kerasnn.selection.search.postgresql import is_postgresql
from kerasnn.selection.search.shared_study import SharedStudy, open_shared
from kerasnn.selection.search.strategies import STRATEGIES, evaluations
from kerasnn.selection.search.study import Deadline, Study, error_text
from kerasnn.training.inputs.arrays import trains_as_keras
from kerasnn.training.programs.train_step import has_keras_step

_N_TRIALS = 20
# Attributes of settings and data that two runs of one search have in common.
_SETTINGS = (
    "epochs",
    "batch_size",
    "callbacks",
    "patience",
    "validation_fraction",
    "class_weight",
)
_DATA = ("x", "y", "sample_weight", "groups")


@_checks.known_arguments
def tune(
    build: Callable[..., Any],
    space: dict[str, Any],
    x: Any,
    y: Any = None,
    *,
    cv: Any = 5,
    groups: Any = None,
    n_trials: int | None = None,
    method: str = "grid",
    timeout_s: float | None = None,
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
    n_jobs: int = 1,
    verbose: int | str = "auto",
) -> Tuning:
    """Searches the arguments of `build` with the best score in cross-validation.

    All settings are trained and tested on the same folds, by `cross_validate`'s rules. A setting
    that fails stands in the table with its error, and the search continues.

    Folds of all settings whose models `kerasnn.fit_many` can stack, which differ in learning rate,
    dropout rate or penalties, say, train at once in one program: at most 512, with `timeout_s` or
    `journal` 64, and no more than fit into memory. Others train one after the other.

    Args:
        build: Returns a compiled model for arguments of the space. It is called for each setting
            and fold; but once for a setting without callbacks whose model has the architecture and
            the initial weights of another setting's, which are then the same in all folds.
        space: Argument of `build` -> list of values; a range: `uniform`, `log_uniform`,
            `integers`, `choice`; or a function that returns one of these for the values of the
            arguments before, or None to leave the argument out.
        x: Inputs.
        y: Targets.
        cv: Folds, as in `cross_validate`.
        groups: Group of each row.
        n_trials: Number of settings; all of a grid, else 20 by default.
        method: `"grid"`, all settings; `"random"`; `"halving"`, random ones for few epochs, and
            the best third of them for three times as many, until `epochs`; `"bayes"`, by Optuna.
        timeout_s: Seconds after which no further trial, or stack of them, begins; at least one is
            run. The rounds of `"halving"` divide them evenly, and so do the search on all data and
            those that are `nested`; time that one leaves goes to the next. A nested search may then
            try fewer settings, and scores what so short a search would find. For both it is refused
            with a PostgreSQL database, whose processes would go on with different settings.
        epochs: Epochs of each fold.
        batch_size: Rows in a batch, or `"full"`.
        callbacks: Callbacks, as in `cross_validate`.
        patience: Epochs that early stopping waits, as in `cross_validate`.
        validation_fraction: Fraction of the training rows that early stopping validates on.
        scoring: Further scores, as in `cross_validate`.
        metric: The score by which settings are compared. The default is the first of `scoring`;
            else the first of the model's metrics of which more is known to be better; else
            `"data_loss"`, the loss without the model's penalties, so that factors of L1 and L2 are
            compared by their predictions (`"loss"` includes the penalties; it is the default for a
            model with a test step of its own). For a custom metric state the direction: `"+name"`
            where more is better, `"-name"` where less is. An `AUC()` without a name is `"auc"` in
            every fold.
        sample_weight: Weight of each row.
        class_weight: Weight of each class in training.
        nested: Whether to search once more within the training rows of each of `cv` outer folds,
            and to score the best setting found there on the fold's test rows: the score to expect
            on new data.
        journal: File of results. A search that was killed resumes from it, and ends with the same
            table, to float32 rounding. A journal of another search is refused: functions are
            compared by their names, source and default values, objects by their class and
            attributes, arrays by their numbers. Functions that `build` calls and global variables
            are not compared.
        storage: A database in the place of `journal`, by which several processes share a search.
            `"postgresql://user:password@host/name"` is for any method and several machines: start
            the same search on each of them. Each setting is trained in one process, that of a
            process that dies once more in another; all processes wait for the last setting, and
            return one table, which is that of a single process to float32 rounding. Only `"bayes"`
            tries other settings than a single process would, since Optuna suggests them by the
            scores that are there by then. The database holds one search, and needs the arguments,
            data and version of kerasnn that it was started with. The folds of one setting train at
            once, those of several do not.
            Other URLs of Optuna's storages, such as `"sqlite:///search.db"`, are for `"bayes"`:
            each process tries `n_trials` settings of its own, suggested after the scores of all,
            and returns a table of these.
        seed: Seed of settings, folds, weights and orders.
        n_jobs: Number of folds that run at once, where they cannot be stacked.
        verbose: 1 for a progress bar over all folds, with the best score and the time left; 0 for
            silence; "auto" for a bar on a terminal or in a notebook where it takes over two
            seconds.

    Returns:
        The table, the best setting, and `refit()`, which trains it on all data.

    Raises:
        InvalidArgument: If an argument breaks its rule, the journal or the storage is of another
            search, or the storage cannot be opened.
        RuntimeError: If every trial fails.
        ConnectionError: If the PostgreSQL database no longer answers.
        ImportError: If `method="bayes"` and Optuna is not installed, or what a PostgreSQL database
            needs is not.
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
    _check_options(method, seed, n_jobs, n_trials, timeout_s)
    _check_storage(storage, method=method, journal=journal)
    _check_nested(nested, cv)
    is_shared = is_postgresql(storage)
    if is_shared and timeout_s is not None and (nested or method == "halving"):
        rule = "be left out where machines share a search by halving, or one that is nested"
        hint = "They would go on with different settings. Give `n_trials`."
        raise _checks.InvalidArgument("timeout_s", rule, timeout_s, hint)
    sampling.check_space(build, space)
    if method == "bayes":
        import_optuna("method='bayes'")
    candidates = _candidates(method, space, n_trials, seed)
    n_trials = (n_trials or _N_TRIALS) if method == "bayes" else len(candidates)
    deadline = Deadline.after(timeout_s)
    builder = ModelBuilder(build)
    dataset, known = _read(builder, candidates, x, y, groups=groups, sample_weight=sample_weight)
    dataset.require_class_weight(class_weight)
    scorers = scorers_of(scoring)
    metric, sign = chosen(metric, known, scorers)
    if "score" in scorers and metric != "score":
        rule = "leave the name `score` to the metric by which settings are compared"
        hint = "Give it another name in a dictionary: scoring={'my_score': ...}."
        raise _checks.InvalidArgument("scoring", rule, list(scorers), hint)
    settings = FoldSettings(
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        patience=patience,
        validation_fraction=validation_fraction,
        class_weight=class_weight,
        scorers=scorers,
        data_loss=metric == DATA_LOSS,
    )
    folds = fold_rows(dataset, cv, derived(seed, 0))
    search: dict[str, Any] = {"method": method, "n_trials": n_trials, "seed": seed, "cv": folds}
    search |= {"metric": metric, "sign": sign, "build": build, "space": space}
    search |= {"scoring": scoring, "nested": nested}
    is_kept = journal is not None or storage is not None
    identity = _identity(search, settings, dataset) if is_kept else {}
    runs = evaluations(method, n_trials, epochs) * len(folds) * (1 + nested * len(folds))
    with contextlib.ExitStack() as stack:
        kind: Callable[..., Study] = Study
        if is_shared:
            shared = stack.enter_context(open_shared(str(storage), identity, seed))
            kind = functools.partial(SharedStudy, shared=shared)
        study = kind(
            builder=builder,
            dataset=dataset,
            folds=folds,
            settings=settings,
            metric=metric,
            sign=sign,
            seed=seed,
            journal=stack.enter_context(open_journal(journal, identity)),
            executor=stack.enter_context(FoldExecutor(n_jobs)),
            progress=stack.enter_context(Progress("Search of settings", runs, verbose)),
            deadline=deadline,
            storage=storage,
        )
        trials_of = functools.partial(_trials, method=method, space=space, n_trials=n_trials)
        return _searched(study, trials_of, cv if nested else None)


def _check_options(method: Any, seed: Any, n_jobs: Any, n_trials: Any, timeout_s: Any) -> None:
    _checks.one_of("method", method, STRATEGIES)
    _checks.integer("seed", seed, at_least=0)
    _checks.integer("n_jobs", n_jobs)
    if n_trials is not None:
        _checks.integer("n_trials", n_trials)
    if timeout_s is not None:
        _checks.number("timeout_s", timeout_s, above=0)


def _check_storage(storage: Any, *, method: Any, journal: Any) -> None:
    if storage is None:
        return
    if method != "bayes" and not is_postgresql(storage):
        rule = "be used with method='bayes', or be the URL of a PostgreSQL database"
        raise _checks.InvalidArgument("storage", rule, storage)
    if not isinstance(storage, str) or "://" not in storage:
        hint = 'Give "sqlite:///search.db", for example.'
        raise _checks.InvalidArgument("storage", "be a URL", storage, hint)
    if journal is not None:
        hint = "The storage has the results."
        raise _checks.InvalidArgument("journal", "be left out beside `storage`", str(journal), hint)


def _check_nested(nested: Any, cv: Any) -> None:
    _checks.boolean("nested", nested)
    if nested and not isinstance(cv, (int, np.integer)) and not hasattr(cv, "get_n_splits"):
        rule = "be a number of folds or a splitter where `nested`, to divide parts of the data too"
        raise _checks.InvalidArgument("cv", rule, cv)


def _candidates(method: str, space: Any, n_trials: int | None, seed: int) -> list[sampling.Params]:
    """Returns the settings of a search; for `"bayes"` one of those that it may try."""
    if method != "grid":
        return sampling.drawn(space, 1 if method == "bayes" else n_trials or _N_TRIALS, seed)
    found = sampling.grid(space)
    if n_trials is not None and n_trials < len(found):
        rule = f"be at least {len(found)}, the size of the grid"
        hint = 'To try some of it, use method="random".'
        raise _checks.InvalidArgument("n_trials", rule, n_trials, hint)
    return found


def _read(
    builder: ModelBuilder, candidates: list[sampling.Params], x: Any, y: Any, **more: Any
) -> tuple[Dataset, dict[str, int | None]]:
    """Checks the data against the first setting with a model; returns its metrics' directions."""
    require_arrays(x)
    errors: list[Exception] = []
    for params in candidates:
        try:
            model = builder.first(params, x)
        except Exception as error:  # noqa: BLE001  Its trial will note it; another may not raise.
            errors.append(error)
            continue
        dataset = read_dataset(model, x, y, **more)
        known = directions(model)
        # Whether the loss of a test step of the user's own has penalties in it is not known.
        has_keras_loss = trains_as_keras(model) and has_keras_step(model, "test_step")
        return dataset, {DATA_LOSS: -1, **known} if has_keras_loss else known
    if not errors:
        raise _checks.InvalidArgument("space", "hold at least one setting", candidates, got="none")
    hide_own_frames(errors[0])
    raise all_failed(candidates[0], error_text(errors[0])) from errors[0]


def _identity(search: dict[str, Any], settings: FoldSettings, dataset: Dataset) -> dict[str, str]:
    """Returns the identity of a search: of its arguments, settings of folds, and data."""
    parts = {name: getattr(settings, name) for name in _SETTINGS}
    parts |= {name: getattr(dataset, name) for name in _DATA}
    return identities(search | parts)


def _trials(study: Study, *, method: str, space: dict[str, Any], n_trials: int) -> list[Trial]:
    return STRATEGIES[method](study, space, n_trials)


def _searched(study: Study, trials_of: Callable[[Study], list[Trial]], nested_cv: Any) -> Tuning:
    """Runs a search on all data, and one on the training rows of each outer fold.

    Args:
        study: The study on all data.
        trials_of: Returns the trials of a study.
        nested_cv: Folds of the nested searches, or None for no such search.
    """
    outer = [] if nested_cv is None else study.folds
    parts = 1 + len(outer)
    trials = trials_of(dataclasses.replace(study, deadline=study.deadline.share(parts)))
    found = functools.partial(Tuning, metric=study.metric, sign=study.sign)
    scores: list[float] = []
    for part, rows in enumerate(outer, 1):
        inner = study.dataset.subset(rows.train)
        folds = fold_rows(inner, nested_cv, derived(study.seed, 0))
        deadline = study.deadline.share(parts - part)
        nested = dataclasses.replace(
            study, dataset=inner, folds=folds, part=part, deadline=deadline
        )
        best = found(trials_of(nested), n_folds=len(folds), refit=nested.refit)
        outer_study = dataclasses.replace(study, part=part)
        scores.append(outer_study.test(best.best_params_, best.best_epochs_, rows))
    return found(
        trials,
        n_folds=len(study.folds),
        refit=study.refit,
        nested_scores=np.array(scores) if scores else None,
    )
