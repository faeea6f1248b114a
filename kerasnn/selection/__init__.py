"""Model selection: cross-validation, search, and scikit-learn estimators."""

from kerasnn.selection.cross_validate import cross_validate
from kerasnn.selection.estimators.classifier import Classifier
from kerasnn.selection.estimators.regressor import Regressor
from kerasnn.selection.search.space import choice, integers, log_uniform, uniform
from kerasnn.selection.tune import tune

__all__ = [
    "Classifier",
    "Regressor",
    "choice",
    "cross_validate",
    "integers",
    "log_uniform",
    "tune",
    "uniform",
]


def __dir__() -> list[str]:
    return sorted(__all__)
