"""`tasks.infer` returns the task of targets, or raises."""

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
    "booleans": (BITS.astype(bool), "binary"),
    "bits as floats": (BITS.astype("float32"), "binary"),
    "a column of bits": (BITS[:, None], "binary"),
    "small integers": (BITS.astype("uint8"), "binary"),
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
    "several labels as booleans": (LABELS.astype(bool), "multilabel"),
    "real numbers": ([0.5, 1.25, 3.0], "regression"),
    "real numbers around 0 and 1": ([0.0, 1.0, 0.5], "regression"),
    "a column of real numbers": (np.array([[0.5], [1.25]]), "regression"),
    "several real numbers a row": (np.array([[0.5, 1], [2, 3.0]]), "regression"),
    "fractions": (np.full((4, 3), 1 / 3), "regression"),
    "iris": (datasets.load_iris().target, "multiclass"),
    "breast cancer": (datasets.load_breast_cancer().target, "binary"),
    "digits": (datasets.load_digits().target, "multiclass"),
}


@pytest.mark.parametrize(("y", "task"), NAMED.values(), ids=NAMED)
def test_named(y, task):
    found = tasks.infer(y)
    assert found == task
    assert isinstance(found, tasks.Task)


# Name -> targets, and a part of the hint.
REFUSED = {
    "empty": ([], ""),
    "empty column": (np.zeros((0, 1)), ""),
    "nan": ([0.5, np.nan], "Drop that row."),
    "infinity": ([[0.5, 1.0], [2.0, np.inf]], "Drop that row."),
    "one value": ([1, 1, 1], ""),
    "one boolean": ([True, True], ""),
    "one name": (["cat", "cat"], ""),
    "labels of -1 and 1": ([-1, 1, 1], "number the classes from 0"),
    "classes from 1": ([1, 2, 3], "number the classes from 0"),
    "classes with a gap": ([0, 1, 3], "number the classes from 0"),
    "counts": ([0, 4, 2, 9, 1, 30, 7], "task='count'"),
    "floats without a fraction": ([10.0, 20.0], "task='regression'"),
    "more classes than a task has": (np.arange(101), "task='regression'"),
    "huge integers": ([1e20, 2e20], "task='regression'"),
    "diabetes": (datasets.load_diabetes().target, "task='regression'"),
    "several integers a row": ([[1, 2], [3, 4]], "Give task='regression' or task='count'."),
    "one-hot": (np.eye(3)[CLASSES], "`y.argmax(axis=1)`"),
    "images": (np.zeros((3, 4, 4)), "Give the task."),
    "a single number": (3, "Give the task."),
    "objects": ([{"a": 1}, None], ""),
    "a name that lacks": (["a", None], "Drop the rows that lack a name."),
    "names in two columns": ([["a", "b"], ["c", "d"]], ""),
    "complex numbers": ([1 + 1j, 2], ""),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), ""),
}


@pytest.mark.parametrize(("y", "hint"), REFUSED.values(), ids=REFUSED)
def test_refused(invalid, y, hint):
    with invalid("y") as caught:
        tasks.infer(y)
    assert hint in caught.value.hint
