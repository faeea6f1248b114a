"""`vgg16`: VGG16 with a head for a task."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential
from kerasnn.tasks import Task
from kerasnn.transfer.backbones import input_layers
from kerasnn.transfer.backbones.head import Head
from kerasnn.transfer.backbones.weights import check_weights, load_backbone

# Filters and number of convolutions of each block: configuration D.
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


@_checks.known_arguments
def vgg16(
    input_shape: Sequence[int | None] = (224, 224, 3),
    outputs: int = 1,
    *,
    task: str,
    weights: Any = "imagenet",
    resize: Sequence[int] | None = None,
    pooling: str = "avg",
    head: int | Sequence[int] = (256,),
    activation: Any = "relu",
    dropout: float | Sequence[float] = 0.5,
    l1: float = 0.0,
    l2: float = 0.0,
    optimizer: Any = "adam",
    learning_rate: Any = 1e-3,
    seed: int | None = None,
    compile: bool = True,  # noqa: A002  Keras's name for it.
) -> Sequential:
    """Builds VGG16, whose 13 convolutions may be pretrained, and a head for the task.

    Inputs are raw images: RGB levels in [0, 255], uint8 or float. The preprocessing is a layer. The
    convolutions have the names of `keras.applications`, `block1_conv1` to `block5_conv3`, and
    all layers are trainable; see `fine_tune` and `freeze_to`.

    Args:
        input_shape: `(height, width, 3)` in pixels, each at least 32; None for any size, unless
            `pooling="flatten"`.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        weights: Weights of the convolutions: `"imagenet"`, a file that Keras keeps in
            `~/.keras/models` or downloads (58.9 MB); the path of an `.h5` file of
            `keras.applications`, with or without top, of a `.weights.h5` or a `.keras` file; or
            None for random ones, to be trained with `fit`: `fine_tune` warns that it would freeze
            them.
        resize: (height, width) that the model itself scales images to, bilinear; None keeps
            their size.
        pooling: How the last feature maps become one row: `"avg"` or `"max"` over each map, or
            `"flatten"`.
        head: Units of each dense hidden layer; `()` for none.
        activation: Activation of the hidden layers, by name.
        dropout: Fraction of each hidden layer's outputs dropped in training.
        l1: Factor of the penalty l1 * sum(abs(W)) on the kernels of the head.
        l2: Factor of the penalty l2 * sum(W**2) on the kernels of the head.
        optimizer: Name of a Keras optimizer, or an optimizer with its own learning rate.
        learning_rate: Learning rate or schedule of an optimizer given by name.
        seed: Seed of initialisers and dropout. None uses the global seed of
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        ValueError: If a file of weights is damaged or of another network.
        FileNotFoundError: If there is no such file, or ImageNet's weights cannot be downloaded:
            the error says where to get them, and where to put them.
        TypeError: If an argument is unknown.

    Example:
        >>> model = vgg16((32, 32, 3), 3, task="multiclass", weights=None, head=(8,))
        >>> [layer.name for layer in model.layers][-5:]
        ['block5_pool', 'pool', 'hidden_1', 'dropout_1', 'output']

    Reference:
        Simonyan & Zisserman (2015), arXiv:1409.1556.
    """
    factory = _building_blocks.LayerFactory(l1=l1, l2=l2, batch_norm=False, seed=seed)
    top = Head(factory, Task(task), outputs, pooling, head, activation, dropout)
    shape = input_layers.checked_shape("input_shape", input_shape, resize)
    check_weights(weights)
    backbone = [*input_layers.input_layers(shape, resize, "vgg16"), *_convolutions(factory)]
    features = keras.Sequential(backbone, name="vgg16")
    if weights is not None:
        load_backbone(features, "VGG16", weights)
    model = Sequential([*backbone, *top.layers(features.outputs[0].shape[1:])], name="vgg16")
    return (
        _building_blocks.compile_for(model, top.task, optimizer, learning_rate)
        if compile
        else model
    )


def _convolutions(factory: _building_blocks.LayerFactory) -> list[keras.layers.Layer]:
    """Returns the five blocks, each of which halves height and width."""
    stack: list[keras.layers.Layer] = []
    for i, (filters, count) in enumerate(_BLOCKS, 1):
        for j in range(1, count + 1):
            he: Any = factory.initializer("relu")
            name = f"block{i}_conv{j}"
            stack.append(
                keras.layers.Conv2D(
                    filters, 3, padding="same", activation="relu", kernel_initializer=he, name=name
                )
            )
        stack.append(keras.layers.MaxPooling2D(2, name=f"block{i}_pool"))
    return stack
