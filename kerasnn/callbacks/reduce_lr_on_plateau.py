"""A learning rate that falls where training makes no progress."""

from typing import Any

import keras

from kerasnn import _checks
from kerasnn.callbacks._monitor import Monitored, check_watched
from kerasnn.callbacks._settable_rate import check_settable


class ReduceLROnPlateau(Monitored, keras.callbacks.ReduceLROnPlateau):
    """Multiplies the learning rate by `factor` where a metric has stopped improving.

    It is Keras's, with its arguments, but for this: NaN and infinity are never the best, a
    metric that is not there raises, and so does an optimizer whose rate is a schedule.
    `kerasnn.fit` refuses it beside a `LearningRateDecay`.

    Args:
        monitor: Name of the metric in the logs.
        factor: What remains of the rate, in (0, 1).
        patience: Epochs without a better value after which the rate is lowered.
        verbose: 1 to say so.
        mode: Whether less (`"min"`) or more (`"max"`) is better; `"auto"` knows Keras's metrics.
        min_delta: Least change that counts as better.
        cooldown: Epochs after a lowering before patience starts anew.
        min_lr: Lowest rate.

    Raises:
        ValueError: If an argument is out of its range, the metric does not come, or the
            optimizer's rate is a schedule.
        TypeError: If an argument is unknown.
    """

    @_checks.known_arguments
    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        _checks.number("factor", factor, above=0, below=1)
        _checks.whole_number("patience", patience, at_least=0)
        check_watched(monitor, min_delta, mode, verbose)
        _checks.whole_number("cooldown", cooldown, at_least=0)
        _checks.number("min_lr", min_lr, at_least=0)
        super().__init__(
            monitor=monitor,
            factor=factor,
            patience=patience,
            verbose=verbose,
            mode=mode,
            min_delta=min_delta,
            cooldown=cooldown,
            min_lr=min_lr,
        )

    def before_fit(self, model: Any, *, validates: bool, alone: bool) -> None:
        """Raises where it cannot work."""
        super().before_fit(model, validates=validates, alone=alone)
        check_settable(self, model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew."""
        check_settable(self, self.model)
        super().on_train_begin(logs)
