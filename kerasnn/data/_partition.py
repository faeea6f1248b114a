"""Division of rows into a training part and a test part."""

from collections.abc import Sequence

import numpy as np

from kerasnn import _checks
from kerasnn.data.split import Split
from kerasnn.tasks import Task


def check_partition(test_size: float, seed: int) -> None:
    """Raises unless `test_size` is strictly between 0 and 1, and `seed` an integer from 0."""
    _checks.number("test_size", test_size, above=0, below=1)
    _checks.integer("seed", seed, at_least=0)


def partition(
    rows: int,
    *,
    test_size: float,
    seed: int,
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices of the training rows and of the test rows, shuffled.

    With `labels` the split is stratified: each class has the same fraction of both parts,
    and none is missing from the training part.

    Args:
        rows: Number of rows.
        test_size: Fraction of the rows in the test part, in (0, 1).
        seed: Seed of the shuffle.
        labels: `(rows,)` class indices to stratify by.
        classes: Name of each class, for errors.

    Raises:
        InvalidArgument: If a part would be empty or would lack a class.
        ValueError: If a class has one row only.

    Example:
        >>> train, test = partition(10, test_size=0.2, seed=0)
        >>> len(train), len(test)
        (8, 2)
    """
    test_rows = int(np.ceil(rows * test_size))
    if rows - test_rows < 1:
        raise _checks.InvalidArgument(
            "test_size", f"leave a row to train on; there are {rows} rows", test_size
        )
    random = np.random.RandomState(seed)
    if labels is None:
        order = random.permutation(rows)
        return order[test_rows:], order[:test_rows]
    _check_classes(labels, classes, rows - test_rows, test_rows)
    train, test = _stratified(labels, test_rows, random)
    check_classes_to_train(labels, train, classes, test_size)
    return train, test


def _stratified(
    labels: np.ndarray, test_rows: int, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows that scikit-learn's `StratifiedShuffleSplit` draws.

    It keeps them in lists of Python's integers, which take most of the time and memory of reading
    a large table.
    """
    counts = np.bincount(labels)
    # Types of 16 bits are sorted in linear time.
    order = np.argsort(labels.astype(np.min_scalar_type(len(counts))), kind="stable")
    by_class = np.split(order.astype(np.min_scalar_type(len(labels))), np.cumsum(counts)[:-1])
    in_train = _apportioned(counts, len(labels) - test_rows, random)
    in_test = _apportioned(counts - in_train, test_rows, random)
    train, test = [], []
    for rows, first, second in zip(by_class, in_train, in_test, strict=True):
        shuffled = rows[random.permutation(len(rows))]
        train.append(shuffled[:first])
        test.append(shuffled[first : first + second])
    return random.permutation(np.concatenate(train)), random.permutation(np.concatenate(test))


def _apportioned(counts: np.ndarray, rows: int, random: np.random.RandomState) -> np.ndarray:
    """Returns the part of each class in some rows, by the largest remainder; ties by chance."""
    exact = counts / counts.sum() * rows
    whole = np.floor(exact)
    remainder = exact - whole
    left = int(rows - whole.sum())
    for value in np.unique(remainder)[::-1]:
        if not left:
            break
        equal = np.flatnonzero(remainder == value)
        chosen = random.choice(equal, size=min(len(equal), left), replace=False)
        whole[chosen] += 1
        left -= len(chosen)
    return whole.astype(int)


def check_classes_to_train(
    labels: np.ndarray, train: np.ndarray, classes: Sequence[str], test_size: float
) -> None:
    """Raises unless the training rows have all classes.

    Args:
        labels: `(rows,)` class indices.
        train: Indices of the training rows.
        classes: Name of each class.
        test_size: Fraction of the test part, for the error.
    """
    absent = np.flatnonzero(np.bincount(labels[train], minlength=len(classes)) == 0)
    if len(absent):
        raise _checks.InvalidArgument(
            "test_size",
            f"leave a row of each class to train on, of {classes[absent[0]]!r} too",
            test_size,
            "Use a smaller one.",
        )


def _check_classes(
    labels: np.ndarray, classes: Sequence[str], train_rows: int, test_rows: int
) -> None:
    numbers, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        name = classes[numbers[counts.argmin()]]
        raise ValueError(
            f"Class {name!r} has 1 row and needs at least 2, for the training part and the test "
            "part. Add rows of it, or leave it out."
        )
    if min(train_rows, test_rows) < len(numbers):
        raise _checks.InvalidArgument(
            "test_size",
            f"leave at least one row of each of the {len(numbers)} classes in both parts",
            test_rows / (train_rows + test_rows),
            "Or give more data.",
            got=f"{train_rows} training rows and {test_rows} test rows",
        )


def split_arrays(
    x: np.ndarray,
    y: np.ndarray,
    task: Task,
    classes: tuple[str, ...] | None,
    features: tuple[str, ...] | None,
    *,
    test_size: float,
    seed: int,
) -> Split:
    """Returns the rows of `x` and `y` as a `Split`, stratified if y holds class indices."""
    train, test = partition(
        len(x),
        test_size=test_size,
        seed=seed,
        labels=None if classes is None else y,
        classes=classes or (),
    )
    return Split(x[train], y[train], x[test], y[test], task, classes, features)
