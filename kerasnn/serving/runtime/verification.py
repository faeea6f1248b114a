"""The proof that a SavedModel gives the answers that were recorded for it."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from kerasnn.serving.runtime import fresh_process

TOLERANCE = 1e-5


class UnverifiedError(ValueError):
    """A SavedModel does not give the answers that it should."""


@dataclasses.dataclass(frozen=True)
class Verification:
    """How far the answers of a SavedModel are from those that were recorded.

    Attributes:
        differences: Signature -> output -> largest difference, as a share of the output's scale,
            which is its largest value and at least 1. Strings differ by 0 or by infinity.
        latency_ms: Signature -> median time in milliseconds that a single row took.
        batch_sizes: Sizes of the batches that were asked.
    """

    differences: dict[str, dict[str, float]]
    latency_ms: dict[str, float]
    batch_sizes: tuple[int, ...]

    @property
    def largest_difference(self) -> float:
        """The largest of the differences; NaN where one is."""
        return float(np.max([d for outputs in self.differences.values() for d in outputs.values()]))

    def __str__(self) -> str:
        lines = [
            f"{signature}: largest difference {np.max(list(outputs.values())):.1e}, "
            f"{self.latency_ms[signature]:.2f} ms a row"
            for signature, outputs in self.differences.items()
        ]
        return "\n".join(lines)

    def check(self) -> None:
        """Raises `UnverifiedError` unless every difference is within the tolerance."""
        for signature, outputs in self.differences.items():
            for output, difference in outputs.items():
                # A NaN is not above the tolerance, nor within it.
                if not difference <= TOLERANCE:
                    raise UnverifiedError(
                        "The exported program must give the model's answers; its output "
                        f"`{output}` of `{signature}` differs by {difference:.2g} of its scale, "
                        f"more than {TOLERANCE:g}. Look for NaN in the weights, and for a layer "
                        "that draws random numbers when training=False."
                    )


def run(
    directory: pathlib.Path, examples: pathlib.Path, batch_sizes: Sequence[int]
) -> Verification:
    """Asks the SavedModel in `directory` for its examples' answers, in a process of its own.

    The process imports neither Keras nor TensorFlow's Python. It runs on the CPU: a GPU's memory
    is taken by the process that trained.

    Args:
        directory: The SavedModel.
        examples: File that `recorded.write` wrote.
        batch_sizes: How many rows to ask for at a time, one size after the other.

    Raises:
        UnverifiedError: If the process fails, for example because the model cannot be loaded.
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
            f"The exported program ended the process that asked it, with code {ran.returncode}; if "
            f"memory ran out, give smaller `batch_sizes` than {max(batch_sizes)}: "
            f"{ran.stderr[-2000:]}"
        )
    found = json.loads(ran.stdout.splitlines()[-1])
    if "error" in found:
        raise UnverifiedError(f"The exported program must answer its examples; {found['error']}")
    for signature, outputs in found.pop("neighbours").items():
        for output, difference in outputs.items():
            if difference > TOLERANCE:
                raise UnverifiedError(
                    "The exported program must answer each row by itself; its output "
                    f"`{output}` of `{signature}` differs by {difference:.2g} of its scale between "
                    "a row that is asked alone and the same row in a batch. Look for a layer that "
                    "mixes the rows of a batch."
                )
    return Verification(**found, batch_sizes=tuple(batch_sizes))
