"""Base class of callbacks: the hooks of `kerasnn.fit` beside Keras's."""

from typing import Any

import keras


class Callback(keras.callbacks.Callback):
    """A Keras callback with the hooks that `kerasnn.fit` calls besides Keras's own.

    All of them do nothing unless they are overridden. Under `keras.Model.fit` only Keras's own
    hooks are called. `callbacks.Resume` saves what `state` returns, and nothing else of a callback.

    Attributes:
        is_traced: Whether `before_step` and `after_step` put TensorFlow operations around the step
            of the compiled program. In Keras's own loop `on_train_batch_begin` and
            `on_train_batch_end` have to do the same.
        call_seconds: Longest time of one call of the compiled program, after which `within_epoch`
            is called; None leaves it at 0.3 s. The least of all callbacks holds, for rows in
            memory.

    Example:
        >>> class Announce(Callback):
        ...     def before_fit(self, model, *, validates, alone):
        ...         print(f"{model.name}, with validation: {validates}")
    """

    is_traced: bool = False
    call_seconds: float | None = None

    def before_fit(self, model: Any, *, validates: bool, alone: bool) -> None:
        """Called before anything has changed; raises where the callback cannot work.

        Args:
            model: The model that is trained.
            validates: Whether an epoch ends with a validation.
            alone: Whether all other callbacks are Keras's and kerasnn's, and so none adds to the
                logs.
        """

    def set_data(self, train: Any = None, validation: Any = None) -> None:
        """Receives the rows in memory, before training.

        Args:
            train: (x, y, sample_weight), or None for a stream.
            validation: The same of the validation data; None for a stream or nothing.
        """

    def before_step(self, model: Any) -> None:
        """Called while a step is traced: puts TensorFlow operations ahead of it."""

    def after_step(self, model: Any) -> None:
        """Called while a step is traced: puts TensorFlow operations behind it."""

    def within_epoch(self, done: int, steps: int | None) -> None:
        """Called after each call of the compiled program; an epoch is one or more of them.

        It is not called in Keras's own loop. An exception leaves the model as it is then.

        Args:
            done: Steps of the epoch that are done.
            steps: Steps in the epoch; None if a stream does not say.
        """

    def on_train_abort(self, error: BaseException) -> None:
        """Called in place of `on_train_end` where an exception ends training, Ctrl-C included."""

    def state(self) -> dict[str, Any]:
        """Returns what a resumed training run needs of this callback.

        Returns:
            A dictionary of numbers, strings, None, NumPy arrays, and lists and dictionaries of
            them; keys are strings.
        """
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Receives what `state` returned."""
