"""Examples, as TensorFlow Serving's JSON takes them for `classify` and `regress`."""

import numbers
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kerasnn import _checks
from kerasnn.serving.rest import json_values


def examples(given: Any) -> list[dict[str, Any]]:
    """Returns each example as feature name -> value or flat list of values of one kind.

    >>> examples([{"size": [[1, 2.5]], "word": b"a"}])
    [{'size': [1.0, 2.5], 'word': b'a'}]

    Raises:
        ValueError: If `given` is no list of examples, or a feature holds values of several kinds.
    """
    is_several = isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping))
    listed: list[Any] = list(given) if is_several else [None]
    if not all(isinstance(example, Mapping) and _has_names(example) for example in listed):
        raise _checks.InvalidArgument(
            "examples",
            "be a list of dictionaries, feature name -> value or list",
            given,
            "One example is a list of one; rows of numbers are `[{'features': row} for row in x]`.",
        )
    return [{name: _feature(name, example[name]) for name in example} for example in listed]


def _has_names(example: Mapping[Any, Any]) -> bool:
    return all(isinstance(name, str) for name in example)


def _feature(name: str, value: Any) -> Any:
    value = json_values.python(value)
    flat = list(_flat(value))
    kinds = {_kind(item) for item in flat}
    if kinds == {"whole numbers", "numbers"}:
        # The server takes a list of both for a mistake.
        flat = [float(item) for item in flat]
    elif len(kinds) > 1 or None in kinds:
        raise ValueError(
            f"`examples` must hold numbers only or strings only in each feature; {name!r} holds "
            f"{value!r:.200}."
        )
    return flat if isinstance(value, (list, tuple)) else flat[0]


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(json_values.python(item))
    else:
        yield value


def _kind(value: Any) -> str | None:
    if isinstance(value, (str, bytes)):
        return "strings"
    if isinstance(value, bool):
        return "truths"
    if isinstance(value, numbers.Integral):
        return "whole numbers"
    return "numbers" if isinstance(value, numbers.Real) else None
