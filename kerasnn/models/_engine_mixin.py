"""The methods that `kerasnn.Sequential` and `kerasnn.Model` share."""

from typing import Any

from kerasnn import training


class EngineMethods:
    """`fit`, `evaluate` and `predict` through `kerasnn.training`."""

    def fit(self: Any, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains; see `kerasnn.fit` for the arguments."""
        return training.fit(self, x, y, *args, **kwargs)

    def evaluate(self: Any, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Returns loss and metrics on data; see `kerasnn.training.evaluate`."""
        if "_use_cached_eval_dataset" in kwargs:
            # Keras's own `fit` validates through this method, with an argument of its own.
            return super().evaluate(x, y, *args, **kwargs)  # type: ignore[misc]
        return training.evaluate(self, x, y, *args, **kwargs)

    def predict(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns the outputs for data; see `kerasnn.training.predict`."""
        return training.predict(self, x, *args, **kwargs)
