"""Which signatures a model gets."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from kerasnn import _checks
from kerasnn.serving.errors import UnsuitableError
from kerasnn.serving.graph.inference import Inference
from kerasnn.serving.graph.labels import Labels
from kerasnn.serving.signatures.readers import Examples, Pictures, Tensors
from kerasnn.serving.signatures.signature import Signature
from kerasnn.serving.signatures.writers import Answers, Classes, Values


def choose(inference: Inference, labels: Labels | None, names: Any) -> dict[str, Signature]:
    """Returns signature name -> signature.

    Args:
        inference: What the signatures ask.
        labels: Names of the classes, if there are any.
        names: `auto` for all that suit the model, or a sequence of names.

    Raises:
        ValueError: If a name is not known, or does not suit the model.
    """
    makers = _makers(inference, labels)
    if names == "auto":
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


def _makers(inference: Inference, labels: Labels | None) -> dict[str, Callable[[], Signature]]:
    def reader() -> Tensors | Pictures:
        # A picture goes into an example as the file that it is.
        try:
            return Pictures(inference)
        except UnsuitableError:
            return Tensors(inference)

    return {
        "serving_default": lambda: Signature(inference, Tensors(inference), Answers(labels)),
        "image_bytes": lambda: Signature(inference, Pictures(inference), Answers(labels)),
        "classify": lambda: Signature(
            inference, Examples("classify", reader()), Classes(inference, labels)
        ),
        "regress": lambda: Signature(inference, Examples("regress", reader()), Values(inference)),
    }
