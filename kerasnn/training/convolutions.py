"""Which models convolve."""

import keras

from kerasnn._layers import all_layers

_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
)


def has_convolutions(model: keras.Model) -> bool:
    """Whether a layer of a model, or of a model inside it, is a convolution."""
    return any(isinstance(layer, _CONVOLUTIONS) for layer in all_layers(model))
