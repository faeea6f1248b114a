"""`cnn`: builder of convolutional networks."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential
from kerasnn.tasks import Task

_POOLS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}


@_checks.known_arguments
def cnn(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    *,
    task: str,
    filters: int | Sequence[int] = (32, 64),
    kernel_size: int = 3,
    convolutions: int = 1,
    pool: str = "max",
    hidden: int | Sequence[int] = (128,),
    dropout: float | Sequence[float] = 0.5,
    augment: bool | str | Sequence[str] = False,
    activation: Any = "relu",
    l1: float = 0.0,
    l2: float = 0.0,
    batch_norm: bool = False,
    normalize: bool = True,
    optimizer: Any = "adam",
    learning_rate: Any = 1e-3,
    seed: int | None = None,
    compile: bool = True,  # noqa: A002  Keras's name for it.
) -> Sequential:
    """Builds a convolutional network: blocks of convolutions and pooling, then dense layers.

    Each block holds `convolutions` convolutions that keep the size ("same" padding, stride 1)
    and a 2x2 pooling that halves it, rounding down.

    Args:
        input_shape: `(height, width, channels)`.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        filters: Filters of each block's convolutions.
        kernel_size: Height and width of every kernel, in pixels.
        convolutions: Convolutions in each block; 2 or more is VGG's style.
        pool: `"max"` or `"average"`.
        hidden: Units of each dense hidden layer; `()` for none.
        dropout: Fraction of each dense hidden layer's outputs dropped in training.
        augment: Names of what is done to each image at random, in training only: "flip" to the
            left and right, "flip_vertical", "shift" by up to a tenth of its size, "rotate" by up to
            10 degrees, "zoom" by up to a tenth. True is ("shift", "rotate"), False nothing.
            `plots.augmentation(model, x)` shows examples.
        activation: Activation of all convolutions and dense hidden layers, by name.
        l1: Factor of the penalty l1 * sum(abs(W)) on every kernel.
        l2: Factor of the penalty l2 * sum(W**2) on every kernel.
        batch_norm: Whether to normalise by batch between each layer and its activation.
        normalize: Whether to standardise each channel, and for `regression` the targets, with
            mean and variance of the training rows of the first `fit`.
        optimizer: Name of a Keras optimizer, or an optimizer with its own learning rate.
        learning_rate: Learning rate or schedule of an optimizer given by name.
        seed: Seed of initialisers, dropout and augmentation. None uses the global seed of
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> cnn((8, 8, 1), 10, task="multiclass").output_shape
        (None, 10)

    Reference:
        LeCun et al. (1998), doi:10.1109/5.726791. Simonyan & Zisserman (2015),
        arXiv:1409.1556.
    """
    task = Task(task)
    factory = _building_blocks.LayerFactory(l1=l1, l2=l2, batch_norm=batch_norm, seed=seed)
    shape = _building_blocks.checked_shape(input_shape, 3, "(height, width, channels)")
    blocks = _building_blocks.layer_sizes("filters", filters)
    _checks.integer("kernel_size", kernel_size)
    _checks.integer("convolutions", convolutions)
    _checks.one_of("pool", pool, _POOLS)
    _check_size(shape, blocks)
    widths = _building_blocks.layer_sizes("hidden", hidden, empty=True)
    [function] = _building_blocks.layer_activations(activation, 1)
    drops = _building_blocks.dropout_rates("dropout", dropout, len(widths))
    stack: list[Any] = [keras.Input(shape, name="image")]
    stack += _building_blocks.augmentation_layers(factory, augment)
    stack += factory.standardize(normalize)
    for i, width in enumerate(blocks):
        for j in range(convolutions):
            convolution = _convolution(width, kernel_size)
            stack += factory.activated(convolution, function, f"block{i + 1}_conv{j + 1}")
        stack.append(_POOLS[pool](2, name=f"block{i + 1}_pool"))
    stack.append(keras.layers.Flatten(name="flatten"))
    inputs = math.prod(size // 2 ** len(blocks) for size in shape[:2]) * blocks[-1]
    stack += factory.hidden(inputs, widths, [function] * len(widths), drops)
    stack += factory.output(outputs, task, normalize=normalize)
    model = Sequential(stack, name="cnn")
    return _building_blocks.compile_for(model, task, optimizer, learning_rate) if compile else model


def _convolution(filters: int, size: int) -> Callable[..., keras.layers.Layer]:
    return lambda **kwargs: keras.layers.Conv2D(filters, size, padding="same", **kwargs)


def _check_size(shape: tuple[int | None, ...], blocks: tuple[int, ...]) -> None:
    if None in shape:
        raise _checks.InvalidArgument(
            "input_shape", "have fixed sizes for the dense layers after the blocks", shape
        )
    smallest = min(shape[0], shape[1])  # type: ignore[type-var]
    most = int(smallest).bit_length() - 1  # type: ignore[arg-type]
    if len(blocks) > most:
        raise _checks.InvalidArgument(
            "filters",
            f"have at most {most} blocks for images of {shape[0]}x{shape[1]}, since each halves "
            "the size",
            blocks,
            f"The channels come last: input_shape={(*shape[1:], shape[0])}."
            if shape[0] in (1, 3) and shape[2] not in (1, 3, 4)
            else "",
        )
