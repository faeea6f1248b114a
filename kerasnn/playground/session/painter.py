"""Pictures of a network, computed in a thread of their own from copies of its weights."""

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network.network import Network, as_column, loss_of, targets
from kerasnn.playground.points.data import Data
from kerasnn.playground.points.plane import PIXELS
from kerasnn.playground.session.frame import Array, Frame, scaled
from kerasnn.tasks import Task

_UNIT_PIXELS = 20
_MOST_BYTES = 46_000
_MOST_ROWS = 500
_MOST_INPUTS_DRAWN = 7
_GRADIENT_SECONDS = 0.2
# A unit whose outputs differ by less on all rows is dead: it passes on no gradient.
_DEAD = 1e-6
_FAILURES = (ValueError, TypeError, RuntimeError, tf.errors.OpError)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watch:
    """What the page looks at.

    Attributes:
        unit: Layer, from 0 for the inputs, and unit of an enlarged map; None for no unit.
        uncertainty: `none`, `ensemble` or `mc_dropout`.
        diagnose: Whether the doctor looks on.
        speed: Epochs between two frames; 0 for as many as there are.
        pair: Name of the pair that trains epoch for epoch; None for a network alone.
    """

    unit: tuple[int, int] | None = None
    uncertainty: str = "none"
    diagnose: bool = False
    speed: int = 0
    pair: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """What a session draws: a network and its data set, unchanged until the next restart."""

    generation: int
    configuration: Configuration
    data: Data
    network: Network


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """The weights of a network after an epoch.

    Attributes:
        picture: What is drawn.
        trainable: Values of the trainable variables.
        others: Values of the other variables.
        logs: Losses and metrics of the epoch; None where they have to be measured.
        header: Numbers that are passed on.
        watch: What the page looks at.
        uncertainty: `(rows of the grid,)` or None.
    """

    picture: Picture
    trainable: Sequence[Any]
    others: Sequence[Any]
    logs: dict[str, float] | None
    header: dict[str, Any]
    watch: Watch
    uncertainty: np.ndarray | None = None


def snapshot_values(network: Network) -> tuple[list[Any], list[Any]]:
    """Returns the values of all variables; TensorFlow copies them when they are written to."""
    inner = network.inner
    trainable, others = inner.trainable_variables, inner.non_trainable_variables
    return [v.value.value() for v in trainable], [v.value.value() for v in others]


class Painter:
    """Draws the newest snapshot, and forgets those that came meanwhile.

    Args:
        show: Receives each frame, in the painter's thread.
        failed: Receives an error, after which the next snapshot is drawn.
        name: Name of the thread.
    """

    def __init__(
        self, show: Callable[[Frame], None], failed: Callable[[Exception], None], name: str
    ) -> None:
        self._show, self._failed = show, failed
        self._changed = threading.Condition()
        #: Held while a picture is computed.
        self.painting = threading.Lock()
        self._next: Snapshot | None = None
        self._ends = False
        self._canvas: _Canvas | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether a snapshot waits to be drawn."""
        return self._next is not None

    def draw(self, snapshot: Snapshot) -> None:
        """Draws a snapshot as soon as the one before is finished."""
        with self._changed:
            self._next = snapshot
            self._changed.notify()

    def close(self) -> None:
        """Ends the thread."""
        with self._changed:
            self._ends = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        """Waits for the end of the thread."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ends or self._next is not None)
                snapshot, self._next = self._next, None
            if self._ends or snapshot is None:
                return
            try:
                with self.painting:
                    frame = self._paint(snapshot)
            except _FAILURES as error:
                self._failed(error)
            else:
                self._show(frame)

    def _paint(self, snapshot: Snapshot) -> Frame:
        if self._canvas is None or self._canvas.picture is not snapshot.picture:
            self._canvas = _Canvas(snapshot.picture)
        return self._canvas.paint(snapshot)


class _Canvas:
    """What is the same in all frames of a picture."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        data = picture.data
        train = data.split.x_train
        sample = np.linspace(0, len(train) - 1, min(len(train), _MOST_ROWS)).astype(int)
        y_train, y_test = targets(picture.configuration, data)
        self._pixels = PIXELS * PIXELS
        self._rows = tf.constant(np.concatenate([data.plane.grid(), train[sample]]))
        self._train = tf.constant(train[sample]), as_column(y_train[sample])
        self._test = tf.constant(data.split.x_test), as_column(y_test)
        inner = picture.network.inner
        self._loss = loss_of(picture.network)
        place = {id(v): i for i, v in enumerate(inner.trainable_variables)}
        self._drawn = [place[id(v)] for v in picture.network.drawn_variables]
        self._kernels = [place[id(layer.kernel)] for layer in picture.network.dense]
        self._regularizers = [v.regularizer for v in inner.trainable_variables]
        y = data.y_train
        self._range = (0.0, 1.0)
        if data.task is Task.REGRESSION:
            self._range = float(y.min()), float(y.max())
        self._gradients: np.ndarray | None = None
        self._gradients_at = 0.0
        self._count = 0

    def paint(self, snapshot: Snapshot) -> Frame:
        """Returns the frame of a snapshot."""
        outputs = self._call(snapshot, self._rows)
        arrays = self._maps(outputs, snapshot)
        weights = [np.ravel(snapshot.trainable[i]) for i in self._drawn]
        arrays["weights"] = Array(np.concatenate(weights).astype(np.float32))
        arrays["gradients"] = Array(self._gradient(snapshot))
        hidden = [np.ptp(values[self._pixels :], axis=0) <= _DEAD for values in outputs[1:-1]]
        arrays["dead"] = Array(np.concatenate([*hidden, []]).astype(np.uint8))
        logs = self._measured(snapshot) if snapshot.logs is None else snapshot.logs
        metric = "mae" if self.picture.data.task is Task.REGRESSION else "accuracy"
        losses = {
            "metric": metric,
            "train_loss": logs["loss"],
            "test_loss": logs["val_loss"],
            "train_metric": logs[metric],
            "test_metric": logs[f"val_{metric}"],
        }
        self._count += 1
        return Frame(self.picture.generation, {**snapshot.header, **losses}, arrays)

    def _call(self, snapshot: Snapshot, rows: Any) -> list[np.ndarray]:
        """Returns features, outputs of the hidden layers, and predictions."""
        inner = self.picture.network.inner
        outputs, _ = inner.stateless_call(
            list(snapshot.trainable), list(snapshot.others), rows, training=False
        )
        return [np.asarray(values) for values in outputs]

    def _maps(self, outputs: Sequence[np.ndarray], snapshot: Snapshot) -> dict[str, Array]:
        data, watch = self.picture.data, snapshot.watch
        grids = [values[: self._pixels] for values in outputs]
        predicted, arrays = grids[-1], {}
        if data.task is Task.MULTICLASS:
            classes = predicted.argmax(axis=1).astype(np.uint8)
            arrays["classes_map"] = Array(classes.reshape(PIXELS, PIXELS))
            predicted = predicted.max(axis=1)
        arrays["map"] = scaled(predicted.reshape(PIXELS, PIXELS), *self._range)
        units = [_thumbnails(values) for values in grids[1:-1]]
        if grids[0].shape[1] <= _MOST_INPUTS_DRAWN:
            units.append(_thumbnails(grids[0]))
        stacked = np.concatenate([*units, np.zeros((0, _UNIT_PIXELS, _UNIT_PIXELS), np.uint8)])
        enlarged = {}
        if watch.unit is not None:
            layer, unit = watch.unit
            if layer < len(grids) and unit < grids[layer].shape[1]:
                enlarged["unit_map"] = _symmetric(grids[layer][:, unit].reshape(PIXELS, PIXELS))
        if snapshot.uncertainty is not None:
            values = snapshot.uncertainty.reshape(PIXELS, PIXELS)
            enlarged["uncertainty"] = scaled(values, 0.0, float(values.max()))
        both = {**enlarged, "units": Array(stacked)}
        size = sum(array.values.nbytes for array in [*arrays.values(), *both.values()])
        if size > _MOST_BYTES:
            # The page keeps what a frame does not hold.
            names = list(both)
            name = names[self._count % len(names)]
            return {**arrays, name: both[name]}
        return {**arrays, **both}

    def _gradient(self, snapshot: Snapshot) -> np.ndarray:
        """Returns the mean absolute gradient of each kernel, while it runs that of a moment ago."""
        now = time.perf_counter()
        seconds = now - self._gradients_at
        is_new = snapshot.header["running"] and seconds < _GRADIENT_SECONDS
        if self._gradients is None or not is_new:
            x, y = self._train
            values = list(snapshot.trainable)
            with tf.GradientTape() as tape:
                tape.watch(values)
                outputs, _ = self.picture.network.inner.stateless_call(
                    values, list(snapshot.others), x, training=False
                )
                loss = self._loss(y, outputs[-1])
            found: Any = tape.gradient(loss, [values[i] for i in self._kernels])
            self._gradients = np.array(
                [float(tf.reduce_mean(tf.abs(g))) for g in found], np.float32
            )
            self._gradients_at = now
        return self._gradients

    def _measured(self, snapshot: Snapshot) -> dict[str, float]:
        """Returns losses and metrics of both parts, which training has not measured yet."""
        pairs = zip(snapshot.trainable, self._regularizers, strict=True)
        penalty = sum(float(penalize(value)) for value, penalize in pairs if penalize is not None)
        logs = {}
        for prefix, (x, y) in (("", self._train), ("val_", self._test)):
            outputs = self._call(snapshot, x)[-1]
            logs[f"{prefix}loss"] = float(self._loss(y, outputs)) + penalty
            y = np.asarray(y)
            if self.picture.data.task is Task.REGRESSION:
                logs[f"{prefix}mae"] = float(np.abs(outputs - y).mean())
                continue
            truth = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
            found = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.5
            logs[f"{prefix}accuracy"] = float((found == truth).mean())
        return logs


def _symmetric(values: np.ndarray) -> Array:
    """Returns values as bytes, with 0 in the middle of their range."""
    most = float(np.abs(values).max()) or 1.0
    return scaled(values, -most, most)


def _thumbnails(values: np.ndarray) -> np.ndarray:
    """Returns small maps of units, each in its own range around 0: `(units, 20, 20)`."""
    step = PIXELS // _UNIT_PIXELS
    small = values.reshape(PIXELS, PIXELS, -1)[step // 2 :: step, step // 2 :: step]
    most = np.abs(small).max(axis=(0, 1), keepdims=True)
    parts = np.nan_to_num(127.5 + 127.5 * small / np.where(most > 0, most, 1), nan=127)
    return np.rint(parts.clip(0, 255)).astype(np.uint8).transpose(2, 0, 1)
