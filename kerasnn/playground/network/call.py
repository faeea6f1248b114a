"""A call of a public function of Keras or kerasnn, which can be made and written as code."""

import dataclasses
import importlib
import json
from typing import Any

_WIDTH = 92


@dataclasses.dataclass(frozen=True)
class Call:
    """A function by its name, and its arguments, of which some may be calls themselves.

    Args:
        name: Name in code, such as `keras.layers.Dense`.
        args: Arguments by position.
        kwargs: Arguments by name.

    Example:
        >>> call = Call("keras.layers.Dense", (3,), {"activation": "relu"})
        >>> call.text()
        'keras.layers.Dense(3, activation="relu")'
        >>> call.make().units
        3
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)

    def make(self) -> Any:
        """Calls the function."""
        module, _, name = self.name.rpartition(".")
        function = getattr(importlib.import_module(module), name)
        kwargs = {name: _made(value) for name, value in self.kwargs.items()}
        return function(*map(_made, self.args), **kwargs)

    def text(self, indent: int = 0, taken: int = 0) -> str:
        """Returns the call as code, over several lines where it is long.

        Args:
            indent: Columns before the line that it begins in.
            taken: Further columns of that line that are taken.
        """
        given = [*(("", value) for value in self.args), *self.kwargs.items()]
        parts = [f"{name}{name and '='}{as_code(value, 0)}" for name, value in given]
        line = f"{self.name}({', '.join(parts)})"
        if "\n" not in line and indent + taken + len(line) <= _WIDTH:
            return line
        inner = indent + 4
        parts = [f"{name}{name and '='}{as_code(value, inner)}" for name, value in given]
        return (
            f"{self.name}(\n" + "".join(f"{' ' * inner}{p},\n" for p in parts) + " " * indent + ")"
        )


def _made(value: Any) -> Any:
    return value.make() if isinstance(value, Call) else value


def as_code(value: Any, indent: int = 0) -> str:
    """Returns a call, or a value that it takes, as code.

    >>> as_code(["a", (1, None)])
    '["a", (1, None)]'
    """
    if isinstance(value, (list, tuple)):
        parts = [as_code(each, indent) for each in value]
        if isinstance(value, list):
            return f"[{', '.join(parts)}]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value.text(indent) if isinstance(value, Call) else repr(value)
