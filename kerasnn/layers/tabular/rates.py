"""Learning rates by group, as factors on weights."""

from typing import Any

from kerasnn import _checks


def check_factor(argument: str, factor: Any) -> None:
    """Raises unless the factor of a learning rate is above 0."""
    _checks.number(argument, factor, above=0, hint="1 leaves the learning rate as it is.")


class Divided:
    """Initializer of a weight that is stored divided by its factor.

    A layer that multiplies the stored weight v by a factor f works with w = f v. Adam moves v by
    about its learning rate r, whatever the scale of the gradient, and so w by f r: the factor acts
    as one of the learning rate, with a single rate in the optimizer.

    Args:
        initializer: Initializer of w.
        factor: f.
    """

    def __init__(self, initializer: Any, factor: float) -> None:
        self._initializer, self._factor = initializer, factor

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Returns initial values of v."""
        return self._initializer(shape, dtype=dtype) / self._factor
