"""One finding of a diagnosis."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """One fault, with the number that shows it and a hint.

    Args:
        name: Name of the fault, such as `"dying ReLU"`.
        layer: The layer that has it; empty where it is the whole model.
        number: The measured number that shows it.
        explanation: What the number means.
        hint: What to do.

    Example:
        >>> print(Finding("dying ReLU", "hidden_1", 0.75, "75% of units are dead.", "Lower it."))
        dying ReLU in hidden_1: 75% of units are dead. Lower it.
    """

    name: str
    layer: str
    number: float
    explanation: str
    hint: str

    def __str__(self) -> str:
        """One line: name, layer, explanation, hint."""
        where = f" in {self.layer}" if self.layer else ""
        return f"{self.name}{where}: {self.explanation} {self.hint}"
