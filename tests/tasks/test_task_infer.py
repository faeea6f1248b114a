"""`tasks.infer` names a task, or says why it cannot."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn import datasets

from kerasnn import tasks

BITS = np.arange(10) % 2
CLASSES = np.arange(10) % 3
LABELS = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]])

NAMED = {
    "bits": (BITS, "binary"),
    "a list of bits": (BITS.tolist(), "binary"),
    "truth values": (BITS.astype(bool), "binary"),
    "bits as floats": (BITS.astype("float32"), "binary"),
    "a column of bits": (BITS[:, None], "binary"),
    "small whole numbers": (BITS.astype("uint8"), "binary"),
    "a tensor": (tf.constant(BITS), "binary"),
    "a series": (pd.Series(BITS, index=range(5, 15)), "binary"),
    "a data frame of one column": (pd.DataFrame({"target": BITS}), "binary"),
    "two names": (np.array(["cat", "dog", "cat"]), "binary"),
    "a series of names": (pd.Series(["cat", "dog", "cat"]), "binary"),
    "categories": (pd.Series(["cat", "dog", "cow"], dtype="category"), "multiclass"),
    "a column of names": (np.array([["a"], ["b"], ["c"]]), "multiclass"),
    "three names as objects": (np.array(["a", "b", "c"], dtype=object), "multiclass"),
    "classes": (CLASSES, "multiclass"),
    "classes as floats": (CLASSES.astype("float64"), "multiclass"),
    "unsigned classes": (CLASSES.astype("uint64"), "multiclass"),
    "a hundred classes": (np.arange(100), "multiclass"),
    "several labels": (LABELS, "multilabel"),
    "several labels as truth values": (LABELS.astype(bool), "multilabel"),
    "real numbers": ([0.5, 1.25, 3.0], "regression"),
    "real numbers around 0 and 1": ([0.0, 1.0, 0.5], "regression"),
    "a column of real numbers": (np.array([[0.5], [1.25]]), "regression"),
    "several real numbers a row": (np.array([[0.5, 1], [2, 3.0]]), "regression"),
    "shares": (np.full((4, 3), 1 / 3), "regression"),
    "iris": (datasets.load_iris().target, "multiclass"),
    "breast cancer": (datasets.load_breast_cancer().target, "binary"),
    "digits": (datasets.load_digits().target, "multiclass"),
}


@pytest.mark.parametrize(("y", "task"), NAMED.values(), ids=NAMED)
def test_named(y, task):
    found = tasks.infer(y)
    assert found == task
    assert isinstance(found, tasks.Task)


REFUSED = {
    "empty": ([], "`y` must hold at least one target; got an empty array."),
    "empty column": (np.zeros((0, 1)), "`y` must hold at least one target; got an empty array."),
    "nan": ([0.5, np.nan], "`y` must be finite; got nan in row 1. Drop that row."),
    "infinity": ([[0.5, 1.0], [2.0, np.inf]], r"`y` must be finite; got .*inf\] in row 1."),
    "one value": ([1, 1, 1], "`y` holds one value only, 1: there is nothing to learn."),
    "one truth value": ([True, True], "`y` holds one value only, 1: there is nothing to learn."),
    "one name": (["cat", "cat"], "`y` holds one class only, 'cat': there is nothing to learn."),
    "labels of -1 and 1": (
        [-1, 1, 1],
        "`y` holds the whole numbers -1, 1, which fit more than one task. Name it: "
        "task='regression' or task='count', or number the classes from 0 without a gap for "
        "task='multiclass'.",
    ),
    "classes from 1": ([1, 2, 3], "`y` holds the whole numbers 1, 2, 3, which fit more than one"),
    "classes with a gap": ([0, 1, 3], "`y` holds the whole numbers 0, 1, 3, which fit more than"),
    "counts": (
        [0, 4, 2, 9, 1, 30, 7],
        "`y` holds the whole numbers 0, 1, 2, 4, 7, 9, ..., which fit more than one task.",
    ),
    "whole floats": ([10.0, 20.0], "`y` holds the whole numbers 10, 20, which fit more than one"),
    "more classes than a task has": (np.arange(101), "`y` holds the whole numbers 0, 1, 2, 3, 4, "),
    "huge whole numbers": ([1e20, 2e20], "`y` holds the whole numbers 100000000000000000000, 2000"),
    "diabetes": (datasets.load_diabetes().target, "`y` holds the whole numbers 25, 31, 37, 39, 40"),
    "several whole numbers a row": (
        [[1, 2], [3, 4]],
        "`y` holds the whole numbers 1, 2, 3, 4, which fit more than one task. Name it: "
        "task='regression' or task='count'.",
    ),
    "one-hot": (
        np.eye(3)[CLASSES],
        "`y` is one-hot: each row holds exactly one 1, which fits task='multiclass' and "
        r"task='multilabel'. For exclusive classes give the numbers, `y.argmax\(axis=1\)`",
    ),
    "images": (
        np.zeros((3, 4, 4)),
        r"`y` must be \(batch,\) or \(batch, outputs\); got shape \(3, 4, 4\). Name the task.",
    ),
    "a single number": (3, r"`y` must be \(batch,\) or \(batch, outputs\); got shape \(\)."),
    "objects": ([{"a": 1}, None], r"`y` holds objects of shape \(2,\), which fit no task. Give nu"),
    "names in two columns": ([["a", "b"], ["c", "d"]], r"`y` holds objects of shape \(2, 2\), whi"),
    "complex numbers": ([1 + 1j, 2], "`y` must hold numbers or names; got dtype complex128."),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "`y` must hold numbers or names; got dty"),
}


@pytest.mark.parametrize(("y", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(y, message):
    with pytest.raises(ValueError, match=message):
        tasks.infer(y)
