"""Whether a SavedModel gives recorded answers; runs without Keras and TensorFlow's Python.

    python -P fresh_process.py kerasnn.serving.runtime.replay DIRECTORY EXAMPLES BATCH_SIZE...

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

from kerasnn.serving.runtime import coerce_inputs, recorded_examples
from kerasnn.serving.runtime.c_session import Session, Signature

_SINGLE_ROWS = 20


def check(
    directory: pathlib.Path,
    examples: dict[str, recorded_examples.Example],
    batch_sizes: Sequence[int],
) -> dict[str, Any]:
    """Asks every signature for its example's answers: of each row alone, and in batches.

    A batch holds the recorded rows again and again, each batch from another row on.

    Returns:
        `"differences"`: signature -> output -> the largest difference, as a share of the output's
        scale, which is its largest value and at least 1; `"latency_ms"`: signature -> median
        time of a single row; and `"neighbours"`: signature -> output -> the largest difference
        between what a row gets alone and in a batch.
    """
    session = Session(directory)
    differences: dict[str, dict[str, float]] = {}
    neighbours: dict[str, dict[str, float]] = {}
    latency_ms = {}
    for name, example in examples.items():
        signature = _signature(session, name, example)
        seen: dict[str, list[float]] = {output: [] for output in example.outputs}
        apart: dict[str, list[float]] = {output: [] for output in example.outputs}
        count = len(next(iter(example.inputs.values())))
        # A row that comes again shows an answer that is random.
        batches = [np.array([row % count]) for row in range(_SINGLE_ROWS)]
        several = [min(count, _SINGLE_ROWS), *batch_sizes]
        batches += [(shift + np.arange(size)) % count for shift, size in enumerate(several)]
        seconds, alone, random = [], {}, set()
        for rows in batches:
            inputs = coerce_inputs.fitted(_at(example.inputs, rows), signature.inputs)
            began = time.perf_counter()
            answers = session.run(signature, inputs)
            seconds.append(time.perf_counter() - began)
            if len(rows) == 1:
                alone.setdefault(int(rows[0]), answers)
            for output, expected in _at(example.outputs, rows).items():
                _check_form(name, output, answers[output], expected)
                seen[output].append(_difference(answers[output], expected))
                known = [place for place, row in enumerate(rows) if row in alone]
                if known:
                    own = np.concatenate([alone[rows[place]][output] for place in known])
                    apart[output].append(_difference(answers[output][known], own))
                if len(rows) == 1 and apart[output][-1] > 0:
                    random.add(output)
        # Of numbers with a NaN among them NumPy's maximum is NaN.
        differences[name] = {output: float(np.max(found)) for output, found in seen.items()}
        # What is random differs from itself, with or without neighbours.
        neighbours[name] = {
            output: 0.0 if output in random else float(np.max(found))
            for output, found in apart.items()
        }
        latency_ms[name] = 1e3 * statistics.median(seconds[:_SINGLE_ROWS])
    return {"differences": differences, "latency_ms": latency_ms, "neighbours": neighbours}


def _signature(session: Session, name: str, example: recorded_examples.Example) -> Signature:
    if name not in session.signatures:
        known = ", ".join(session.signatures)
        raise ValueError(f"the examples ask the signature {name!r}; the model has {known}.")
    signature = session.signature(name)
    if not signature.outputs.keys() >= example.outputs.keys():
        raise ValueError(
            f"the examples expect of {name!r} the outputs {', '.join(example.outputs)}; it gives "
            f"{', '.join(signature.outputs)}."
        )
    return signature


def _at(arrays: recorded_examples.Arrays, rows: np.ndarray) -> recorded_examples.Arrays:
    return {name: array[rows] for name, array in arrays.items()}


def _check_form(signature: str, output: str, served: np.ndarray, expected: np.ndarray) -> None:
    if served.shape != expected.shape:
        raise ValueError(
            f"its output `{output}` of `{signature}` has shape {served.shape} for "
            f"{len(expected)} rows; the examples have {expected.shape}."
        )
    if (served.dtype == object) != (expected.dtype == object):
        kinds = ["strings" if array.dtype == object else "numbers" for array in (served, expected)]
        raise ValueError(
            f"its output `{output}` of `{signature}` holds {kinds[0]}; the examples hold "
            f"{kinds[1]}."
        )


def _difference(served: np.ndarray, expected: np.ndarray) -> float:
    if served.dtype.kind == "V":
        served = served.astype(np.float32)
    if served.dtype.kind != "f" or expected.dtype.kind != "f":
        return 0.0 if np.array_equal(served, expected) else np.inf
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    # Equal infinities are no distance apart; a NaN is NaN apart from everything.
    apart = np.zeros_like(expected)
    np.subtract(served, expected, out=apart, where=served != expected)
    return float(np.abs(apart).max(initial=0.0) / scale)


def _main(directory: str, file: str, *batch_sizes: str) -> None:
    examples = recorded_examples.read(pathlib.Path(file))
    try:
        found = check(pathlib.Path(directory), examples, list(map(int, batch_sizes)))
    except (ValueError, RuntimeError) as error:
        found = {"error": str(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
