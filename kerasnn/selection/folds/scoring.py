"""Scores of a trained model by scikit-learn's scorers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names

from kerasnn import _checks
from kerasnn.selection.folds.dataset import Problem


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
        hint = "A set has no order, and the first score is the one that counts."
        raise _checks.InvalidArgument(
            "scoring", "be a list or a dictionary of scores", scoring, hint
        )
    entries = list(scoring) if isinstance(scoring, (list, tuple)) else [scoring]
    names = [_name(entry) for entry in entries]
    if len(set(names)) < len(names):
        raise _checks.InvalidArgument(
            "scoring", "have a name of its own for each", names, "Give a dictionary by name."
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
    scorers: dict[str, Callable[..., float]], problem: Problem, outputs: Any, test: np.ndarray
) -> dict[str, float]:
    """Returns what scorers say of a model's outputs on the test rows."""
    if not scorers:
        return {}
    x, y, _ = problem.take(test)
    if problem.kind in ("classes", "binary", "onehot"):
        # Without one class a row, each unit is a label of its own.
        one = problem.labels is not None
        outputs = from_logits(outputs, problem.kind) if problem.logits else outputs
        answers: Any = _Classes(outputs, problem.kind, one=one)
        y = y if problem.labels is None else problem.labels[test].astype(int)
    else:
        answers = _Values(outputs)
    return {name: _score(name, scorer, answers, x, y) for name, scorer in scorers.items()}


def _score(name: str, scorer: Callable[..., float], answers: Any, x: Any, y: Any) -> float:
    try:
        score = float(scorer(answers, x, y))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"`scoring` must suit the model's task; {name!r} cannot judge it. It says: {error}"
        ) from error
    if not np.isfinite(score):
        raise ValueError(
            f"`scoring` must give finite numbers; {name!r} gave {score} for the {len(y)} test rows "
            "of a fold. Use another score, or folds on which it is defined."
        )
    return score


class _Classes(ClassifierMixin, BaseEstimator):
    """Answers as a classifier would that was fitted on the training rows."""

    def __init__(self, outputs: np.ndarray, kind: str, *, one: bool) -> None:
        self._outputs, self._one = outputs, one
        self._probabilities = probabilities_of(outputs, kind, one=one)
        self.classes_ = np.arange(self._probabilities.shape[-1])

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, x: Any) -> Any:
        return classes_of(self._outputs) if self._one else (self._outputs > 0.5).astype(int)

    def predict_proba(self, x: Any) -> Any:
        return self._probabilities


class _Values(RegressorMixin, BaseEstimator):
    """Answers as a regressor would that was fitted on the training rows."""

    def __init__(self, outputs: np.ndarray) -> None:
        self._outputs = outputs

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, x: Any) -> Any:
        return values_of(self._outputs)


def from_logits(outputs: np.ndarray, kind: str) -> np.ndarray:
    """Returns the probabilities that a loss of some kind makes of a model's outputs."""
    if kind == "binary":
        return scipy.special.expit(outputs)
    return scipy.special.softmax(outputs, axis=-1)


def classes_of(outputs: np.ndarray) -> np.ndarray:
    """Returns class numbers for probabilities of exclusive classes."""
    if outputs.ndim > 1 and outputs.shape[-1] > 1:
        return outputs.argmax(axis=-1)
    return (outputs.reshape(-1) > 0.5).astype(int)


def probabilities_of(outputs: np.ndarray, kind: str, *, one: bool = True) -> np.ndarray:
    """Returns one probability a class, where one unit gives that of class 1."""
    if kind != "binary" or not one:
        return outputs
    positive = outputs.reshape(-1)
    return np.stack([1 - positive, positive], axis=1)


def values_of(outputs: np.ndarray) -> np.ndarray:
    """Returns one number a row where there is one output, else all of them."""
    return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs
