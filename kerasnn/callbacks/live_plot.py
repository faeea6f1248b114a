"""Training curves that are redrawn in a notebook while `fit` runs."""

import math
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn._core.display import svg
from kerasnn._core.display.blocks import Figure
from kerasnn._core.display.cell import cell_output
from kerasnn._core.display.rendering import for_notebook
from kerasnn._core.model import unchanged
from kerasnn._core.model_outputs import output_activation
from kerasnn._core.plotting import COLOURS
from kerasnn.data.split import Split

# Drawing takes at most this fraction of the time.
_TIME_FRACTION = 0.2
_MOST_ROWS = 300
# Activations whose outputs tell classes apart.
_CLASSIFIERS = ("sigmoid", "softmax", "threshold")


class LivePlot(Callback):
    """Redraws the curves of a training below the cell of a notebook, while `fit` runs.

    Drawn are the loss, a metric, the learning rate where it changes, and the decision boundary of a
    classifier of two features. The steps run in the same compiled program as without it, and
    training is the same, bit for bit. A last figure is drawn when training ends, by Ctrl-C too: it
    takes up to a second, however short training was. Outside of a notebook nothing is drawn.

    Args:
        every_s: Seconds between two figures, at least. Where a figure takes long there are fewer,
            so that those before the last take about a fifth of the time.
        metrics: Name or names of metrics to draw beside the loss; None draws the first one.
        boundary: Whether to draw the decision boundary where the rows of `fit` are in memory, with
            two features and at most seven classes.
        features: Names of the two features, for the axes of the boundary; or the `data.Split` that
            has them, and the names of the classes.

    Attributes:
        features: The names of the features, or None.

    Raises:
        InvalidArgument: If an argument breaks its rule; after the first epoch, if a metric is none
            of the model's.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import data, models
        >>> moons = data.load("moons")
        >>> model = models.mlp(2, task="binary", hidden=(8,))
        >>> history = model.fit(
        ...     moons.x_train, moons.y_train, epochs=3, verbose=0,
        ...     callbacks=[LivePlot(features=moons)],
        ... )
    """

    model: Any

    @_checks.known_arguments
    def __init__(
        self,
        *,
        every_s: float = 1.0,
        metrics: str | Sequence[str] | None = None,
        boundary: bool = True,
        features: Sequence[str] | Split | None = None,
    ) -> None:
        super().__init__()
        _checks.number("every_s", every_s, at_least=0)
        _checks.boolean("boundary", boundary)
        self.every_s, self.metrics, self.boundary = every_s, metrics, boundary
        if not all(isinstance(name, str) for name in self._named()):
            raise _checks.InvalidArgument("metrics", "be names of metrics", metrics)
        # A split holds its data too, and callbacks are copied.
        self.features, self._classes = _names(features)
        self._rows: tuple[np.ndarray, np.ndarray] | None = None
        self._show: Any = None
        self._forget()

    def set_data(self, train: Any = None, validation: Any = None) -> None:
        """Takes some of the rows, for the decision boundary."""
        self._rows = _two_features(*train[:2]) if self.boundary and train is not None else None
        if self._rows is not None and self.features is not None and len(self.features) != 2:
            rule = "name the two features of the rows"
            raise _checks.InvalidArgument("features", rule, self.features)

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew."""
        self._forget()
        self._show = cell_output("text/html")
        self._drawn = time.perf_counter()
        rate = getattr(self.model.optimizer, "learning_rate", None)
        self._rate_is_set = isinstance(rate, keras.Variable)
        if self._rows is not None and output_activation(self.model) not in _CLASSIFIERS:
            self._rows = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps the logs of an epoch, and draws if it is time."""
        if not self._epochs:
            for name in self._named():
                _checks.one_of("metrics", name, logs or {})
        self._epochs.append(epoch)
        if self._show is None:
            return
        numbers = {
            name: float(np.ravel(value)[0])
            for name, value in (logs or {}).items()
            if np.size(value) == 1
        }
        for name in dict.fromkeys([*self._curves, *numbers]):
            curve = self._curves.setdefault(name, [])
            # An epoch without a validation has no value.
            curve += [math.nan] * (len(self._epochs) - 1 - len(curve))
            curve.append(numbers.get(name, math.nan))
        if self._rate_is_set:
            self._note_rate()
        wait = max(self.every_s, self._seconds * (1 / _TIME_FRACTION - 1))
        if time.perf_counter() - self._drawn >= wait:
            self._draw()

    def on_train_end(self, logs: Any = None) -> None:
        """Draws the last figure."""
        if self._show is not None and self._epochs:
            self._draw()
        self._rows = self._show = None

    def on_train_abort(self, error: BaseException) -> None:
        """Draws the curves up to the error or Ctrl-C."""
        self.on_train_end()

    def state(self) -> dict[str, Any]:
        """Returns the curves so far."""
        curves = {name: list(values) for name, values in self._curves.items()}
        return {"epochs": list(self._epochs), "curves": curves, "rates": list(self._rates)}

    def restore(self, state: dict[str, Any]) -> None:
        """Receives what `state` returned."""
        self._epochs, self._curves = list(state["epochs"]), dict(state["curves"])
        self._rates = list(state["rates"])

    def _forget(self) -> None:
        self._epochs: list[int] = []
        self._curves: dict[str, list[float]] = {}
        self._rates: list[list[float]] = []
        self._seconds, self._rate_is_set = 0.0, False

    def _note_rate(self) -> None:
        self._rates.append([self._epochs[-1] + 1, _rate(self.model)])

    def _draw(self) -> None:
        began, show = time.perf_counter(), self._show
        # An error in here must not come twice.
        self._show = None
        if not self._rate_is_set:
            # Evaluating a schedule takes as long as a short epoch.
            self._note_rate()
        show(for_notebook(self._title(), self._figures()))
        self._show = show
        self._drawn = time.perf_counter()
        self._seconds = self._drawn - began

    def _title(self) -> str:
        shown = [f"Epoch {self._epochs[-1] + 1} of {(self.params or {}).get('epochs', '?')}"]
        for name, words in (("loss", "loss"), ("val_loss", "validation loss")):
            values = self._curves.get(name, [math.nan])
            if not math.isnan(values[-1]):
                shown.append(f"{words} {values[-1]:.4g}")
        return ", ".join(shown)

    def _figures(self) -> list[Figure]:
        from kerasnn import plots

        history = keras.callbacks.History()
        history.epoch, history.history = self._epochs, self._curves
        figures = [
            svg.figure(
                name.replace("_", " "),
                f"After {len(self._epochs)} epochs: {self._curves[name][-1]:.4g}.",
                lambda ax, name=name: _above(plots.history(history, metrics=name, ax=ax)),
            )
            for name in ["loss", *self._metrics()]
            # A metric with a value for each class has no single curve.
            if name in self._curves
        ]
        epochs, rates = zip(*self._rates, strict=True)
        if len(set(rates)) > 1:
            text = f"The last is {rates[-1]:.2g}."
            figures.append(svg.figure("learning rate", text, lambda ax: _line(ax, epochs, rates)))
        if self._rows is not None:
            x, y = self._rows
            count = max(2, self.model.output_shape[-1])
            # Names of other classes than the model's are none.
            labels = self._classes if len(self._classes or ()) == count else None
            figures.append(
                svg.figure(
                    "decision boundary",
                    f"Of {len(x)} training rows.",
                    lambda ax: plots.decision_boundary(
                        self._predict, x, y, labels=labels, features=self.features, ax=ax
                    ),
                )
            )
        return figures

    def _metrics(self) -> list[str]:
        if self.metrics is not None:
            return self._named()
        names = [name for name in self._curves if not name.startswith("val_")]
        return [name for name in names if name not in ("loss", "learning_rate")][:1]

    def _named(self) -> list[str]:
        return [self.metrics] if isinstance(self.metrics, str) else list(self.metrics or ())

    def _predict(self, rows: np.ndarray) -> np.ndarray:
        with unchanged(self.model):
            return np.asarray(self.model(rows, training=False))


