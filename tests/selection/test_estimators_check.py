"""scikit-learn's own checks of estimators."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from kerasnn.selection import Classifier, Regressor

_BATCHES = (
    "A row that is left out, or repeated, moves all that come after it to other mini-batches; "
    "weights are then those of another order of the rows, not of the same."
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": _BATCHES,
    "check_sample_weight_equivalence_on_sparse_data": _BATCHES,
}
TELLING = {
    "check_n_features_in",
    "check_estimators_pickle",
    "check_dict_unchanged",
    "check_fit_idempotent",
    "check_no_attributes_set_in_init",
    "check_fit2d_1sample",
    "check_dont_overwrite_attributes",
}


def quick_checks():
    for estimator in (Classifier(epochs=2, hidden=(4,)), Regressor(epochs=2, hidden=(4,))):
        checks: Any = estimator_checks_generator(estimator)
        for given, check in checks:
            name = check.func.__name__
            if name in TELLING:
                yield pytest.param(given, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "check"), list(quick_checks()))
def test_telling_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_all_checks(kind):
    found = check_estimator(kind(), expected_failed_checks=EXPECTED, on_skip=None)
    failed = {r["check_name"] for r in found if r["status"] in ("failed", "xfail")}
    assert failed <= set(EXPECTED)
    assert sum(r["status"] == "passed" for r in found) > 40
