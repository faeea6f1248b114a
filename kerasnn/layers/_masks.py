"""Keras masks: reading the mask of a tensor, and attaching one."""

from typing import Any

import keras


def mask_of(tensor: Any) -> Any:
    """Returns the Keras mask of a tensor, or None.

    Args:
        tensor: A tensor; of a symbolic one inside a model the mask is symbolic too.
    """
    probe = _Probe()
    probe(tensor)
    return probe.mask


def with_mask(tensor: Any, mask: Any) -> Any:
    """Returns a tensor with a Keras mask attached."""
    return _Masked()([tensor, mask])


class _Probe(keras.layers.Layer):
    """Keeps the mask that Keras passes to a layer with its input."""

    def __init__(self) -> None:
        # A name of its own: one with an underscore in front cannot begin that of an operation.
        super().__init__(autocast=False, name="mask_probe")
        self.supports_masking = True
        self.mask: Any = None

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the input."""
        self.mask = mask
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Returns the input's mask; for a symbolic input `call` gets only a placeholder of it."""
        self.mask = previous_mask
        return previous_mask


class _Masked(keras.layers.Layer):
    """Attaches a mask to a tensor."""

    def __init__(self) -> None:
        super().__init__(autocast=False)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Returns the tensor."""
        return keras.ops.copy(inputs[0])

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Returns the mask."""
        return inputs[1]
