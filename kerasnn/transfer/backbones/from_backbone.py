"""`from_backbone`: any network of `keras.applications`, or a given one, with a head for a task."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn.models import _building_blocks
from kerasnn.models.model import Model
from kerasnn.tasks import Task
from kerasnn.transfer._model_graph import backbone_of, copy_layer
from kerasnn.transfer.backbones import input_layers
from kerasnn.transfer.backbones.head import Head
from kerasnn.transfer.backbones.untrained import warn_of_noise
from kerasnn.transfer.backbones.weights import check_weights, load_backbone
from kerasnn.transfer.freezing.trainability import leaves
from kerasnn.transfer.preprocessing import application


@_checks.known_arguments
def from_backbone(
    name: str | keras.Model,
    input_shape: Sequence[int | None] | None = None,
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
) -> Model:
    """Builds a pretrained network with a new head for the task.

    Inputs are raw images: RGB levels in [0, 255], uint8 or float. The preprocessing of the network
    is a layer, its other layers have Keras's names, and all are trainable; see `fine_tune` and
    `freeze_to`.

    Args:
        name: A network of `keras.applications`, such as `"ResNet50"`, `"MobileNetV2"` or
            `"EfficientNetB0"`. Or a trained Keras model: a copy of the layers before its
            head, which begins with the last global pooling or Flatten, gets the new head.
        input_shape: `(height, width, 3)` in pixels, each at least 32; None for any size, unless
            `pooling="flatten"`. The default is (224, 224, 3), or that of a given model,
            which may have any number of channels.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        weights: `"imagenet"`, a path or None, as for `vgg16`. A given model keeps its own; a
            warning says if they are still the initial random ones.
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
        seed: Seed of the head's initialisers and dropout, and with `weights=None` of the
            network's. The default takes them from `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        ValueError: If a file of weights is damaged or of another network.
        FileNotFoundError: If there is no such file, or ImageNet's weights cannot be downloaded.
        TypeError: If an argument is unknown.

    Example:
        >>> model = from_backbone("MobileNetV2", (32, 32, 3), task="binary", weights=None)
        >>> model.output_shape
        (None, 1)
    """
    factory = _building_blocks.LayerFactory(l1=l1, l2=l2, batch_norm=False, seed=seed)
    top = Head(factory, Task(task), outputs, pooling, head, activation, dropout)
    if isinstance(name, keras.Model):
        backbone = _copy(name, input_shape, weights, resize)
    else:
        backbone = _network(factory, name, input_shape, weights, resize)
    tensor = backbone.outputs[0]
    for layer in top.layers(tensor.shape[1:]):
        tensor = layer(tensor)
    model = Model(backbone.inputs[0], tensor, name=backbone.name)
    return (
        _building_blocks.compile_for(model, top.task, optimizer, learning_rate)
        if compile
        else model
    )


def _network(
    factory: _building_blocks.LayerFactory, name: Any, input_shape: Any, weights: Any, resize: Any
) -> keras.Model:
    make, module = application(name)
    given = (224, 224, 3) if input_shape is None else input_shape
    shape = input_layers.checked_shape("input_shape", given, resize)
    check_weights(weights)
    image, *layers = input_layers.input_layers(shape, resize, module)
    tensor = image
    for layer in layers:
        tensor = layer(tensor)
    try:
        made = make(include_top=False, weights=None, input_tensor=tensor)
    except ValueError as error:
        raise _checks.InvalidArgument(
            "input_shape", f"suit {name}", given, f"Keras says: {error}"
        ) from error
    made = keras.models.clone_model(made, clone_function=lambda layer: _seeded(layer, factory))
    backbone = keras.Model(made.input, made.output, name=name.lower())
    if weights is not None:
        load_backbone(backbone, name, weights)
    return backbone


def _copy(model: keras.Model, input_shape: Any, weights: Any, resize: Any) -> keras.Model:
    """Returns a copy of the layers before a model's head, with their weights."""
    for argument, value, default in (
        ("input_shape", input_shape, None),
        ("weights", weights, "imagenet"),
        ("resize", resize, None),
    ):
        if value != default:
            raise _checks.InvalidArgument(
                argument, "be left out if `name` is a model, which has its own", value
            )
    before = backbone_of(model)
    warn_of_noise(model, leaves(before))
    try:
        copy = keras.models.clone_model(before, clone_function=copy_layer)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise _checks.InvalidArgument(
            "name",
            "be a model whose layers Keras can copy",
            model,
            "Decorate your layers with `keras.saving.register_keras_serializable()`.",
            got=f"`{model.name}`. Keras says: {first_line(error)}",
        ) from error
    copy.set_weights(before.get_weights())
    for layer in copy.layers:
        layer.trainable = True
    return keras.Model(copy.inputs, copy.outputs[0], name=model.name)


def _seeded(layer: Any, factory: _building_blocks.LayerFactory) -> Any:
    """Returns a new layer of the same configuration, whose initialisers have seeds of `factory`."""
    return copy_layer(
        layer,
        **{
            name: {**value, "config": {**value["config"], "seed": factory.seed()}}
            for name, value in layer.get_config().items()
            if name.endswith("_initializer") and "seed" in (value or {}).get("config", {})
        },
    )
