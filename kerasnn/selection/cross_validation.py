"""What cross-validation found."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, given_or_new
from kerasnn.selection.folds.fold import FoldResult
from kerasnn.selection.folds.splits import Split

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class CrossValidation:
    """Scores by fold, and what stands behind them.

    Attributes:
        scores: Metric -> array of one score a fold.
        mean: Metric -> mean over the folds.
        standard_error: Metric -> standard deviation over the folds / sqrt(folds).
        predictions: The model's outputs for each row, by the fold that did not train on it; NaN
            for a row in no test part, the mean for one in several.
        histories: Curves of each fold, as in `History.history`.
        best_epochs: Epochs after which each fold's model was scored: the best one, counted from 1,
            where early stopping put its weights back, else all that were trained.
        splits: (training rows, test rows) of each fold.
        seconds: Time that each fold took.
    """

    def __init__(self, folds: list[FoldResult], splits: list[Split], rows: int) -> None:
        names = list(folds[0].scores)
        self.scores = {name: np.array([fold.scores[name] for fold in folds]) for name in names}
        self.mean = {name: float(values.mean()) for name, values in self.scores.items()}
        self.standard_error = {
            name: float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
            for name, values in self.scores.items()
        }
        self.histories = [fold.history for fold in folds]
        self.best_epochs = [fold.best_epoch for fold in folds]
        self.seconds = [fold.seconds for fold in folds]
        self.splits = splits
        self.predictions: Any = keras.tree.map_structure(
            lambda *parts: _together(parts, [test for _, test in splits], rows),
            *(fold.predictions for fold in folds),
        )

    def to_frame(self) -> Any:
        """Returns a pandas DataFrame with one row a fold."""
        import pandas as pd

        table = {**self.scores, "best_epoch": self.best_epochs, "seconds": self.seconds}
        return pd.DataFrame(table).rename_axis(index="fold")

    def plot(self, *, metric: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """Draws each fold's score, and the mean with its standard error.

        Args:
            metric: Name of the score; None draws the last one.
            ax: Where to draw; None makes a figure.

        Returns:
            The Axes: score against fold.

        Raises:
            ValueError: If there is no such metric.
        """
        metric = list(self.scores)[-1] if metric is None else metric
        _checks.one_of("metric", metric, self.scores)
        ax = given_or_new(ax)
        values, mean, error = self.scores[metric], self.mean[metric], self.standard_error[metric]
        ax.plot(range(len(values)), values, "o", color=COLOURS[0], label="fold")
        ax.axhline(mean, color=COLOURS[1], label=f"mean {mean:.4g}")
        if np.isfinite(error):
            ax.axhspan(mean - error, mean + error, color=COLOURS[1], alpha=0.2)
        ax.set_xticks(range(len(values)))
        ax.set_xlabel("fold")
        ax.set_ylabel(metric.replace("_", " "))
        ax.legend()
        return ax

    def __repr__(self) -> str:
        width = max(map(len, self.scores))
        lines = [f"{len(self.splits)} folds, best epochs {self.best_epochs}"]
        lines += [
            f"{name:{width}}  {self.mean[name]:.4f} +- {self.standard_error[name]:.4f}"
            for name in self.scores
        ]
        return "\n".join(lines)


def _together(parts: Any, tests: list[np.ndarray], rows: int) -> np.ndarray:
    """Returns one output a row, the mean of those that the folds gave."""
    total = np.zeros((rows, *parts[0].shape[1:]), np.float64)
    count = np.zeros(rows, int)
    for part, test in zip(parts, tests, strict=True):
        np.add.at(total, test, part)
        np.add.at(count, test, 1)
    count = count.reshape(-1, *[1] * (total.ndim - 1))
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(parts[0].dtype)
