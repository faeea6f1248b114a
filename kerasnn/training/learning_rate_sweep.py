"""Sweep of the learning rate: its result, and the batches that it reads."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn._core.display import svg
from kerasnn._core.display.blocks import Facts
from kerasnn._core.display.rendering import for_notebook
from kerasnn._core.plotting import COLOURS, given_or_current
from kerasnn.training.inputs.tensors import hide_none
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.row_blocks import shuffled_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHODS = ("minimum", "steep", "valley")


@dataclasses.dataclass(frozen=True, repr=False)
class RateSweep:
    """The loss of one step after the other, each at a higher learning rate.

    Attributes:
        learning_rates: The rates, ascending, up to where the loss diverged.
        losses: The loss of the batch that was trained on at each rate.
        smoothed: A moving average of the losses, from which the suggestion is computed.
        method: How the suggestion is chosen: `"minimum"`, a tenth of the rate with the lowest
            loss, or the first rate if that is higher; `"steep"`, the rate at which the loss falls
            fastest; `"valley"`, the middle of the longest decrease.
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
            return float(max(self.learning_rates[lowest] / 10, self.learning_rates[0]))
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
            ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

        Returns:
            The Axes.
        """
        ax = given_or_current(ax)
        ax.plot(self.learning_rates, self.losses, color=COLOURS[5], label="loss of a batch")
        ax.plot(self.learning_rates, self.smoothed, color=COLOURS[0], label="smoothed")
        if np.argmin(self.smoothed):
            label = f"suggestion: {self.suggestion:.2g}"
            label += "" if _has_fallen(self) else " (maybe by chance)"
            ax.axvline(self.suggestion, color="black", linestyle=":", label=label)
        ax.set_xscale("log")
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss")
        # One loss at a high rate would flatten all others.
        low, high = self.smoothed.min(), self.smoothed.max()
        if high > low:
            ax.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        ax.legend()
        return ax

    def __repr__(self) -> str:
        """Returns the suggestion and the range of the rates, without the losses."""
        return f"RateSweep(suggestion={self._suggested()}, method={self.method!r}, {self._rates()})"

    def _suggested(self) -> str:
        if not np.argmin(self.smoothed):
            return "none: the loss never fell"
        fell = _has_fallen(self)
        chance = "" if fell else ", maybe by chance: the loss fell no more than it varies"
        return f"{self.suggestion:.2g}{chance}"

    def _rates(self) -> str:
        first, last = self.learning_rates[0], self.learning_rates[-1]
        return f"{len(self.losses)} learning rates from {first:.2g} to {last:.2g}"

    def _repr_html_(self) -> str:
        """Returns the suggestion and the curve, for a notebook."""
        facts = [
            ("suggestion", self._suggested()),
            ("method", self.method),
            ("swept", self._rates()),
        ]
        curve = svg.figure(
            "Loss against learning rate",
            f"The lowest smoothed loss is {self.smoothed.min():.4g}.",
            lambda ax: self.plot(ax=ax),
        )
        return for_notebook("Sweep of the learning rate", [Facts(facts), curve])


def has_risen(sweep: RateSweep) -> bool:
    """Whether the loss ends above its lowest value by more than the noise of a batch.

    The noise is the median difference between neighbouring losses, which a few outliers do not
    change.
    """
    return bool(sweep.smoothed[-1] > sweep.smoothed.min() + _noise(sweep))


def _has_fallen(sweep: RateSweep) -> bool:
    """Whether the loss falls below its first values by more than the noise of a batch."""
    first = np.median(sweep.losses[: max(1, len(sweep.losses) // 10)])
    return bool(first > sweep.smoothed.min() + 1.5 * _noise(sweep))


def _noise(sweep: RateSweep) -> float:
    return float(np.median(np.abs(np.diff(sweep.losses)))) if len(sweep.losses) > 1 else 0.0


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


# Where an operation of tf.data takes the generator of its seeds.
_SEED_GENERATOR_INPUT = {"ShuffleDatasetV3": 4, "ShuffleAndRepeatDatasetV2": 5}


def endless_batches(job: Job, seed: int) -> Iterator[Any]:
    """Yields the batches of a job without end; rows in memory in a new order each epoch."""
    if job.train is None:
        stream = _independent(job.x)
        while True:
            source = iter(job.x if stream is None else stream)
            source, batch = itertools.islice(source, job.steps_per_epoch), None
            for batch in job.check.batches(source):
                yield tf.nest.map_structure(tf.convert_to_tensor, hide_none(batch))
            if batch is None:
                # A dataset that was filtered does not know that it is empty.
                got = f"an empty {type(job.x).__name__}"
                raise _checks.InvalidArgument("x", "hold at least one batch", job.x, got=got)
    with tf.device("CPU:0"):
        data = tf.nest.map_structure(tf.convert_to_tensor, hide_none(job.packed))
    rows, size = job.train.count, min(job.step_rows, job.train.count)
    for epoch in itertools.count():
        order = shuffled_order(rows, seed, epoch)
        for start in range(0, rows - size + 1, size):
            chosen = order[start : start + size]
            yield tf.nest.map_structure(lambda t, chosen=chosen: tf.gather(t, chosen), data)


def _independent(stream: Any) -> Any:
    """Returns a copy of a dataset whose reading does not change the order of later shuffles.

    A shuffle draws a seed for each pass from a generator that a plain copy would share. This copy
    gets its own.
    """
    if not isinstance(stream, tf.data.Dataset):
        return None
    try:
        graph = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(stream),
            external_state_policy=1,  # A function in Python is shared by both.
        )
        definition = tf.compat.v1.GraphDef.FromString(graph.numpy())
        for node in definition.node:
            if node.op in _SEED_GENERATOR_INPUT:
                node.input[_SEED_GENERATOR_INPUT[node.op]] = "own_seed_generator"
        definition.node.add(op="DummySeedGenerator", name="own_seed_generator")
        copy = tf.raw_ops.DatasetFromGraph(graph_def=definition.SerializeToString())
    except tf.errors.OpError as error:
        _checks.warn(
            "`lr_find` reads `x` itself, since it cannot be copied: if it shuffles, the next "
            "`fit` reads it in another order than it would have. TensorFlow reports: "
            f"{first_line(error)}"
        )
        return stream
    return tf.data.experimental.from_variant(copy, stream.element_spec)
