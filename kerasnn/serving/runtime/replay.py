"""Comparison of a SavedModel's outputs with recorded ones, in a process without Keras.

    python -P fresh_process.py kerasnn.serving.runtime.replay DIRECTORY EXAMPLES BATCH_SIZE...

prints what `replay` returns, as JSON, or `{"error": ...}` where the program cannot be run.
"""

import json
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnn.serving.runtime import c_session, coerce_inputs, recorded_examples, tf_session

_SINGLE_ROWS = 20


def open_session(directory: str | os.PathLike[str]) -> c_session.Session | tf_session.Session:
    """Loads a SavedModel with TensorFlow's C library, or with its Python where that is missing."""
    try:
        return c_session.Session(directory)
    except ImportError:
        return tf_session.Session(directory)


def replay(
    directory: pathlib.Path,
    examples: dict[str, recorded_examples.Example],
    batch_sizes: Sequence[int],
) -> dict[str, Any]:
    """Runs every signature on its example's rows: on each row alone, and in batches.

    A batch repeats the recorded rows; each batch begins at another row.

    Returns:
        `"differences"`: signature -> output -> largest difference, as a fraction of the output's
        scale, which is its largest absolute value and at least 1; `"latency_ms"`: signature ->
        median time of a single row; and `"batch_effects"`: signature -> output -> largest
        difference between a row's outputs alone and in a batch.
    """
    session = open_session(directory)
    differences: dict[str, dict[str, float]] = {}
    batch_effects: dict[str, dict[str, float]] = {}
    latency_ms = {}
    for name, example in examples.items():
        signature = _signature(session, name, example)
        found: dict[str, list[float]] = {output: [] for output in example.outputs}
        effects: dict[str, list[float]] = {output: [] for output in example.outputs}
        count = len(next(iter(example.inputs.values())))
        # Rows come repeatedly, which reveals random outputs.
        batches = [np.array([row % count]) for row in range(_SINGLE_ROWS)]
        sizes = [min(count, _SINGLE_ROWS), *batch_sizes]
        batches += [(shift + np.arange(size)) % count for shift, size in enumerate(sizes)]
        seconds, alone, random = [], {}, set()
        for rows in batches:
            inputs = coerce_inputs.fitted(_at(example.inputs, rows), signature.inputs)
            began = time.perf_counter()
            outputs = session.run(signature, inputs)
            seconds.append(time.perf_counter() - began)
            if len(rows) == 1:
                alone.setdefault(int(rows[0]), outputs)
            for output, expected in _at(example.outputs, rows).items():
                _check_form(name, output, outputs[output], expected)
                found[output].append(_difference(outputs[output], expected))
                known = [place for place, row in enumerate(rows) if row in alone]
                if known:
                    own = np.concatenate([alone[rows[place]][output] for place in known])
                    effects[output].append(_difference(outputs[output][known], own))
                if len(rows) == 1 and effects[output][-1] > 0:
                    random.add(output)
        # NumPy's maximum is NaN where one of the numbers is.
        differences[name] = {output: float(np.max(values)) for output, values in found.items()}
        # A random output differs from itself, in a batch or not.
        batch_effects[name] = {
            output: 0.0 if output in random else float(np.max(values))
            for output, values in effects.items()
        }
        latency_ms[name] = 1e3 * statistics.median(seconds[:_SINGLE_ROWS])
    return {"differences": differences, "latency_ms": latency_ms, "batch_effects": batch_effects}


def _signature(
    session: Any, name: str, example: recorded_examples.Example
) -> coerce_inputs.Signature:
    if name not in session.signatures:
        known = ", ".join(session.signatures)
        raise ValueError(f"the examples name the signature {name!r}; the model has {known}.")
    signature = session.signature(name)
    if not signature.outputs.keys() >= example.outputs.keys():
        raise ValueError(
            f"the examples expect of {name!r} the outputs {', '.join(example.outputs)}; it has "
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
    # Equal infinities have the difference 0; a NaN differs by NaN from everything.
    difference = np.zeros_like(expected)
    np.subtract(served, expected, out=difference, where=served != expected)
    return float(np.abs(difference).max(initial=0.0) / scale)


def _main(directory: str, file: str, *batch_sizes: str) -> None:
    examples = recorded_examples.read(pathlib.Path(file))
    try:
        found = replay(pathlib.Path(directory), examples, list(map(int, batch_sizes)))
    except (ValueError, RuntimeError) as error:
        found = {"error": str(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
