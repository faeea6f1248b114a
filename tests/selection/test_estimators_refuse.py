"""What an estimator refuses, and that nothing of it stays."""

import numpy as np
import pytest
from selection_helpers import blobs

from kerasnn.selection import Classifier

SMALL = {"hidden": (4,), "epochs": 3, "random_state": 5, "learning_rate": 0.05}


def test_early_stopping_looks_at_rows_that_weigh():
    x, y = blobs(20, classes=2)
    weight = (np.arange(20) < 1).astype(float)
    stopped = Classifier(**SMALL, early_stopping=True)
    message = "`sample_weight` must not be zero for all rows that (early stopping looks|are tr)"
    with pytest.raises(ValueError, match=message):
        stopped.fit(x, y, sample_weight=weight)


def test_a_call_that_fails_leaves_nothing_behind():
    x, y = blobs(20, classes=2)
    fitted = Classifier(**SMALL)
    with pytest.raises(ValueError, match="`sample_weight` must be at least 0"):
        fitted.partial_fit(x, y, sample_weight=-np.ones(20))
    assert vars(fitted) == vars(Classifier(**SMALL))
    with pytest.raises(ValueError, match="`classes` must hold at least two labels; got classes="):
        fitted.partial_fit(x, y, classes=[])
    fitted.partial_fit(x, y, classes=[0, 1, 2])
    learned = dict(vars(fitted))
    with pytest.raises(ValueError, match="`sample_weight` must not be zero for all rows"):
        fitted.fit(x, y + 1, sample_weight=np.zeros(20))
    assert vars(fitted) == learned


def test_labels_of_several_a_row_have_no_weights_of_their_own():
    x, y = blobs()
    message = '`class_weight` must be "balanced" where rows have several labels; got class_weight={'
    with pytest.raises(ValueError, match=message):
        Classifier(**SMALL, class_weight={0: 5}).fit(x, np.stack([y > 0, y > 1], 1).astype(int))
