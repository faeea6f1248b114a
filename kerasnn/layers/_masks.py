"""The masks of Keras: which steps of a sequence count."""

from typing import Any

import keras


def mask_of(tensor: Any) -> Any:
    """Returns the Keras mask that a tensor carries, or None.

    Args:
        tensor: A tensor, or a symbolic one inside a model, whose mask is then symbolic too.
    """
    probe = _Probe()
    probe(tensor)
    return probe.mask


def with_mask(tensor: Any, mask: Any) -> Any:
    """Returns a tensor that carries a Keras mask."""
    return _Masked()([tensor, mask])


class _Probe(keras.layers.Layer):
    """Keeps the mask that Keras hands to a layer with its input."""

    def __init__(self) -> None:
        super().__init__(autocast=False)
        self.supports_masking = True
        self.mask: Any = None

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the input."""
        self.mask = mask
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Returns the input's mask; of a symbolic input `call` sees a stand-in of it alone."""
        self.mask = previous_mask
        return previous_mask


class _Masked(keras.layers.Layer):
    """Gives a tensor a mask."""

    def __init__(self) -> None:
        super().__init__(autocast=False)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Returns the tensor."""
        return keras.ops.copy(inputs[0])

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Returns the mask."""
        return inputs[1]
