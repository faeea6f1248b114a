"""`batching_parameters.txt`: how TensorFlow Serving gathers requests into batches."""

import re
from collections.abc import Collection

# TensorFlow Serving's own limit, where the file has none.
_LARGEST = 1000
_LIMIT = re.compile(r"^[ \t]*max_batch_size\s*:?\s*\{\s*value\s*:\s*(\d+)\s*\}[ \t]*\n?", re.M)
_ALLOWED = re.compile(r"^[ \t]*allowed_batch_sizes\s*:\s*(\d+|\[[\d,\s]*\])[ \t]*\n?", re.M)


def parameters(sizes: Collection[int]) -> str:
    """Returns the file for batches that are filled up to one of `sizes`.

    >>> print(parameters([1, 8]), end="")
    max_batch_size { value: 8 }
    batch_timeout_micros { value: 1000 }
    max_enqueued_batches { value: 100 }
    allowed_batch_sizes: 1
    allowed_batch_sizes: 8
    """
    return (
        f"max_batch_size {{ value: {max(sizes)} }}\n"
        "batch_timeout_micros { value: 1000 }\n"
        "max_enqueued_batches { value: 100 }\n"
        + "".join(f"allowed_batch_sizes: {size}\n" for size in sorted(sizes))
    )


def allowed(text: str) -> set[int]:
    r"""Returns the sizes up to which the file `text` lets batches be filled.

    >>> sorted(allowed("allowed_batch_sizes: 4\nallowed_batch_sizes: [8, 16]\n"))
    [4, 8, 16]
    """
    return {int(size) for found in _ALLOWED.findall(text) for size in re.findall(r"\d+", found)}


def grown(text: str, sizes: Collection[int]) -> str:
    r"""Returns the file `text` with room for batches of `sizes`; all else in it stays.

    A server refuses a batch above `max_batch_size`, and so a version that warms up with one.
    Where there are `allowed_batch_sizes`, their last must be the limit.

    >>> mine = "max_batch_size { value: 8 }\nnum_batch_threads { value: 4 }\n"
    >>> grown(mine, [1, 8]) == mine
    True
    >>> print(grown(mine + "allowed_batch_sizes: 8\n", [1, 32]), end="")
    num_batch_threads { value: 4 }
    max_batch_size { value: 32 }
    allowed_batch_sizes: 1
    allowed_batch_sizes: 8
    allowed_batch_sizes: 32
    """
    limits = [int(limit) for limit in _LIMIT.findall(text)] or [_LARGEST]
    limit, fills = limits[-1], allowed(text)
    if max(sizes) <= limit and (not fills or fills >= set(sizes)):
        return text
    kept = _ALLOWED.sub("", _LIMIT.sub("", text))
    if kept and not kept.endswith("\n"):
        kept += "\n"
    fills |= set(sizes) if fills else set()
    return f"{kept}max_batch_size {{ value: {max(limit, *sizes)} }}\n" + "".join(
        f"allowed_batch_sizes: {size}\n" for size in sorted(fills)
    )
