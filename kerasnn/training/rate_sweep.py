"""What a sweep of the learning rate has found."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kerasnn import _checks
from kerasnn._axes import COLOURS, given_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHODS = ("minimum", "steep", "valley")


@dataclasses.dataclass(frozen=True)
class RateSweep:
    """The loss of one step after the other, each at a higher learning rate.

    Attributes:
        learning_rates: The rates, ascending, up to where the loss diverged.
        losses: The loss of the batch that was trained on at each rate.
        smoothed: A moving average of the losses, which the suggestion is read from.
        method: How it is read: `"minimum"`, a tenth of the rate with the lowest loss, past
            which it rises; `"steep"`, the rate at which the loss falls fastest; `"valley"`, the
            middle of the longest fall.
    """

    learning_rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    method: str = "minimum"

    @property
    def suggestion(self) -> float:
        """A learning rate to train with.

        Raises:
            ValueError: If the loss has not fallen, so that nothing can be read from it.
        """
        _checks.one_of("method", self.method, METHODS)
        lowest = int(np.argmin(self.smoothed))
        if lowest == 0:
            raise ValueError(
                "No learning rate can be suggested: the loss never fell below that of the first "
                f"step, {self.smoothed[0]:.4g}. See `.plot()`. Sweep from a lower `low` to a "
                "higher `high`, with more `steps`, or from a model that is not trained already."
            )
        if self.method == "minimum":
            return float(self.learning_rates[lowest] / 10)
        if self.method == "steep":
            slope = np.gradient(
                self.smoothed[: lowest + 1], np.log(self.learning_rates[: lowest + 1])
            )
            return float(self.learning_rates[np.argmin(slope)])
        first, last = _longest_fall(self.smoothed)
        return float(self.learning_rates[(first + last) // 2])

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draws the loss against the learning rate, and marks the suggestion.

        Args:
            ax: Where to draw; None makes a figure, to be had as `.figure` of what is returned.

        Returns:
            The Axes.
        """
        ax = given_or_new(ax)
        ax.plot(self.learning_rates, self.losses, color=COLOURS[5], label="loss of a batch")
        ax.plot(self.learning_rates, self.smoothed, color=COLOURS[0], label="smoothed")
        if np.argmin(self.smoothed):
            label = f"suggestion: {self.suggestion:.2g}"
            ax.axvline(self.suggestion, color="black", linestyle=":", label=label)
        ax.set_xscale("log")
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss")
        # One batch at a high rate would flatten all others.
        low, high = self.smoothed.min(), self.smoothed.max()
        ax.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        ax.legend()
        return ax


def has_risen(sweep: RateSweep) -> bool:
    """Whether the loss ends above its lowest value by more than the noise of a batch.

    The noise is told from the course of the loss by the steps between neighbours, of which the
    median is no matter of a few leaps.
    """
    noise = np.median(np.abs(np.diff(sweep.losses)))
    return bool(sweep.smoothed[-1] > sweep.smoothed.min() + noise)


def _longest_fall(values: np.ndarray) -> tuple[int, int]:
    """Returns where the longest falling subsequence starts and ends."""
    length, start = np.ones(len(values), int), np.arange(len(values))
    for i in range(1, len(values)):
        above = np.flatnonzero(values[:i] > values[i])
        if len(above):
            best = above[np.argmax(length[above])]
            length[i], start[i] = length[best] + 1, start[best]
    last = int(np.argmax(length))
    return int(start[last]), last
