"""All signatures by name, and which of them suit a model."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from kerasnn import _checks
from kerasnn.serving.errors import UnsuitableError
from kerasnn.serving.graph.labels import Labels
from kerasnn.serving.graph.traced import Traced
from kerasnn.serving.signatures.readers import ExampleReader, ImageReader, TensorReader
from kerasnn.serving.signatures.signature import Signature
from kerasnn.serving.signatures.writers import ClassifyWriter, PredictWriter, RegressWriter


def choose(
    traced: Traced, labels: Labels | None, names: Any, resize: str = "stretch"
) -> dict[str, Signature]:
    """Returns signature name -> signature.

    Args:
        traced: The model's inference.
        labels: Names of the classes, if there are any.
        names: `auto` for all that suit the model, or a sequence of names.
        resize: How image files come to the size of the model's input.

    Raises:
        InvalidArgument: If a name is not known, or does not suit the model.
    """
    makers = _makers(traced, labels, resize)
    if isinstance(names, str) and names == "auto":
        made = {}
        for name, make in makers.items():
            with contextlib.suppress(UnsuitableError):
                made[name] = make()
        return made
    wanted = [] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    if not wanted:
        raise _checks.InvalidArgument("signatures", "be 'auto' or a sequence of names", names)
    for name in wanted:
        _checks.one_of("signatures", name, makers)
    return {name: make() for name, make in makers.items() if name in wanted}


def _makers(
    traced: Traced, labels: Labels | None, resize: str
) -> dict[str, Callable[[], Signature]]:
    def reader() -> TensorReader | ImageReader:
        # An example holds an image as a file.
        try:
            return ImageReader(traced, resize)
        except UnsuitableError:
            return TensorReader(traced)

    return {
        "serving_default": lambda: Signature(traced, TensorReader(traced), PredictWriter(labels)),
        "image_bytes": lambda: Signature(
            traced, ImageReader(traced, resize), PredictWriter(labels)
        ),
        "classify": lambda: Signature(
            traced, ExampleReader("classify", reader()), ClassifyWriter(traced, labels)
        ),
        "regress": lambda: Signature(
            traced, ExampleReader("regress", reader()), RegressWriter(traced)
        ),
    }
