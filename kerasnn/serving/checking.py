"""Whether a SavedModel gives recorded answers; runs without Keras and TensorFlow's Python.

    python -P fresh_process.py kerasnn.serving.checking DIRECTORY EXAMPLES BATCH_SIZE...

prints what `check` returns, as JSON, or `{"error": ...}` where the program cannot be asked.
"""

import json
import pathlib
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnn.serving import fitting, recorded
from kerasnn.serving.c_session import Session, Signature

_SINGLE_ROWS = 20


def check(
    directory: pathlib.Path, examples: dict[str, recorded.Example], batch_sizes: Sequence[int]
) -> dict[str, Any]:
    """Asks every signature for its example's answers, in batches of each size.

    A batch repeats the recorded rows, so that an answer that depends on its neighbours is found.

    Returns:
        `"differences"`: signature -> output -> the largest difference, as a share of the output's
        scale, which is its largest value and at least 1; and `"latency_ms"`: signature -> median
        time of a single row.
    """
    session = Session(directory)
    differences: dict[str, dict[str, float]] = {}
    latency_ms = {}
    for name, example in examples.items():
        signature = _signature(session, name, example)
        seen: dict[str, list[float]] = {output: [] for output in example.outputs}
        seconds = []
        # One row again and again shows an answer that is random.
        for size in [*batch_sizes, *[1] * _SINGLE_ROWS]:
            inputs = fitting.fitted(_batch(example.inputs, size), signature.inputs)
            began = time.perf_counter()
            answers = session.run(signature, inputs)
            seconds.append(time.perf_counter() - began)
            for output, expected in _batch(example.outputs, size).items():
                seen[output].append(_difference(answers[output], expected))
        # Of numbers with a NaN among them NumPy's maximum is NaN.
        differences[name] = {output: float(np.max(found)) for output, found in seen.items()}
        latency_ms[name] = 1e3 * statistics.median(seconds[-_SINGLE_ROWS:])
    return {"differences": differences, "latency_ms": latency_ms}


def _signature(session: Session, name: str, example: recorded.Example) -> Signature:
    signature = session.signatures.get(name)
    if signature is None:
        known = ", ".join(session.signatures)
        raise ValueError(f"the examples ask the signature {name!r}; the model has {known}.")
    if not signature.outputs.keys() >= example.outputs.keys():
        raise ValueError(
            f"the examples expect of {name!r} the outputs {', '.join(example.outputs)}; it gives "
            f"{', '.join(signature.outputs)}."
        )
    return signature


def _batch(arrays: recorded.Arrays, size: int) -> recorded.Arrays:
    return {name: array[np.arange(size) % len(array)] for name, array in arrays.items()}


def _difference(served: np.ndarray, expected: np.ndarray) -> float:
    if served.shape != expected.shape or expected.dtype.kind != "f":
        return 0.0 if np.array_equal(served, expected) else np.inf
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    # Equal infinities are no distance apart; a NaN is NaN apart from everything.
    apart = np.zeros_like(expected)
    np.subtract(served, expected, out=apart, where=served != expected)
    return float(np.abs(apart).max(initial=0.0) / scale)


def _main(directory: str, file: str, *batch_sizes: str) -> None:
    examples = recorded.read(pathlib.Path(file))
    try:
        found = check(pathlib.Path(directory), examples, list(map(int, batch_sizes)))
    except (ValueError, RuntimeError) as error:
        found = {"error": str(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
