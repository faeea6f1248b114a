"""Mean over the steps of a sequence."""

from typing import Any

import keras
from keras import ops

from kerasnn._checks import layers


@keras.saving.register_keras_serializable("kerasnn")
class MaskedMean(keras.layers.Layer):
    """Averages the steps that the mask keeps.

    Forward:  y = sum_t m_t x_t / max(sum_t m_t, 1), where m_t is 1 at a step that is kept, else 0;
              m_t = 1 without a mask
    Backward: dy/dx_t = m_t / max(sum_t m_t, 1)

    Of a sequence that is masked as a whole, such as a text without a word, the mean is 0.
    `keras.layers.GlobalAveragePooling1D` divides by 0 there, and gives NaN.

    Shape:
        `(batch, time, features)` -> `(batch, features)`.

    Example:
        >>> x = keras.ops.array([[[2.0], [4.0], [9.0]]])
        >>> MaskedMean()(x, mask=keras.ops.array([[True, True, False]])).numpy()
        array([[3.]], dtype=float32)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Averages."""
        inputs = layers.real_numbers(self, inputs)
        if mask is None:
            return ops.mean(inputs, axis=1)
        kept: Any = ops.expand_dims(ops.cast(mask, inputs.dtype), axis=2)
        # A product would keep NaN at masked steps.
        steps: Any = ops.where(kept > 0, inputs, 0)
        return ops.sum(steps, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Returns None: no step is left."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns `(batch, features)`."""
        return (input_shape[0], input_shape[2])
