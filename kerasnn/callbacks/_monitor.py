"""Base of the callbacks that compare a metric: its direction, its best value."""

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn._core.process.strategy import in_replica

_MODES = ("auto", "min", "max")


def check_watched(monitor: Any, min_delta: Any, mode: Any, verbose: Any) -> None:
    """Raises where an argument that all of these callbacks have breaks its rule."""
    if not isinstance(monitor, str) or not monitor:
        raise _checks.InvalidArgument(
            "monitor", "be the name of a metric", monitor, 'Give "val_loss", say.'
        )
    _checks.number("min_delta", min_delta, at_least=0)
    _checks.one_of("mode", mode, _MODES)
    _checks.verbosity(verbose)


class Monitored(Callback):
    """Reads one metric after each epoch, and says whether it is better than another value.

    A metric that is missing is an error. A metric whose value is an array of one entry, such as
    `keras.metrics.F1Score` for one output, is a number; one of several entries is an error.

    It stands ahead of one of Keras's callbacks that have `monitor`, `mode`, `min_delta` and
    `best`, and in place of that one's `on_epoch_end`.
    """

    monitor: str
    mode: str
    min_delta: float
    best: float | None

    if TYPE_CHECKING:

        @property
        def model(self) -> Any:
            """The model that is trained."""

    #: Attributes that the next epoch depends on, besides `best`.
    _learned: tuple[str, ...] = ()

    _alone = False
    _validated = False
    _measured = False
    _has_begun = False
    _less_is_better: bool | None = None

    def update(self, epoch: int, value: float) -> None:
        """Receives the metric of an epoch, which may be NaN or infinite."""
        raise NotImplementedError

    def is_better(self, value: float, reference: float | None) -> bool:
        """Whether a value is better than another by more than `min_delta`.

        NaN and infinity are never better; any other value is better than None.
        """
        if self._less_is_better is None:
            self._less_is_better = _less_is_better(self.monitor, self.mode, self.model)
        if not math.isfinite(value) or reference is None:
            return math.isfinite(value)
        if self._less_is_better:
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def before_fit(self, model: Any, *, validates: bool, alone: bool) -> None:
        """Raises where the metric cannot be there because nothing is validated."""
        self._alone = alone
        if alone and not validates and self.monitor.startswith("val_"):
            raise _checks.InvalidArgument(
                "monitor",
                "be a metric of the training rows, since nothing is validated",
                self.monitor,
                "Give `validation_data` or `validation_split` to `fit`, and a `validation_freq` of "
                "at most `epochs`.",
            )

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew; raises where the metric is known not to come."""
        super().on_train_begin(logs)
        self._measured = self._has_begun = False
        self._less_is_better = None
        known = _known(self.model)
        if known and self._alone:
            _checks.one_of("monitor", self.monitor, known)
        _number(self.monitor, known.get(self.monitor, 0.0))
        if known:
            self._less_is_better = _less_is_better(self.monitor, self.mode, self.model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts to wait for a validation."""
        super().on_epoch_begin(epoch, logs)
        self._validated, self._has_begun = False, True

    def on_test_end(self, logs: Any = None) -> None:
        """Notes that there was a validation."""
        super().on_test_end(logs)
        self._validated = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Reads the metric; an epoch without a validation has none of the validation's."""
        logs = logs or {}
        if self.monitor not in logs:
            if self._validated or not self.monitor.startswith("val_"):
                _checks.one_of("monitor", self.monitor, logs)
            return
        self._measured = True
        self.update(epoch, _number(self.monitor, logs[self.monitor]))

    def on_train_end(self, logs: Any = None) -> None:
        """Warns where nothing was ever validated, which Keras's own `fit` allows."""
        super().on_train_end(logs)
        self._alone = False
        if self._has_begun and not self._measured:
            _checks.warn(
                f"`{type(self).__name__}` has done nothing: there was no `{self.monitor}` in any "
                "epoch. Give `validation_data` to `fit`."
            )

    def state(self) -> dict[str, Any]:
        """Returns what the next epoch depends on."""
        return {name: getattr(self, name) for name in ("best", "_measured", *self._learned)}

    def restore(self, state: dict[str, Any]) -> None:
        """Receives what `state` returned."""
        for name in ("best", "_measured", *self._learned):
            setattr(self, name, state[name])


def _less_is_better(monitor: str, mode: str, model: Any) -> bool:
    """Returns the direction of a metric, as Keras chooses it.

    Raises:
        InvalidArgument: If it is left to Keras, which does not know the metric.
    """
    # Keras chooses in the first epoch.
    asked = keras.callbacks.EarlyStopping(monitor, mode=mode)
    asked.set_model(model)
    asked.on_train_begin()
    try:
        asked.on_epoch_end(0, {monitor: 0.0})
    except ValueError as error:
        names = list(_known(model))
        rule = f'be "min" or "max" for `{monitor}`, of which Keras does not know what is better'
        hint = "" if monitor in names else _checks.did_you_mean(monitor, names)
        raise _checks.InvalidArgument("mode", rule, mode, hint) from error
    return asked.monitor_op is keras.ops.less


def _number(monitor: str, value: Any) -> float:
    """Returns the value of what is monitored; raises where it is not one number."""
    array = np.asarray(value)
    rule = f"name a number in the logs; `{monitor}` is "
    if array.size > 1:
        hint = 'Give the metric average="macro", as in `keras.metrics.F1Score(average="macro")`.'
        raise _checks.InvalidArgument(
            "monitor", f"{rule}an array of {array.size} there", monitor, hint
        )
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise _checks.InvalidArgument("monitor", f"{rule}{value!r} there", monitor)
    return float(array.item())


def _known(model: Any) -> dict[str, Any]:
    """Returns each name that logs can have -> its value now; empty where they are not known."""
    own_step = type(model).train_step is not keras.Model.train_step
    if own_step or not all(getattr(metric, "built", True) for metric in model.metrics):
        return {}
    # Outside of a replica all workers would have to ask at the same time.
    known = in_replica(model, model.get_metrics_result)
    validation = {f"val_{name}": value for name, value in known.items()}
    return {**known, **validation, "learning_rate": 0.0}
