"""Reduction of the learning rate where a metric stops improving."""

from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn.callbacks._monitor import Monitored, check_watched
from kerasnn.callbacks._settable_rate import check_settable


class ReduceLROnPlateau(Monitored, keras.callbacks.ReduceLROnPlateau):
    """Multiplies the learning rate by `factor` where a metric has stopped improving.

    It differs from Keras's class of this name, whose arguments it has, as follows: NaN and
    infinity are never the best; a missing metric is an error, and so is an optimizer whose rate is
    a schedule. `kerasnn.fit` refuses it beside a `LearningRateDecay`.

    Args:
        monitor: Name of the metric in the logs.
        factor: Factor by which the rate is multiplied, in (0, 1).
        patience: Epochs without a better value after which the rate is lowered.
        verbose: 1 prints each reduction.
        mode: Whether less (`"min"`) or more (`"max"`) is better; `"auto"` knows Keras's metrics.
        min_delta: Least change that counts as better.
        cooldown: Epochs after a reduction before patience starts anew.
        min_lr: Lowest rate.

    Raises:
        InvalidArgument: If an argument is out of its range, the metric is missing, or the
            optimizer's rate is a schedule.
        TypeError: If an argument is unknown.

    Example:
        >>> x = keras.ops.ones((8, 1))
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> plateau = ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=1e9)
        >>> history = model.fit(x, x, epochs=3, verbose=0, callbacks=[plateau])
        >>> round(float(model.optimizer.learning_rate), 4)
        0.025
    """

    model: Any
    _learned = ("wait", "cooldown_counter")

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
        _checks.integer("patience", patience, at_least=0)
        check_watched(monitor, min_delta, mode, verbose)
        _checks.integer("cooldown", cooldown, at_least=0)
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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Logs the rate, and lowers it where it is time."""
        if logs is not None:
            several = hasattr(self.model.optimizer, "optimizers")
            for optimizer in self._optimizers:
                name = f"learning_rate_{optimizer.name}" if several else "learning_rate"
                logs[name] = float(optimizer.learning_rate.numpy())
        super().on_epoch_end(epoch, logs)

    def update(self, epoch: int, value: float) -> None:
        """Counts epochs without a better value, and lowers the rate after `patience` of them."""
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._lower_rates(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _lower_rates(self, epoch: int) -> bool:
        """Lowers the rates that are above `min_lr`; returns whether there was one."""
        lowered = False
        for optimizer in self._optimizers:
            rate = float(optimizer.learning_rate.numpy())
            if rate > np.float32(self.min_lr):
                lowered = True
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                if self.verbose:
                    print(
                        f"\nEpoch {epoch + 1}: ReduceLROnPlateau lowers the learning rate to "
                        f"{max(rate * self.factor, self.min_lr):g}."
                    )
        return lowered

    @property
    def _optimizers(self) -> list[Any]:
        return getattr(self.model.optimizer, "optimizers", [self.model.optimizer])
