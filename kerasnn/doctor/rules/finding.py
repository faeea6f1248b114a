"""What a doctor says."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """One fault, with the number that shows it and a hint.

    Args:
        name: What the fault is called, such as `"dying ReLU"`.
        layer: The layer that has it; empty where the whole model has.
        number: What was measured.
        words: What that means.
        hint: What to do.

    Example:
        >>> print(Finding("dying ReLU", "hidden_1", 0.75, "75% of units are dead.", "Lower it."))
        dying ReLU in hidden_1: 75% of units are dead. Lower it.
    """

    name: str
    layer: str
    number: float
    words: str
    hint: str

    def __str__(self) -> str:
        """One line: name, layer, words, hint."""
        where = f" in {self.layer}" if self.layer else ""
        return f"{self.name}{where}: {self.words} {self.hint}"
