"""Regimes: small, medium or large, by the number of examples."""

from typing import Any

from kerasnn import _checks


class Regime(str):
    """`"small"`, `"medium"` or `"large"`, with a reason.

    Args:
        value: The name.
        reason: Reason of the choice.
    """

    reason: str

    def __new__(cls, value: str, reason: str) -> "Regime":
        """Makes a string with a reason."""
        made = super().__new__(cls, value)
        made.reason = reason
        return made

    def __str__(self) -> str:
        """Returns `name: reason`."""
        return f"{self[:]}: {self.reason}"

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        """Returns the arguments for pickle."""
        return Regime, (self[:], self.reason)


@_checks.known_arguments
def regime(
    n_examples: int,
    n_classes: int = 1,
    *,
    few: int = 100,
    many: int = 1000,
) -> Regime:
    """Chooses which layers of a pretrained network to train on a number of examples.

    - small: fewer than `few` examples a class, or fewer than 10 * `few` in all. All pretrained
      layers are frozen, and only the head is trained.
    - large: at least `many` a class, and at least 10 * `many` in all. All layers are trained,
      starting from the pretrained weights, the earlier ones with smaller learning rates.
    - medium: otherwise. The last block and the head are trained, all others are frozen.

    Args:
        n_examples: Number of training examples.
        n_classes: Number of classes, or 1 for regression.
        few: Examples a class below which a data set is small.
        many: Examples a class from which on a data set is large.

    Returns:
        One of the three names, a string, with `reason`; it prints as both.

    Raises:
        InvalidArgument: If a number is no positive integer, or `many` is below `few`.

    Example:
        >>> print(regime(120, 3))
        small: 120 examples, 40 a class: fewer than 100 a class
        >>> regime(120, 3) == "small"
        True

    Reference:
        Yosinski et al. (2014), arXiv:1411.1792, on the features of each layer; the numbers are a
        rule of thumb.
    """
    for name, value in (("n_examples", n_examples), ("n_classes", n_classes), ("few", few)):
        _checks.integer(name, value)
    _checks.integer("many", many, at_least=few)
    a_class = n_examples // n_classes
    counted = f"{n_examples:,} examples, {a_class:,} a class"
    if a_class < few:
        return Regime("small", f"{counted}: fewer than {few:,} a class")
    if n_examples < 10 * few:
        return Regime("small", f"{counted}: fewer than {10 * few:,} in all")
    if a_class >= many and n_examples >= 10 * many:
        return Regime("large", f"{counted}: at least {many:,} a class and {10 * many:,} in all")
    return Regime("medium", f"{counted}: enough for the last block, too few for all layers")
