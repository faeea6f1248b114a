"""Partitions by time and by group, and windows of series, against loops by hand."""

import numpy as np
import pytest
from sklearn.model_selection import GroupShuffleSplit

from kerasnn.data.tables.partitions import (
    partition_by_group,
    partition_by_time,
    partition_windows,
)

NAT = np.datetime64("NaT", "D")


def test_the_latest_rows_are_the_test_part():
    days = np.array([3, 1, 9, 7, 5, 2, 8, 4, 6, 0])
    dates = np.datetime64("1969-12-28") + days
    for times in (days, days.astype(float), dates):
        train, test = partition_by_time(times, test_size=0.3, name="day")
        assert days[train].tolist() == list(range(7))
        assert days[test].tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("times", "test_size", "later"),
    [
        ([1, 2, 2, 2, 3, 4], 0.4, [3, 4]),
        ([1, 2, 2, 2, 3, 4], 0.8, [2, 2, 2, 3, 4]),
        ([1, 1, 1, 1, 1, 2], 0.5, [2]),
        ([1, 2, 2, 2, 2, 2], 0.2, [2, 2, 2, 2, 2]),
    ],
)
def test_equal_times_are_in_one_part(times, test_size, later):
    times = np.array(times)
    train, test = partition_by_time(times, test_size=test_size, name="year")
    assert times[test].tolist() == later
    assert sorted([*train, *test]) == list(range(len(times)))


def test_times_that_divide_nothing(invalid):
    with invalid("split_by", "year"):
        partition_by_time(np.array([7, 7, 7]), test_size=0.5, name="year")
    with invalid("split_by", "day"):
        partition_by_time(
            np.array(["2020-01-01", NAT, "2020-01-02"], "datetime64[D]"),
            test_size=0.5,
            name="day",
            places=lambda rows: f"line {rows[0] + 2}",
        )
    with invalid("split_by", "year"):
        partition_by_time(np.array([np.nan] * 6 + [1]), test_size=0.5, name="year")
    with invalid("split_by", "month"):
        partition_by_time(np.array(["May", "June"], object), test_size=0.5, name="month")


def test_no_group_is_in_both_parts():
    groups = np.array([f"patient {i * i % 17}" for i in range(60)], object)
    train, test = partition_by_group(groups, test_size=0.3, seed=5, name="who")
    assert sorted([*train, *test]) == list(range(60))
    assert not set(groups[train]) & set(groups[test])
    assert len(set(groups[test])) == np.ceil(0.3 * len(set(groups)))
    codes = np.unique(groups, return_inverse=True)[1]
    splitter = GroupShuffleSplit(1, test_size=0.3, random_state=5)
    expected_train, expected_test = next(splitter.split(codes, groups=codes))
    assert set(train) == set(expected_train)
    assert set(test) == set(expected_test)
    # Keras takes the last rows for validation, so they are not in the order of the table.
    assert train.tolist() != sorted(train)
    again, _ = partition_by_group(groups, test_size=0.3, seed=5, name="who")
    assert again.tolist() == train.tolist()


def test_groups_that_divide_nothing(invalid):
    with invalid("groups", "who"):
        partition_by_group(np.array(["x", "x"], object), test_size=0.5, seed=0, name="who")
    with invalid("groups", "who"):
        partition_by_group(np.array(["x", None, "y"], object), test_size=0.5, seed=0, name="who")
    with invalid("test_size", 0.9):
        partition_by_group(np.array([1, 2, 3]), test_size=0.9, seed=0, name="who")


def _windows_by_hand(steps, times, series):
    """Returns every window and the row that follows it, by the series' names."""
    found = []
    for name in sorted(set(series)):
        rows = sorted((i for i in range(len(times)) if series[i] == name), key=lambda i: times[i])
        found += [(rows[i - steps : i], rows[i]) for i in range(steps, len(rows))]
    return found


def _pairs(windows, following):
    return [(w.tolist(), int(n)) for w, n in zip(windows, following, strict=True)]


def test_windows_of_several_series_are_divided_at_one_moment():
    rng = np.random.default_rng(0)
    series = np.array(list("aaaaaaaabbbbbbbbbbccd"), object)
    times = np.concatenate([rng.permutation(n) for n in (8, 10, 2, 1)]).astype(float)
    order = rng.permutation(len(times))
    series, times = series[order], times[order]
    parts = partition_windows(
        2, rows=len(times), test_size=0.3, times=times, series=series, time_name="t"
    )
    train, test = _pairs(parts.train, parts.train_next), _pairs(parts.test, parts.test_next)
    assert sorted(train + test) == sorted(_windows_by_hand(2, times, series))
    moment = min(times[n] for _, n in test)
    assert max(times[n] for _, n in train) < moment
    assert max(times[i] for window, _ in train for i in window) < moment
    assert min(times[i] for window, _ in test for i in window) < moment
    assert [times[n] for _, n in test] == sorted(times[n] for _, n in test)


def test_windows_in_the_order_of_the_rows():
    parts = partition_windows(3, rows=10, test_size=0.25)
    assert _pairs(parts.train, parts.train_next) == [
        (list(range(i - 3, i)), i) for i in range(3, 8)
    ]
    assert _pairs(parts.test, parts.test_next) == [([5, 6, 7], 8), ([6, 7, 8], 9)]

    # Two series in turn: each is divided at its own end.
    series = np.arange(12) % 2
    parts = partition_windows(2, rows=12, test_size=0.25, series=series)
    assert parts.train_next.tolist() == [4, 6, 8, 5, 7, 9]
    assert _pairs(parts.test, parts.test_next) == [([6, 8], 10), ([7, 9], 11)]


def test_a_row_without_a_target_is_a_step_and_no_target():
    has_target = np.arange(8) != 4
    parts = partition_windows(1, rows=8, test_size=0.3, has_target=has_target)
    assert parts.train_next.tolist() == [1, 2, 3, 5]
    assert _pairs(parts.test, parts.test_next) == [([5], 6), ([6], 7)]
    assert [4] in parts.train.tolist()


def test_series_that_cannot_be_divided(invalid):
    with invalid("windows", 5):
        partition_windows(5, rows=6, test_size=0.5)
    with invalid("windows", 2):
        partition_windows(2, rows=6, test_size=0.5, series=np.array([0, 0, 0, 1, 1, 1]))
    times = np.array([1.0, 2, 3, 2])
    with invalid("split_by", "t"):
        partition_windows(1, rows=4, test_size=0.5, times=times, time_name="t")
    assert partition_windows(
        1, rows=4, test_size=0.5, times=times, series=np.array([0, 0, 1, 1]), time_name="t"
    ).test_next.tolist() == [2]
