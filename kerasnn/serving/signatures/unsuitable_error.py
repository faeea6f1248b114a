"""`UnsuitableError`."""


class UnsuitableError(ValueError):
    """A model cannot have a signature, in words that say why."""

    def __init__(self, signature: str, rule: str, got: str) -> None:
        super().__init__(f"`signatures` can name {signature!r} for a model {rule}; got {got}.")
