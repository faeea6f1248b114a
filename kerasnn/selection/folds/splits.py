"""Row indices of folds: to train on, and to test on."""

from collections.abc import Iterable
from typing import Any, NamedTuple

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
from kerasnn.selection.folds.dataset import Dataset


class FoldRows(NamedTuple):
    """Indices of the rows that a fold is trained on, and of those that it is tested on."""

    train: np.ndarray
    test: np.ndarray


def fold_rows(dataset: Dataset, cv: Any, seed: int) -> list[FoldRows]:
    """Returns the rows of each fold.

    Args:
        dataset: The data.
        cv: Number of folds, a splitter of scikit-learn, or pairs of row indices.
        seed: Seed of the order of rows, where `cv` is a number.

    Raises:
        InvalidArgument: If a fold cannot be made, or tests on rows that it trains on.
    """
    if isinstance(cv, (int, np.integer)) or cv is None:
        pairs: Any = _numbered(dataset, cv, seed)
    elif hasattr(cv, "get_n_splits"):
        pairs = cv.split(np.zeros((dataset.count, 1)), _targets(dataset), dataset.groups)
    elif isinstance(cv, Iterable) and not isinstance(cv, (str, dict)):
        pairs = cv
    else:
        rule = "be a number of folds, a splitter of scikit-learn, or pairs of row indices"
        raise _checks.InvalidArgument("cv", rule, cv)
    folds = [_checked(i, pair, dataset.count) for i, pair in enumerate(_listed(pairs, cv))]
    if not folds:
        raise _checks.InvalidArgument("cv", "give at least one fold", cv)
    for i, (train, test) in enumerate(folds):
        require_weight(dataset.take(train)[2], f"{len(train)} training rows of fold {i}")
        require_weight(dataset.take(test)[2], f"{len(test)} test rows of fold {i}")
        if dataset.groups is None:
            continue
        both = np.intersect1d(dataset.groups[train], dataset.groups[test])
        if both.size:
            got = f"group {both[0]!r} in both parts of fold {i}"
            hint = "Give a number of folds, or a GroupKFold of scikit-learn."
            rule = "keep each of `groups` in one part"
            raise _checks.InvalidArgument("cv", rule, both[0], hint, got=got)
    return folds


def _listed(pairs: Any, cv: Any) -> list[Any]:
    """Returns pairs of row indices; names `cv` where a splitter cannot give them."""
    try:
        return list(pairs)
    except (TypeError, ValueError) as error:
        rule = "divide these rows, with their targets and `groups`"
        raise _checks.InvalidArgument("cv", rule, cv, f"It says: {error}") from error


def validation_split(dataset: Dataset, train: np.ndarray, fraction: float, seed: int) -> FoldRows:
    """Returns the training rows of a fold in two parts: to train on, and to validate on."""
    options: Any = {"n_splits": 1, "test_size": fraction, "random_state": seed % 2**32}
    labels = None if dataset.labels is None else dataset.labels[train]
    groups = None if dataset.groups is None else dataset.groups[train]
    size = int(np.ceil(fraction * len(train)))
    if len(train) - size < 1:
        rule = f"leave rows to train on, of {len(train)} in a fold"
        raise _checks.InvalidArgument("validation_fraction", rule, fraction)
    if groups is not None:
        splitter: Any = GroupShuffleSplit(**options)
    elif labels is not None and can_stratify(labels, len(train) - size, size):
        splitter = StratifiedShuffleSplit(**options)
    else:
        splitter = ShuffleSplit(**options)
    first, second = next(splitter.split(np.zeros((len(train), 1)), labels, groups))
    if labels is not None:
        require_classes(labels[first], labels[second])
    kept, validation = train[np.sort(first)], train[np.sort(second)]
    require_weight(dataset.take(kept)[2], f"{len(kept)} rows of a fold that are trained on")
    require_weight(dataset.take(validation)[2], f"{len(validation)} validation rows of a fold")
    return FoldRows(kept, validation)


def require_classes(train: np.ndarray, validation: np.ndarray) -> None:
    """Raises where a class is in the validation that is not trained on."""
    unseen = np.setdiff1d(validation, train)
    if unseen.size:
        rule = "leave rows of every class to train on"
        hint = "Validate on fewer rows, give more rows of that class, or do not stop early."
        got = f"all rows of class number {unseen[0]:g} in the validation"
        raise _checks.InvalidArgument("validation_fraction", rule, unseen[0], hint, got=got)


def require_weight(weights: Any, rows: str, hint: str = "use fewer folds") -> None:
    """Raises where rows have weights, and all of them are zero."""
    if weights is not None and not any(np.any(w) for w in keras.tree.flatten(weights)):
        rule, hint = f"not be zero for all {rows}", f"Leave such rows out, or {hint}."
        raise _checks.InvalidArgument("sample_weight", rule, weights, hint, got="only zeros")


def can_stratify(labels: np.ndarray, train: int, validation: int) -> bool:
    """Whether two parts of rows, of these sizes, can each have all classes."""
    counts = np.unique(labels, return_counts=True)[1]
    return counts.min() >= 2 and len(counts) <= min(train, validation)


def _targets(dataset: Dataset) -> Any:
    if dataset.labels is not None:
        return dataset.labels
    return dataset.y if isinstance(dataset.y, np.ndarray) else None


def _numbered(dataset: Dataset, cv: Any, seed: int) -> Any:
    _checks.integer("cv", cv, at_least=2, hint="A fold is tested on what others train on.")
    labels, groups = dataset.labels, dataset.groups
    units, what = (dataset.count, "rows") if groups is None else (len(set(groups)), "groups")
    if cv > units:
        raise _checks.InvalidArgument("cv", f"be at most the number of {what}, {units}", cv)
    if labels is not None:
        classes, counts = np.unique(labels, return_counts=True)
        if len(classes) < 2:
            got = f"class {classes[0]:g} in all {dataset.count} rows"
            raise _checks.InvalidArgument("y", "hold at least two classes", classes, got=got)
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
    return splitter.split(np.zeros((dataset.count, 1)), labels, groups)


def _checked(fold: int, pair: Any, count: int) -> FoldRows:
    try:
        train, test = (np.asarray(part) for part in pair)
    except (TypeError, ValueError):
        rule = "give pairs of (training rows, test rows)"
        raise _checks.InvalidArgument("cv", rule, pair) from None
    parts = [np.flatnonzero(p) if p.dtype == bool and len(p) == count else p for p in (train, test)]
    for part in parts:
        indices = part.ndim == 1 and part.dtype.kind in "iu" and part.size > 0
        if not indices or part.min() < 0 or part.max() >= count:
            rule, got = (
                f"give row indices from 0 to {count - 1}",
                f"others, or none, in fold {fold}",
            )
            raise _checks.InvalidArgument("cv", rule, part, got=got)
    both = np.intersect1d(parts[0], parts[1])
    if both.size:
        rule = "test a fold on rows that it does not train on"
        got = f"row {both[0]}, and {both.size - 1} more, in both parts of fold {fold}"
        raise _checks.InvalidArgument("cv", rule, both, got=got)
    return FoldRows(parts[0], parts[1])