def _above(ax: Any) -> Any:
    """Moves the legend above the curves, which would grow into it."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, borderaxespad=0.3)
    return ax


def _line(ax: Any, epochs: Sequence[float], rates: Sequence[float]) -> None:
    ax.plot(epochs, rates, color=COLOURS[0], marker="o" if len(epochs) < 30 else "", ms=3)
    ax.set_xlabel("epoch")
    ax.margins(x=0)
    ax.set_ylabel("learning rate")
    ax.set_ylim(bottom=0)


def _rate(model: Any) -> float:
    """Returns the learning rate of the next step, or NaN where there are several or none."""
    try:
        return float(np.asarray(model.optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError):
        return math.nan


def _names(features: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Returns the names of features, and of classes where a split has them."""
    classes = None
    if isinstance(features, Split):
        features, classes = features.features, features.classes
    if features is None:
        return None, classes
    listed = isinstance(features, Sequence) and not isinstance(features, str)
    if not listed or not all(isinstance(name, str) for name in features):
        raise _checks.InvalidArgument("features", "be names of columns, or a `Split`", features)
    return tuple(features), classes


def _two_features(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns some rows of two features with their classes; None where these are something else."""
    if keras.tree.is_nested(x) or keras.tree.is_nested(y) or y is None:
        return None
    if len(x.shape) != 2 or x.shape[1] != 2 or len(np.shape(y)) > 2:
        return None
    chosen = np.linspace(0, len(x) - 1, min(len(x), _MOST_ROWS)).astype(int)
    rows, targets = np.asarray(x)[chosen], np.asarray(y)[chosen].reshape(len(chosen), -1)
    if targets.dtype.kind not in "biuf" or targets.shape[1] != 1:
        return None
    classes = targets[:, 0]
    if not (np.isin(classes, range(len(COLOURS))).all() and np.isfinite(rows).all()):
        return None
    return rows, classes.astype(int)
