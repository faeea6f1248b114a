"""Detection of layers that still have their initial random weights."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks


def warn_of_noise(model: keras.Model, frozen: Sequence[Any]) -> None:
    """Warns if the first or the last kernel of frozen layers was never trained or loaded.

    Args:
        model: The model.
        frozen: Its frozen layers, in order.
    """
    kernels = [layer for layer in frozen if _has_kernel(layer)]
    names = [layer.name for layer in untrained(dict.fromkeys([*kernels[:1], *kernels[-1:]]))]
    if names:
        _checks.warn(
            f"`{model.name}` has random weights in `{'`, `'.join(names)}`, which stay frozen: its "
            "features are noise. Give the backbone weights (`weights='imagenet'` or a file), or "
            "train all layers with `fit`."
        )


def untrained(layers: Iterable[Any]) -> list[Any]:
    """Returns the layers whose kernel equals the one that its initializer draws.

    A random initializer of Keras draws the same numbers each time. One that was saved without a
    seed gets another one when it is loaded, so that such a layer is not detected.
    """
    return [layer for layer in layers if _has_kernel(layer) and _is_as_built(layer)]


def _has_kernel(layer: Any) -> bool:
    # A seed generator would draw other numbers.
    seed = getattr(getattr(layer, "kernel_initializer", None), "seed", None)
    return isinstance(seed, int) and getattr(layer, "kernel", None) is not None


def _is_as_built(layer: Any) -> bool:
    kernel = np.asarray(keras.ops.cast(layer.kernel, "float32"))
    drawn = layer.kernel_initializer(layer.kernel.shape, dtype=layer.kernel.dtype)
    return np.allclose(np.asarray(keras.ops.cast(drawn, "float32")), kernel, rtol=1e-4, atol=1e-7)
