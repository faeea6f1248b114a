"""What the callbacks that watch a metric have in common, on top of Keras's own."""

import warnings
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.callback import Callback

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
    """Answers a missing metric with an error, and lets NaN and infinity never be the best.

    A value of one entry, such as that of `keras.metrics.F1Score` for one output, is a number; one
    of several is refused.

    To be put ahead of one of Keras's callbacks that have `monitor` and `best`.
    """

    monitor: str
    mode: str
    best: Any

    if TYPE_CHECKING:

        @property
        def model(self) -> Any:
            """The model that is trained."""

    _alone = False
    _validated = False
    _measured = False
    _has_begun = False

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
        known = _known(self.model)
        if known and self._alone:
            _checks.one_of("monitor", self.monitor, known)
        _check_number(self.monitor, known.get(self.monitor, 0.0))
        if known and self.mode == "auto":
            _check_direction(self.monitor, self.model, list(known))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Waits for a validation."""
        super().on_epoch_begin(epoch, logs)
        self._validated, self._has_begun = False, True

    def on_test_end(self, logs: Any = None) -> None:
        """Notes that there was a validation."""
        super().on_test_end(logs)
        self._validated = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Looks at the metric."""
        logs = {} if logs is None else logs
        if self.monitor not in logs:
            if self._validated or not self.monitor.startswith("val_"):
                _checks.one_of("monitor", self.monitor, logs)
            return
        self._measured = True
        _check_number(self.monitor, logs[self.monitor])
        value = float(np.asarray(logs[self.monitor]).item())
        # Keras compares numbers, and saves a model whatever an array of one of them says.
        seen = {**logs, self.monitor: value if np.isfinite(value) else np.nan}
        best = self.best
        if not np.isfinite(value) and best is None:
            # Whatever is compared with NaN is no improvement, in either direction.
            self.best = np.nan
        super().on_epoch_end(epoch, seen)
        if not np.isfinite(value):
            self.best = best
        logs.update({name: value for name, value in seen.items() if name not in logs})

    def on_train_end(self, logs: Any = None) -> None:
        """Says where nothing was ever validated, which Keras's own `fit` allows."""
        super().on_train_end(logs)
        self._alone = False
        if self._has_begun and not self._measured:
            warnings.warn(
                f"`{type(self).__name__}` has done nothing: there was no `{self.monitor}` in any "
                "epoch. Give `validation_data` to `fit`.",
                stacklevel=2,
            )


def _check_direction(monitor: str, model: Any, names: list[str]) -> None:
    """Raises where Keras cannot tell whether less or more is better."""
    # It is asked in the first epoch that it watches, and says nothing before.
    asked = keras.callbacks.EarlyStopping(monitor)
    asked.set_model(model)
    asked.on_train_begin()
    try:
        asked.on_epoch_end(0, {monitor: 0.0})
    except ValueError as error:
        rule = f'be "min" or "max" for `{monitor}`, of which Keras does not know what is better'
        hint = "" if monitor in names else _checks.did_you_mean(monitor, names)
        raise _checks.InvalidArgument("mode", rule, "auto", hint) from error


def _check_number(monitor: str, value: Any) -> None:
    """Raises where the value of what is monitored is not one number."""
    array = np.asarray(value)
    rule = f"name a number in the logs; `{monitor}` is "
    if array.size > 1:
        hint = 'Give the metric average="macro", as in `keras.metrics.F1Score(average="macro")`.'
        raise _checks.InvalidArgument(
            "monitor", f"{rule}an array of {array.size} there", monitor, hint
        )
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise _checks.InvalidArgument("monitor", f"{rule}{value!r} there", monitor)


def _known(model: Any) -> dict[str, Any]:
    """Returns each name that logs can have -> its value now; nothing where they are not known."""
    own_step = type(model).train_step is not keras.Model.train_step
    if own_step or not all(getattr(metric, "built", True) for metric in model.metrics):
        return {}
    known = model.get_metrics_result()
    held = {f"val_{name}": value for name, value in known.items()}
    return {**known, **held, "learning_rate": 0.0}
