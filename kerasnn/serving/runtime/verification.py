"""Verification of a SavedModel against recorded examples."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnn.serving.errors import UnverifiedError
from kerasnn.serving.runtime import fresh_process

TOLERANCE = 1e-5


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Verification:
    """Differences between the outputs of a SavedModel and the recorded ones.

    Attributes:
        differences: Signature -> output -> largest difference, as a fraction of the output's
            scale, which is its largest absolute value and at least 1. Strings and integers differ
            by 0 or by infinity.
        latency_ms: Signature -> median time in milliseconds for a single row.
        batch_sizes: Sizes of the batches that were run.

    Example:
        >>> found = Verification(
        ...     differences={"classify": {"scores": 1e-7}},
        ...     latency_ms={"classify": 0.1},
        ...     batch_sizes=(1,),
        ... )
        >>> found.largest_difference
        1e-07
    """

    differences: dict[str, dict[str, float]]
    latency_ms: dict[str, float]
    batch_sizes: tuple[int, ...]

    @property
    def largest_difference(self) -> float:
        """The largest of the differences; NaN where one is."""
        return float(np.max([d for outputs in self.differences.values() for d in outputs.values()]))

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [
            f"{signature}: largest difference {np.max(list(outputs.values())):.1e}, "
            f"{self.latency_ms[signature]:.2f} ms a row"
            for signature, outputs in self.differences.items()
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Returns the attributes and the largest difference, of types that JSON has."""
        return {"largest_difference": self.largest_difference, **dataclasses.asdict(self)}

    def check(self) -> None:
        """Raises `UnverifiedError` unless every difference is within the tolerance."""
        for signature, outputs in self.differences.items():
            for output, difference in outputs.items():
                # Every comparison with NaN is false, so NaN does not pass.
                if not difference <= TOLERANCE:
                    raise UnverifiedError(
                        "The exported program must give the model's outputs; its output "
                        f"`{output}` of `{signature}` differs by {difference:.2g} of its scale, "
                        f"more than {TOLERANCE:g}. Look for NaN in the weights, and for a layer "
                        "that draws random numbers when training=False."
                    )


def run(
    directory: pathlib.Path, examples: pathlib.Path, batch_sizes: Sequence[int]
) -> Verification:
    """Compares the SavedModel in `directory` with its examples, in a separate process.

    The process does not import Keras. It runs the program with TensorFlow's C library, or with
    `tf.saved_model.load` where that is missing. It uses the CPU, because the memory of a GPU
    belongs to the process that trained.

    Args:
        directory: The SavedModel.
        examples: File that `recorded_examples.write` wrote.
        batch_sizes: Numbers of rows in the batches.

    Raises:
        UnverifiedError: If the process fails, for example because the model cannot be loaded, or
            if the outputs of a row depend on the other rows of its batch.
    """
    command = [sys.executable, "-P", fresh_process.__file__, "kerasnn.serving.runtime.replay"]
    ran = subprocess.run(
        [*command, str(directory), str(examples), *map(str, batch_sizes)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if ran.returncode:
        raise UnverifiedError(
            f"The process that ran the exported program ended with code {ran.returncode}; if "
            f"memory ran out, give smaller `batch_sizes` than {max(batch_sizes)}: "
            f"{ran.stderr[-2000:]}"
        )
    found = json.loads(ran.stdout.splitlines()[-1])
    if "error" in found:
        raise UnverifiedError(f"The exported program must run on its examples; {found['error']}")
    for signature, outputs in found.pop("batch_effects").items():
        for output, difference in outputs.items():
            if difference > TOLERANCE:
                raise UnverifiedError(
                    "The exported program must treat each row by itself; its output "
                    f"`{output}` of `{signature}` differs by {difference:.2g} of its scale between "
                    "a row alone and the same row in a batch. Look for a layer that mixes the "
                    "rows of a batch."
                )
    return Verification(**found, batch_sizes=tuple(batch_sizes))
