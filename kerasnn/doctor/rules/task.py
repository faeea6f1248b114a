"""Rules about the task itself: an unsuitable loss, and classes that no plane separates."""

from collections.abc import Iterator

import keras
import numpy as np

from kerasnn._core import model_outputs
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.finding import Finding


def unfit_loss(evidence: Evidence) -> Iterator[Finding]:
    """Finds an output activation, a loss and targets that do not go together."""
    kind, model = model_outputs.kind_of_targets(evidence.model), evidence.model
    layer = model_outputs.output_layer(model)
    if kind == "custom" or layer is None or evidence.sample.y is None:
        return
    activation, y = model_outputs.output_activation(model), np.asarray(evidence.sample.y)
    logits = model_outputs.has_logits(model_outputs.loss_function(model))
    number, explanation, hint = _misfit(kind, activation, logits, y, layer.output.shape[-1])
    if explanation:
        yield Finding("loss does not fit the task", layer.name, number, explanation, hint)


def _misfit(
    kind: str, activation: str, logits: bool, y: np.ndarray, units: int | None
) -> tuple[float, str, str]:
    zeros_and_ones = float(np.isin(y, (0, 1)).mean())
    low, high = model_outputs.RANGES.get(activation, (-np.inf, np.inf))
    outside = float(((y < low) | (y > high)).mean())
    entropy = kind in ("classes", "onehot", "binary")
    if activation == "softmax" and units == 1:
        return 1, "A softmax over 1 unit is 1 for every row.", "Use activation='sigmoid'."
    if kind == "real" and activation in ("sigmoid", "softmax") and zeros_and_ones == 1:
        return (
            zeros_and_ones,
            f"All targets are 0 or 1 and the output is a {activation}, but the loss is that of "
            "real numbers: its gradient fades where the output is confident and wrong.",
            f"Use {'binary' if activation == 'sigmoid' else 'categorical'}_crossentropy, as "
            "`kerasnn.tasks` does.",
        )
    if kind == "real" and outside > 0:
        return (
            outside,
            f"{outside:.0%} of the targets lie outside the range of {activation}, from {low:g} "
            f"to {high:g}.",
            "Use a linear output for real numbers.",
        )
    if entropy and logits and activation in ("sigmoid", "softmax"):
        return (
            1,
            f"The output is a {activation}, and from_logits=True applies another one.",
            "Use a linear output, or from_logits=False.",
        )
    if entropy and not logits and activation in ("linear", "relu", "tanh"):
        return (
            1,
            f"The cross-entropy takes probabilities, and the output is {activation}.",
            "Use sigmoid for one or several labels, softmax for classes, or from_logits=True.",
        )
    return 0, "", ""


def not_separable(evidence: Evidence) -> Iterator[Finding]:
    """Finds threshold units on classes that no plane separates."""
    if (
        not evidence.has_threshold_output
        or evidence.train_score is None
        or evidence.train_score.agreement == 1
    ):
        return
    x, y = evidence.sample.x, np.asarray(evidence.sample.y)
    if keras.tree.is_nested(x) or len(evidence.latest.deep) != 1:
        return
    points = np.asarray(x, np.float64).reshape(len(y), -1)
    columns = y.reshape(len(y), -1).T > 0.5
    if not all(linearly_separable(points, column) for column in columns):
        errors = 1 - evidence.train_score.agreement
        yield Finding(
            "perceptron on data that is not linearly separable",
            model_outputs.output_layer(evidence.model).name,
            errors,
            f"{errors:.0%} of the training rows are classified wrongly, and no plane separates the "
            "classes: the perceptron rule will not converge.",
            "Add a hidden layer: `models.mlp(..., task='binary')`.",
        )


def linearly_separable(points: np.ndarray, positive: np.ndarray) -> bool:
    """Returns whether some w and b have s (w x + b) >= 1 for all points, s = 1 or -1 by class.

    Solved as the feasibility of a linear program; exact up to rounding.

    Args:
        points: `(rows, features)`.
        positive: `(rows,)` booleans.

    Example:
        >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> linearly_separable(square, np.array([False, False, False, True]))
        True
        >>> linearly_separable(square, np.array([False, True, True, False]))
        False
    """
    from scipy.optimize import linprog

    scale = np.abs(points).max(axis=0)
    scaled = points / np.where(scale > 0, scale, 1)
    sign = np.where(positive, 1.0, -1.0)[:, None]
    rows = -sign * np.hstack([scaled, np.ones((len(scaled), 1))])
    solved = linprog(
        np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(rows)), bounds=(None, None)
    )
    return bool(solved.status == 0)
