"""Scores of a trained model by scikit-learn's scorers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names

from kerasnn import _checks
from kerasnn.selection.folds.dataset import Dataset


def scorers_of(scoring: Any) -> dict[str, Callable[..., float]]:
    """Returns scorers by name.

    Args:
        scoring: None, the name of a scorer, a function of (estimator, x, y), a list of them, or
            a dictionary of them by name.

    Raises:
        ValueError: If a name is unknown, or given twice.
    """
    if scoring is None:
        return {}
    if isinstance(scoring, dict):
        return {str(name): _scorer(entry) for name, entry in scoring.items()}
    if isinstance(scoring, (set, frozenset)):
        hint = "A set has no order, and settings are compared by the first score."
        raise _checks.InvalidArgument(
            "scoring", "be a list or a dictionary of scores", scoring, hint
        )
    entries = list(scoring) if isinstance(scoring, (list, tuple)) else [scoring]
    names = [_name(entry) for entry in entries]
    if len(set(names)) < len(names):
        raise _checks.InvalidArgument(
            "scoring", "have distinct names", names, "Give a dictionary by name."
        )
    return dict(zip(names, map(_scorer, entries), strict=True))


def _name(entry: Any) -> str:
    return entry if isinstance(entry, str) else getattr(entry, "__name__", "score")


def _scorer(entry: Any) -> Callable[..., float]:
    if callable(entry):
        return entry  # type: ignore[no-any-return, return-value]
    names = get_scorer_names()
    if not isinstance(entry, str) or entry not in names:
        raise _checks.InvalidArgument(
            "scoring",
            "be a name from `sklearn.metrics.get_scorer_names()`, or a function of "
            "(estimator, x, y)",
            entry,
            _checks.did_you_mean(entry, names),
        )
    scorer: Any = get_scorer(entry)
    return scorer


def scores_of(
    scorers: dict[str, Callable[..., float]], dataset: Dataset, outputs: Any, test: np.ndarray
) -> dict[str, float]:
    """Returns the scores of a model's outputs on the test rows, by scorer."""
    if not scorers:
        return {}
    x, y, _ = dataset.take(test)
    kind = dataset.target_kind
    if kind in ("classes", "binary", "onehot"):
        # Without one class per row, each unit is a label of its own.
        exclusive = dataset.labels is not None
        outputs = from_logits(outputs, kind) if dataset.from_logits else outputs
        estimator: Any = _FittedClassifier(outputs, kind, exclusive=exclusive)
        y = y if dataset.labels is None else dataset.labels[test].astype(int)
    else:
        estimator = _FittedRegressor(outputs)
    return {name: _score(name, scorer, estimator, x, y) for name, scorer in scorers.items()}


def _score(name: str, scorer: Callable[..., float], estimator: Any, x: Any, y: Any) -> float:
    try:
        score = float(scorer(estimator, x, y))
    except (AttributeError, TypeError, ValueError) as error:
        rule, hint = "suit the model's task", f"The scorer says: {error}"
        raise _checks.InvalidArgument("scoring", rule, name, hint) from error
    if not np.isfinite(score):
        hint = "Use another score, or folds on which it is defined."
        got = f"{name}={score} for the {len(y)} test rows of a fold"
        raise _checks.InvalidArgument("scoring", "give finite numbers", score, hint, got=got)
    return score


class _FittedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that was fitted on the training rows and predicts the given outputs."""

    def __init__(self, outputs: np.ndarray, kind: str, *, exclusive: bool) -> None:
        self._outputs, self._exclusive = outputs, exclusive
        self._probabilities = probabilities_of(outputs, kind, exclusive=exclusive)
        self.classes_ = np.arange(self._probabilities.shape[-1])

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, x: Any) -> Any:
        if self._exclusive:
            return classes_of(self._outputs)
        return (self._outputs > 0.5).astype(int)

    def predict_proba(self, x: Any) -> Any:
        return self._probabilities


class _FittedRegressor(RegressorMixin, BaseEstimator):
    """A regressor that was fitted on the training rows and predicts the given outputs."""

    def __init__(self, outputs: np.ndarray) -> None:
        self._outputs = outputs

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, x: Any) -> Any:
        return values_of(self._outputs)


def from_logits(outputs: np.ndarray, kind: str) -> np.ndarray:
    """Returns the probabilities that a loss computes from a model's outputs."""
    if kind == "binary":
        return scipy.special.expit(outputs)
    return scipy.special.softmax(outputs, axis=-1)


def classes_of(outputs: np.ndarray) -> np.ndarray:
    """Returns class numbers for probabilities of exclusive classes."""
    if outputs.ndim > 1 and outputs.shape[-1] > 1:
        return outputs.argmax(axis=-1)
    return (outputs.reshape(-1) > 0.5).astype(int)


def probabilities_of(outputs: np.ndarray, kind: str, *, exclusive: bool = True) -> np.ndarray:
    """Returns one probability per class, where one unit gives that of class 1."""
    if kind != "binary" or not exclusive:
        return outputs
    positive = outputs.reshape(-1)
    return np.stack([1 - positive, positive], axis=1)


def values_of(outputs: np.ndarray) -> np.ndarray:
    """Returns one number per row where there is one output, else all of them."""
    return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs
