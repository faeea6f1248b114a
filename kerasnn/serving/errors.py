"""`MissingSignatureError`."""

from collections.abc import Iterable


class MissingSignatureError(ValueError):
    """A SavedModel has no signature of the name that is asked for.

    Args:
        signature: That name.
        known: The names that it has.

    Attributes:
        known: They, in one string.
    """

    def __init__(self, signature: str, known: Iterable[str]) -> None:
        self.known = ", ".join(known) or "none"
        super().__init__(
            f"`signature` must be one of the model's, {self.known}; got signature={signature!r}."
        )


class UnsuitableError(ValueError):
    """A model cannot have a signature, in words that say why."""

    def __init__(self, signature: str, rule: str, got: str) -> None:
        super().__init__(f"`signatures` can name {signature!r} for a model {rule}; got {got}.")
