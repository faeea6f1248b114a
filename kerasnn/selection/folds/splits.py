"""Which rows a fold trains on, and which it is judged by."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

from kerasnn import _checks
from kerasnn.selection.folds.dataset import Problem

Split = tuple[np.ndarray, np.ndarray]


def splits_of(problem: Problem, cv: Any, seed: int) -> list[Split]:
    """Returns the rows of each fold: to train on, and to test on.

    Args:
        problem: The data.
        cv: Number of folds, a splitter of scikit-learn, or pairs of row numbers.
        seed: Seed of the order of rows, where `cv` is a number.

    Raises:
        ValueError: If a fold cannot be made, or tests on rows that it trains on.
    """
    if isinstance(cv, (int, np.integer)) or cv is None:
        pairs: Any = _numbered(problem, cv, seed)
    elif hasattr(cv, "get_n_splits"):
        pairs = cv.split(np.zeros((problem.count, 1)), _targets(problem), problem.groups)
    elif isinstance(cv, Iterable) and not isinstance(cv, (str, dict)):
        pairs = cv
    else:
        raise _checks.InvalidArgument(
            "cv", "be a number of folds, a splitter of scikit-learn, or pairs of row numbers", cv
        )
    splits = [_checked(i, pair, problem.count) for i, pair in enumerate(_drawn(pairs, cv))]
    if not splits:
        raise _checks.InvalidArgument("cv", "give at least one fold", cv)
    for i, (train, test) in enumerate(splits):
        require_weight(problem.take(train)[2], f"{len(train)} training rows of fold {i}")
        require_weight(problem.take(test)[2], f"{len(test)} test rows of fold {i}")
    if problem.groups is not None:
        for i, (train, test) in enumerate(splits):
            both = np.intersect1d(problem.groups[train], problem.groups[test])
            if both.size:
                raise ValueError(
                    f"`cv` must keep each of `groups` in one part; fold {i} trains and tests on "
                    f"group {both[0]!r}. Give a number of folds, or a GroupKFold of scikit-learn."
                )
    return splits


def _drawn(pairs: Any, cv: Any) -> list[Any]:
    """Returns pairs of row numbers; names `cv` where a splitter cannot give them."""
    try:
        return list(pairs)
    except (TypeError, ValueError) as error:
        rule = "divide these rows, with their targets and `groups`"
        raise _checks.InvalidArgument("cv", rule, cv, f"It says: {error}") from error


def inner_split(problem: Problem, train: np.ndarray, share: float, seed: int) -> Split:
    """Returns the training rows of a fold in two parts: to train on, and to validate on."""
    options: Any = {"n_splits": 1, "test_size": share, "random_state": seed % 2**32}
    labels = None if problem.labels is None else problem.labels[train]
    groups = None if problem.groups is None else problem.groups[train]
    held = int(np.ceil(share * len(train)))
    if len(train) - held < 1:
        raise _checks.InvalidArgument(
            "validation_fraction", f"leave rows to train on, of {len(train)} in a fold", share
        )
    if groups is not None:
        splitter: Any = GroupShuffleSplit(**options)
    elif labels is not None and can_stratify(labels, len(train) - held, held):
        splitter = StratifiedShuffleSplit(**options)
    else:
        splitter = ShuffleSplit(**options)
    first, second = next(splitter.split(np.zeros((len(train), 1)), labels, groups))
    if labels is not None:
        require_classes(labels[first], labels[second])
    kept, validation = train[np.sort(first)], train[np.sort(second)]
    require_weight(problem.take(kept)[2], f"{len(kept)} rows of a fold that are trained on")
    held_weight = problem.take(validation)[2]
    require_weight(held_weight, f"{len(validation)} rows of a fold that are validated on")
    return kept, validation


def require_classes(kept: np.ndarray, held: np.ndarray) -> None:
    """Raises where a class is held out for early stopping that is not trained on."""
    unseen = np.setdiff1d(held, kept)
    if unseen.size:
        raise ValueError(
            "`validation_fraction` must leave rows of every class to train on; all rows of class "
            f"number {unseen[0]:g} would be held out. Hold fewer rows out, give more rows of that "
            "class, or do not stop early."
        )


def require_weight(weights: Any, rows: str, hint: str = "use fewer folds") -> None:
    """Raises where rows have weights, and all of them are zero."""
    if weights is not None and not any(np.any(w) for w in keras.tree.flatten(weights)):
        raise ValueError(
            f"`sample_weight` must not be zero for all {rows}: nothing is left. Leave such rows "
            f"out, or {hint}."
        )


def can_stratify(labels: np.ndarray, kept: int, held: int) -> bool:
    """Whether two parts of rows, of these sizes, can each have all classes."""
    counts = np.unique(labels, return_counts=True)[1]
    return counts.min() >= 2 and len(counts) <= min(kept, held)


def _targets(problem: Problem) -> Any:
    if problem.labels is not None:
        return problem.labels
    return problem.y if isinstance(problem.y, np.ndarray) else None


def _numbered(problem: Problem, cv: Any, seed: int) -> Any:
    _checks.whole_number("cv", cv, at_least=2, hint="A fold is tested on what others train on.")
    labels, groups = problem.labels, problem.groups
    units, what = (problem.count, "rows") if groups is None else (len(set(groups)), "groups")
    if cv > units:
        raise _checks.InvalidArgument("cv", f"be at most the number of {what}, {units}", cv)
    if labels is not None:
        classes, counts = np.unique(labels, return_counts=True)
        if len(classes) < 2:
            raise ValueError(
                f"`y` must hold at least two classes; all {problem.count} rows are of class "
                f"{classes[0]:g}."
            )
        if counts.min() < cv:
            raise _checks.InvalidArgument(
                "cv",
                f"be at most the number of rows of the smallest class, {counts.min()} of class "
                f"{classes[counts.argmin()]:g}, so that each fold has all classes",
                cv,
                "Use fewer folds, or give cv=KFold(...) of scikit-learn.",
            )
    options: Any = {"n_splits": int(cv), "shuffle": True, "random_state": seed % 2**32}
    if groups is not None:
        splitter: Any = StratifiedGroupKFold(**options) if labels is not None else GroupKFold(cv)
    else:
        splitter = StratifiedKFold(**options) if labels is not None else KFold(**options)
    return splitter.split(np.zeros((problem.count, 1)), labels, groups)


def _checked(fold: int, pair: Any, count: int) -> Split:
    try:
        train, test = (np.asarray(part) for part in pair)
    except (TypeError, ValueError):
        raise _checks.InvalidArgument(
            "cv", "give pairs of (training rows, test rows)", pair
        ) from None
    parts = [np.flatnonzero(p) if p.dtype == bool and len(p) == count else p for p in (train, test)]
    for part in parts:
        whole = part.ndim == 1 and part.dtype.kind in "iu" and part.size > 0
        if not whole or part.min() < 0 or part.max() >= count:
            raise ValueError(
                f"`cv` must give row numbers from 0 to {count - 1}; fold {fold} has others or none."
            )
    both = np.intersect1d(parts[0], parts[1])
    if both.size:
        raise ValueError(
            f"`cv` must test a fold on rows that it does not train on; fold {fold} has row "
            f"{both[0]} in both parts, and {both.size - 1} more."
        )
    return parts[0], parts[1]
