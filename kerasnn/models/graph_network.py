"""`graph_network`: builder of graph convolutional networks."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks, layers
from kerasnn.data.split import refuse_split
from kerasnn.models import _building_blocks
from kerasnn.models.model import Model
from kerasnn.tasks import Task


@_checks.known_arguments
def graph_network(
    features: int,
    outputs: int = 1,
    *,
    task: str,
    units: int | Sequence[int] = (16,),
    activation: Any = "relu",
    dropout: float | Sequence[float] = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    normalize: bool = True,
    optimizer: Any = "adam",
    learning_rate: Any = 1e-3,
    seed: int | None = None,
    compile: bool = True,  # noqa: A002  Keras's name for it.
) -> Model:
    """Builds a graph convolutional network with an output for every node.

    H_i = f(D^-1/2 (A + I) D^-1/2 H_{i-1} W_i + b_i); the output layer is one more convolution.
    Inputs are `{"features": (batch, nodes, features), "adjacency": (batch, nodes, nodes)}`, the
    output is `(batch, nodes, outputs)`; a single graph is a batch of one. To learn from a few
    labelled nodes, give the others a `sample_weight` of 0.

    Args:
        features: Features of each node.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        units: Units of each hidden convolution.
        activation: f by name, one for all hidden layers or one for each.
        dropout: Fraction of each hidden layer's outputs dropped in training, one or one a layer.
        l1: Factor of the penalty l1 * sum(abs(W)) on every kernel.
        l2: Factor of the penalty l2 * sum(W**2) on every kernel.
        normalize: Whether to standardise each feature, and for `regression` the targets, with
            mean and variance of the training rows of the first `fit`.
        optimizer: Name of a Keras optimizer, or an optimizer with its own learning rate.
        learning_rate: Learning rate or schedule of an optimizer given by name.
        seed: Seed of initialisers and dropout. None uses the global seed of
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> graph_network(5, 3, task="multiclass").output_shape
        (None, None, 3)

    Reference:
        Kipf & Welling (2017), arXiv:1609.02907.
    """
    task = Task(task)
    hint = "Give the last size of the node features, `split.outputs` and `task=split.task`."
    refuse_split("features", "be the number of features of a node", features, hint)
    _checks.integer("features", features)
    factory = _building_blocks.LayerFactory(l1=l1, l2=l2, batch_norm=False, seed=seed)
    widths = _building_blocks.layer_sizes("units", units)
    functions = _building_blocks.layer_activations(activation, len(widths))
    drops = _building_blocks.dropout_rates("dropout", dropout, len(widths))
    inputs = {
        "features": keras.Input((None, features), name="features"),
        "adjacency": keras.Input((None, None), name="adjacency"),
    }
    signal: Any = inputs["features"]
    for standardize in factory.standardize(normalize):
        signal = standardize(signal)
    for i, (width, function, rate) in enumerate(zip(widths, functions, drops, strict=True)):
        signal = layers.GraphConvolution(
            width, activation=function, name=f"hidden_{i + 1}", **factory.kernel(function)
        )([signal, inputs["adjacency"]])
        for drop in factory.dropout(rate, f"dropout_{i + 1}"):
            signal = drop(signal)
    output, *rest = factory.output(
        outputs, task, normalize=normalize, layer=layers.GraphConvolution
    )
    signal = output([signal, inputs["adjacency"]])
    for layer in rest:
        signal = layer(signal)
    model = Model(inputs, signal, name="graph_network")
    return _building_blocks.compile_for(model, task, optimizer, learning_rate) if compile else model
