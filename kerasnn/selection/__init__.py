"""Model selection: cross-validation, search, and scikit-learn estimators."""

from kerasnn.selection.classifier import Classifier as Classifier
from kerasnn.selection.cross_validate import cross_validate as cross_validate
from kerasnn.selection.regressor import Regressor as Regressor
from kerasnn.selection.space import choice as choice
from kerasnn.selection.space import integers as integers
from kerasnn.selection.space import log_uniform as log_uniform
from kerasnn.selection.space import uniform as uniform
from kerasnn.selection.tune import tune as tune
