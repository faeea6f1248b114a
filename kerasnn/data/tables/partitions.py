"""Division of a table's rows into parts by time and by group, and of series into windows."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from kerasnn import _checks

# Returns where rows are, for an error.
Places = Callable[[Sequence[int]], str]
Parts = tuple[np.ndarray, np.ndarray]
_MOST_PLACES = 5


def partition_by_time(
    times: np.ndarray, *, test_size: float, name: str, places: Places | None = None
) -> Parts:
    """Returns the indices of the training rows and of the later test rows, both in order of time.

    Rows of equal times are in one part: of the moments between two times, that is taken which
    gives a test part of the size nearest to `test_size`.

    Args:
        times: `(rows,)` numbers or `datetime64`.
        test_size: Fraction of the rows in the test part, in (0, 1).
        name: Name of the column, for errors.
        places: Returns where rows are, for errors; by default "row 3, 6".

    Raises:
        InvalidArgument: If these are neither numbers nor dates, one is missing, or all are equal.

    Example:
        >>> train, test = partition_by_time(
        ...     np.array([5, 3, 4, 1, 4]), test_size=0.3, name="year"
        ... )
        >>> train.tolist(), test.tolist()
        ([3, 1], [2, 4, 0])
    """
    _check_times(times, name, places)
    order = np.argsort(times, kind="stable")
    first = _first_of_test(times[order], test_size, name)
    return order[:first], order[first:]


def partition_by_group(
    groups: np.ndarray, *, test_size: float, seed: int, name: str, places: Places | None = None
) -> Parts:
    """Returns the indices of the training rows and of the test rows, with no group in both.

    Args:
        groups: `(rows,)` numbers, dates or names.
        test_size: Fraction of the groups in the test part, in (0, 1).
        seed: Seed of the choice, and of the order of the rows.
        name: Name of the column, for errors.
        places: Returns where rows are, for errors; by default "row 3, 6".

    Raises:
        InvalidArgument: If a group is missing, there is one only, or none would be left to train
            on.

    Example:
        >>> train, test = partition_by_group(
        ...     np.array(["a", "b", "a", "c"]), test_size=0.3, seed=0, name="patient"
        ... )
        >>> len(train), len(test)
        (3, 1)
    """
    from sklearn.model_selection import GroupShuffleSplit

    _refuse_missing("groups", groups, name, places)
    found, codes = np.unique(groups, return_inverse=True)
    if len(found) < 2:
        raise _checks.InvalidArgument(
            "groups",
            "name a column of two groups at least, for the training part and the test part",
            name,
            got=f"{name!r}, which is {str(found[0])!r} in all rows",
        )
    if np.ceil(len(found) * test_size) >= len(found):
        raise _checks.InvalidArgument(
            "test_size", f"leave a group to train on; {name!r} has {len(found)} groups", test_size
        )
    splitter = GroupShuffleSplit(1, test_size=test_size, random_state=seed)
    train, test = next(splitter.split(codes, groups=codes))
    shuffle = np.random.default_rng(seed).permutation
    return shuffle(train), shuffle(test)


@dataclasses.dataclass(frozen=True, eq=False)
class Windows:
    """Windows of series: the steps of each, and the step that follows, by their rows.

    Args:
        train: `(windows, steps)` indices of the rows of each training window.
        train_next: `(windows,)` index of the row that follows it, whose target is to be predicted.
        test: As `train`, of the test part.
        test_next: As `train_next`.
    """

    train: np.ndarray
    train_next: np.ndarray
    test: np.ndarray
    test_next: np.ndarray


def partition_windows(
    steps: int,
    *,
    rows: int,
    test_size: float,
    times: np.ndarray | None = None,
    series: np.ndarray | None = None,
    has_target: np.ndarray | None = None,
    time_name: str = "",
    series_name: str = "",
    places: Places | None = None,
) -> Windows:
    """Returns the windows of one or more series, divided at a point in time.

    All targets of the test part are later than those of the training part, and no training window
    reaches into the test part; a test window may begin in the training part. With `times` one
    moment divides all series; without, each series is divided at the same fraction of its windows.

    Args:
        steps: Number of past steps in a window.
        rows: Number of rows of the table.
        test_size: Fraction of the windows in the test part, in (0, 1).
        times: `(rows,)` numbers or `datetime64` that order the steps; None for the order of the
            rows.
        series: `(rows,)` numbers or names of the series that a row belongs to; None for one.
        has_target: `(rows,)` booleans, whether a row may be predicted; None for all.
        time_name: Name of the column of times, for errors.
        series_name: Name of the column of series, for errors.
        places: Returns where rows are, for errors; by default "row 3, 6".

    Raises:
        InvalidArgument: If no series has enough steps for a training and a test window, if times
            are neither numbers nor dates, if a time or the name of a series is missing, or two
            steps of one series have the same time.

    Example:
        >>> windows = partition_windows(2, rows=6, test_size=0.3)
        >>> windows.train.tolist(), windows.train_next.tolist()
        ([[0, 1], [1, 2]], [2, 3])
        >>> windows.test.tolist(), windows.test_next.tolist()
        ([[2, 3], [3, 4]], [4, 5])
    """
    codes = np.zeros(rows, np.int64)
    if series is not None:
        _refuse_missing("groups", series, series_name, places)
        codes = np.unique(series, return_inverse=True)[1]
    moments = np.arange(rows)
    if times is not None:
        _check_times(times, time_name, places)
        moments = times
    order = np.lexsort((moments, codes))
    if times is not None:
        _refuse_equal_times(codes, times, order, time_name, places or _rows)

    position = np.arange(rows) - np.searchsorted(codes[order], codes[order])
    ends = np.flatnonzero(position >= steps)
    if has_target is not None:
        ends = ends[has_target[order[ends]]]
    if len(ends) < 2:
        raise _too_few(steps)
    if times is not None:
        ends = ends[np.argsort(times[order[ends]], kind="stable")]
        first = _first_of_test(times[order[ends]], test_size, time_name)
        is_test = np.arange(len(ends)) >= first
    else:
        is_test = _last_of_each(codes[order[ends]], test_size)
        if not is_test.any():
            raise _too_few(steps)
    windows = order[ends[:, np.newaxis] + np.arange(-steps, 0)]
    following = order[ends]
    return Windows(windows[~is_test], following[~is_test], windows[is_test], following[is_test])


def _first_of_test(times: np.ndarray, test_size: float, name: str) -> int:
    """Returns the first index of the test part in ascending times."""
    starts = 1 + np.flatnonzero(times[1:] != times[:-1])
    if not len(starts):
        raise _checks.InvalidArgument(
            "split_by",
            "name a column of different values, to divide the rows at one of them",
            name,
            got=f"{name!r}, which is {times[0]!s} in all rows",
        )
    wanted = len(times) - np.ceil(len(times) * test_size)
    return int(starts[np.abs(starts - wanted).argmin()])


def _last_of_each(codes: np.ndarray, test_size: float) -> np.ndarray:
    """Returns which entries are in the last part of their run of equal codes."""
    _, starts, counts = np.unique(codes, return_index=True, return_counts=True)
    tests = np.minimum(np.ceil(counts * test_size).astype(int), counts - 1)
    return np.arange(len(codes)) >= np.repeat(starts + counts - tests, counts)


def _too_few(steps: int) -> _checks.InvalidArgument:
    return _checks.InvalidArgument(
        "windows",
        "leave a window to train on and one to test, each followed by a row",
        steps,
        "Give more rows, or a smaller number of steps.",
    )


def _check_times(times: np.ndarray, name: str, places: Places | None) -> None:
    if times.dtype.kind not in "iufM":
        raise _checks.InvalidArgument("split_by", "name a column of numbers or dates", name)
    _refuse_missing("split_by", times, name, places)


def _refuse_missing(argument: str, values: np.ndarray, name: str, places: Places | None) -> None:
    if values.dtype.kind == "M":
        missing = np.isnat(values)
    elif values.dtype.kind == "f":
        missing = np.isnan(values)
    else:
        missing = np.array([value is None for value in values.tolist()], bool)
    if missing.any():
        where = _described(np.flatnonzero(missing), places or _rows)
        raise _checks.InvalidArgument(
            argument,
            "name a column with a value in each row",
            name,
            got=f"{name!r}, which has none in {where}",
        )


def _refuse_equal_times(
    codes: np.ndarray, times: np.ndarray, order: np.ndarray, name: str, places: Places
) -> None:
    before, after = order[:-1], order[1:]
    equal = (codes[before] == codes[after]) & (times[before] == times[after])
    if equal.any():
        first = int(equal.argmax())
        raise _checks.InvalidArgument(
            "split_by",
            "name a column that orders the steps of a series",
            name,
            "If the table holds more than one series, name the column that tells them apart with "
            "`groups`.",
            got=f"{name!r}, equal in {places([int(before[first]), int(after[first])])}",
        )


def _described(rows: np.ndarray, places: Places) -> str:
    more = ", ..." if len(rows) > _MOST_PLACES else ""
    plural = "row" if len(rows) == 1 else "rows"
    return f"{len(rows)} {plural} ({places(rows[:_MOST_PLACES].tolist())}{more})"


def _rows(rows: Sequence[int]) -> str:
    return f"row {', '.join(map(str, rows))}"
