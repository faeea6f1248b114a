"""Division of rows into a training part and a test part."""

from collections.abc import Iterator, Sequence

import numpy as np

from kerasnn import _checks
from kerasnn.data.rows.chunks import chunks, counts
from kerasnn.data.split import Split
from kerasnn.tasks import Task

# So many classes are found quicker by a search for each than by sorting all rows.
_MOST_SEARCHED = 16


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
    argument: str = "target",
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
        argument: Name of the argument that gives the classes, for errors.

    Raises:
        InvalidArgument: If a part would be empty or would lack a class, or a class has one row.

    Example:
        >>> train, test = partition(10, test_size=0.2, seed=0)
        >>> len(train), len(test)
        (8, 2)
    """
    random = np.random.RandomState(seed)
    parts = list(_draw(rows, test_size, random, labels, classes, argument))
    if labels is None:
        return parts[0]
    train, test = zip(*parts, strict=True)
    return random.permutation(np.concatenate(train)), random.permutation(np.concatenate(test))


def training_mask(
    rows: int,
    *,
    test_size: float,
    seed: int,
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    argument: str = "target",
) -> np.ndarray:
    """Returns a mask of the training rows of `partition`, which takes less memory.

    Of each row that is 1 byte, and 4 more meanwhile for the rows of one class.
    """
    mask = np.zeros(rows, bool)
    for train, _ in _draw(rows, test_size, np.random.RandomState(seed), labels, classes, argument):
        for here in chunks(len(train)):
            mask[train[here]] = True
    return mask


def _draw(
    rows: int,
    test_size: float,
    random: np.random.RandomState,
    labels: np.ndarray | None,
    classes: Sequence[str],
    argument: str,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the shuffled training rows and test rows, of each class or of all rows.

    With labels they are the rows that scikit-learn's `StratifiedShuffleSplit` draws. It keeps them
    in lists of Python's integers, which take most of the time and memory of reading a large table.
    """
    test_rows = int(np.ceil(rows * test_size))
    if rows - test_rows < 1:
        raise _checks.InvalidArgument(
            "test_size", f"leave a row to train on; there are {rows} rows", test_size
        )
    if labels is None:
        order = np.arange(rows, dtype=np.min_scalar_type(rows))
        random.shuffle(order)
        yield order[test_rows:], order[:test_rows]
        return
    of_class = counts(labels)
    _check_classes(of_class, classes, rows - test_rows, test_rows, argument)
    in_train = _apportioned(of_class, rows - test_rows, random)
    in_test = _apportioned(of_class - in_train, test_rows, random)
    _check_trained(in_train, classes, test_size)
    by_class = _rows_by_class(labels, of_class)
    for here, first, second in zip(by_class, in_train, in_test, strict=True):
        random.shuffle(here)
        yield here[:first], here[first : first + second]


def _rows_by_class(labels: np.ndarray, of_class: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the rows of each class in their order."""
    kind = np.min_scalar_type(len(labels))
    if len(of_class) > _MOST_SEARCHED:
        # Types of 16 bits are sorted in linear time.
        order = np.argsort(labels.astype(np.min_scalar_type(len(of_class))), kind="stable")
        yield from np.split(order.astype(kind), np.cumsum(of_class)[:-1])
        return
    for number, count in enumerate(of_class):
        rows, end = np.empty(count, kind), 0
        for here in chunks(len(labels)):
            found = np.flatnonzero(labels[here] == number)
            rows[end : end + len(found)] = found + here.start
            end += len(found)
        yield rows


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
        train: Indices of the training rows, or a mask.
        classes: Name of each class.
        test_size: Fraction of the test part, for the error.
    """
    _check_trained(counts(labels[train]), classes, test_size)


def _check_trained(in_train: np.ndarray, classes: Sequence[str], test_size: float) -> None:
    present = np.zeros(max(len(classes), len(in_train)), bool)
    present[np.flatnonzero(in_train)] = True
    absent = np.flatnonzero(~present)
    if len(absent):
        raise _checks.InvalidArgument(
            "test_size",
            f"leave a row of each class to train on, of {classes[absent[0]]!r} too",
            test_size,
            "Use a smaller one.",
        )


def _check_classes(
    of_class: np.ndarray, classes: Sequence[str], train_rows: int, test_rows: int, argument: str
) -> None:
    numbers = np.flatnonzero(of_class)
    rarest = numbers[of_class[numbers].argmin()]
    if of_class[rarest] < 2:
        raise _checks.InvalidArgument(
            argument,
            "have two rows of each class at least, for the training part and the test part",
            classes[rarest],
            "Add rows of it, or leave it out; if the target is a number, not a class, the task is "
            "regression or count.",
            got=f"1 row of class {classes[rarest]!r}",
        )
    if min(train_rows, test_rows) < len(numbers):
        raise _checks.InvalidArgument(
            "test_size",
            f"leave at least one row of each of the {len(numbers)} classes in both parts",
            test_rows / (train_rows + test_rows),
            "Or give more data.",
            got=f"{train_rows} training rows and {test_rows} test rows",
        )


def partition_of_data_set(
    y: np.ndarray, classes: Sequence[str] | None, *, test_size: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns `partition` of a named data set, stratified if y holds indices of `classes`."""
    return partition(
        len(y),
        test_size=test_size,
        seed=seed,
        labels=None if classes is None else y,
        classes=classes or (),
        argument="name",
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
    """Returns the rows of a named data set as a `Split`, stratified if y holds class indices."""
    train, test = partition_of_data_set(y, classes, test_size=test_size, seed=seed)
    return Split(x[train], y[train], x[test], y[test], task, classes, features)
