"""How much of a pretrained network to train."""

from typing import Any

from kerasnn import _checks


class Regime(str):
    """`"small"`, `"medium"` or `"large"`, with its reason.

    Args:
        value: The name.
        reason: Why.
    """

    reason: str

    def __new__(cls, value: str, reason: str) -> "Regime":
        """Makes one."""
        made = super().__new__(cls, value)
        made.reason = reason
        return made

    def __str__(self) -> str:
        """Returns `name: reason`."""
        return f"{self[:]}: {self.reason}"

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        """Returns what pickle makes it again of."""
        return Regime, (self[:], self.reason)


@_checks.known_arguments
def regime(
    n_examples: int,
    n_classes: int = 1,
    *,
    few: int = 100,
    many: int = 1000,
) -> Regime:
    """Says how much of a pretrained network so many examples can train.

    - small: fewer than `few` examples a class, or fewer than 10 * `few` in all. All pretrained
      layers are frozen, and the head is trained: there is too little to learn more from.
    - large: at least `many` a class, and at least 10 * `many` in all. All layers are trained,
      from the pretrained weights on, the earlier ones with smaller rates.
    - medium: all between. Most are frozen; the last block and the head are trained.

    Args:
        n_examples: Training examples.
        n_classes: Classes, or 1 for regression.
        few: Examples a class below which a data set is small.
        many: Examples a class from which on it is large.

    Returns:
        One of the three names, a string, with `reason`; it prints as both.

    Raises:
        ValueError: If a number is not whole and positive, or `many` is below `few`.

    Example:
        >>> print(regime(120, 3))
        small: 120 examples, 40 a class: fewer than 100 a class
        >>> regime(120, 3) == "small"
        True

    Reference:
        Yosinski et al. (2014), arXiv:1411.1792, for what layers hold; the numbers are a rule of
        thumb.
    """
    for name, value in (("n_examples", n_examples), ("n_classes", n_classes), ("few", few)):
        _checks.whole_number(name, value)
    _checks.whole_number("many", many, at_least=few)
    a_class = n_examples // n_classes
    counted = f"{n_examples:,} examples, {a_class:,} a class"
    if a_class < few:
        return Regime("small", f"{counted}: fewer than {few:,} a class")
    if n_examples < 10 * few:
        return Regime("small", f"{counted}: fewer than {10 * few:,} in all")
    if a_class >= many and n_examples >= 10 * many:
        return Regime("large", f"{counted}: at least {many:,} a class and {10 * many:,} in all")
    return Regime("medium", f"{counted}: enough for the last block, too few for all layers")
