"""Model selection: cross-validation, search, and scikit-learn estimators."""

from kerasnn.selection.cross_validate import cross_validate as cross_validate
