"""Whether a plane divides two classes."""

import numpy as np


def linearly_separable(points: np.ndarray, positive: np.ndarray) -> bool:
    """Returns whether some w and b have s (w x + b) >= 1 for all points, s = 1 or -1 by class.

    Exact but for rounding: a linear program without an objective, which has a solution or none.

    Args:
        points: `(rows, features)`.
        positive: `(rows,)` truth values.

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
