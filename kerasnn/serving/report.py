"""Report of an export."""

import dataclasses
import pathlib
from typing import Any

import tensorflow as tf

from kerasnn._core.display.blocks import Facts, Paragraph, Table
from kerasnn._core.display.rendering import for_notebook
from kerasnn.serving.runtime.verification import Verification

Signatures = dict[str, dict[str, dict[str, tf.TensorSpec]]]


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class ExportReport:
    """Version that `serving.export` published; prints as a small table.

    Attributes:
        path: Directory of the version.
        version: Its number.
        signatures: Signature name -> `"inputs"` or `"outputs"` -> tensor name -> `tf.TensorSpec`.
        size_bytes: Size of all its files together.
        verification: Differences from the model's predictions, and latencies; None without
            verification.
        notes: That the model was not trained, where that is certain; and what does not fit in the
            server's files beside the versions, which were there before.

    Example:
        >>> signature = {
        ...     "inputs": {"features": tf.TensorSpec((None, 4), tf.float32)},
        ...     "outputs": {"predictions": tf.TensorSpec((None, 1), tf.float32)},
        ... }
        >>> print(ExportReport(
        ...     path=pathlib.Path("models/price/3"),
        ...     version=3,
        ...     signatures={"serving_default": signature},
        ...     size_bytes=20480,
        ...     verification=Verification(
        ...         differences={"serving_default": {"predictions": 6e-8}},
        ...         latency_ms={"serving_default": 0.05},
        ...         batch_sizes=(1, 8),
        ...     ),
        ... ))
        models/price/3: version 3, 20.5 kB, largest difference 6.0e-08, 0.05 ms a row
        serving_default  input   features     float32  (batch, 4)
        serving_default  output  predictions  float32  (batch, 1)
    """

    path: pathlib.Path
    version: int
    signatures: Signatures
    size_bytes: int
    verification: Verification | None
    notes: tuple[str, ...] = ()

    @property
    def largest_difference(self) -> float | None:
        """Largest difference between the exported program's outputs and the model's."""
        return None if self.verification is None else self.verification.largest_difference

    @property
    def latency_ms(self) -> dict[str, float] | None:
        """Signature name -> median time in milliseconds for a single row."""
        return None if self.verification is None else self.verification.latency_ms

    def as_dict(self) -> dict[str, Any]:
        """Returns the attributes, of types that JSON has; a tensor is its type and its shape."""
        signatures = {
            name: {
                side: {
                    tensor: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
                    for tensor, spec in tensors.items()
                }
                for side, tensors in signature.items()
            }
            for name, signature in self.signatures.items()
        }
        return {
            "path": str(self.path),
            "version": self.version,
            "signatures": signatures,
            "size_bytes": self.size_bytes,
            "verification": self.verification and self.verification.as_dict(),
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """Returns the version and its signatures, for a notebook."""
        facts = [
            ("directory", str(self.path)),
            ("version", str(self.version)),
            ("size", _size(self.size_bytes)),
            ("verification", self._verified()),
        ]
        head = ("signature", "side", "tensor", "type", "shape")
        table = Table("Inputs and outputs", head, self._tensors())
        notes = [Paragraph(f"Note: {note}") for note in self.notes]
        return for_notebook("Exported model", [Facts(facts), table, *notes])

    def _tensors(self) -> list[tuple[str, ...]]:
        """Returns signature, side, name, type and shape of each tensor."""
        return [
            (name, side.removesuffix("s"), tensor, spec.dtype.name, _shape(spec))
            for name, signature in self.signatures.items()
            for side, tensors in signature.items()
            for tensor, spec in tensors.items()
        ]

    def _verified(self) -> str:
        """Returns the result of the verification in words."""
        if self.verification is None:
            return "not verified"
        [latency, *_] = self.verification.latency_ms.values()
        return (
            f"largest difference {self.verification.largest_difference:.1e}, {latency:.2f} ms a row"
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = self._tensors()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        title = [f"{self.path}: version {self.version}", _size(self.size_bytes), self._verified()]
        return "\n".join([", ".join(title), *lines, *(f"Note: {note}" for note in self.notes)])


def _shape(spec: tf.TensorSpec) -> str:
    sizes = ["any" if size is None else str(size) for size in spec.shape.as_list()[1:]]
    return f"({', '.join(['batch', *sizes])})"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.1f} kB"
