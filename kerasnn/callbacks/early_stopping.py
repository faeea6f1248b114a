"""Early stopping that restores the best weights at every end of training."""

from collections.abc import Callable
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.callbacks._monitor import Monitored, check_watched


class EarlyStopping(Monitored, keras.callbacks.EarlyStopping):
    """Ends training that no longer improves, and puts the best weights back.

    It differs from Keras's class of this name, whose arguments it has, as follows:

    - The best weights are put back by default, at a normal end too, and in `kerasnn.fit` also
      where Ctrl-C or an error ends training.
    - NaN and infinity are never the best.
    - A missing metric is an error: before training where that can be known, else after the
      first epoch.
    - Weights are kept on the device, and only where they are better.

    Args:
        monitor: Name of the metric in the logs.
        min_delta: Least change that counts as better.
        patience: Epochs without a better value after which training ends.
        verbose: 1 prints when it ends training or puts weights back.
        mode: Whether less (`"min"`) or more (`"max"`) is better; `"auto"` knows Keras's metrics.
        baseline: Value that has to be exceeded for patience to start anew.
        restore_best_weights: Whether the best weights are put back.
        start_from_epoch: The first epoch, from 0, that is compared.

    Attributes:
        best_: The best value, or None.
        best_epoch_: The epoch of the best value, from 0, or None.
        stopped_epoch_: The epoch after which it ended training, from 0, or None.

    Raises:
        InvalidArgument: If an argument is out of its range, or the metric is missing.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> stopping = EarlyStopping("loss", patience=1, min_delta=1e9)
        >>> x = y = keras.ops.ones((1, 1))
        >>> history = model.fit(x, y, epochs=9, verbose=0, callbacks=[stopping])
        >>> stopping.best_epoch_, stopping.stopped_epoch_
        (0, 1)

    Reference:
        Prechelt (1998), doi:10.1007/3-540-49430-8_3.
    """

    _learned = ("wait", "best_epoch", "stopped_epoch")

    @_checks.known_arguments
    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = True,
        start_from_epoch: int = 0,
    ) -> None:
        _checks.integer("patience", patience, at_least=0)
        check_watched(monitor, min_delta, mode, verbose)
        _checks.integer("start_from_epoch", start_from_epoch, at_least=0)
        _checks.boolean("restore_best_weights", restore_best_weights)
        if baseline is not None:
            _checks.number("baseline", baseline)
        super().__init__(
            monitor=monitor,
            min_delta=min_delta,  # type: ignore[arg-type]
            patience=patience,
            verbose=verbose,
            mode=mode,
            baseline=baseline,
            restore_best_weights=restore_best_weights,
            start_from_epoch=start_from_epoch,
        )
        self.best_epoch = 0
        self._kept: list[Any] = []
        self._snapshot: Callable[[], list[Any]] | None = None

    @property
    def best_(self) -> float | None:
        """The best value, or None."""
        return None if self.best is None else float(self.best)

    @property
    def best_epoch_(self) -> int | None:
        """The epoch of the best value, from 0, or None."""
        return None if self.best is None else self.best_epoch

    @property
    def stopped_epoch_(self) -> int | None:
        """The epoch after which it ended training, from 0, or None."""
        return self.stopped_epoch or None

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew."""
        super().on_train_begin(logs)
        self._kept = []

    def update(self, epoch: int, value: float) -> None:
        """Keeps the weights where they are better, or ends training."""
        if epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self._kept = self._weights()
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Puts the best weights back."""
        super().on_train_end(logs)
        if self._put_back() and self.verbose:
            print(f"EarlyStopping put back the weights of epoch {self.best_epoch + 1}.")

    def on_train_abort(self, error: BaseException) -> None:
        """Puts the best weights back where an exception ends training."""
        if self._put_back():
            error.add_note(
                f"EarlyStopping put back the weights of epoch {self.best_epoch + 1}, the best."
            )

    def use_snapshots(self, snapshot: Callable[[], list[Any]]) -> None:
        """Receives, for the next training, what returns the weights in the order of the model's.

        `kerasnn.fit_many` keeps the weights of many models in one place while it trains.
        """
        self._snapshot = snapshot

    def state(self) -> dict[str, Any]:
        """Returns what the next epoch depends on, the best weights included."""
        return {**super().state(), "weights": [value.numpy() for value in self._kept]}

    def restore(self, state: dict[str, Any]) -> None:
        """Receives what `state` returned."""
        super().restore(state)
        self._kept = [keras.ops.convert_to_tensor(value) for value in state["weights"]]

    def _weights(self) -> list[Any]:
        if self._snapshot is not None:
            return self._snapshot()
        # TensorFlow copies a value when its variable is next written to. `read_value` is the same
        # and takes twice as long.
        return [variable.value.value() for variable in self.model.weights]

    def _put_back(self) -> bool:
        kept, self._kept = self._kept, []
        self._snapshot = None
        for variable, value in zip(self.model.weights if kept else [], kept, strict=True):
            variable.assign(value)
        return bool(kept)
