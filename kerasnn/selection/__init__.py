"""Model selection: cross-validation, search, and scikit-learn estimators."""

from kerasnn.selection.classifier import Classifier as Classifier
from kerasnn.selection.cross_validate import cross_validate as cross_validate
from kerasnn.selection.regressor import Regressor as Regressor
