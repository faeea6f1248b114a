"""Rule for which models train as one stack, and which alone.

A stack holds at least two models that are equal in everything that a trace has as constants: layers
and shapes, loss and metrics, kind and settings of the optimizer. Learning rates, weight decay,
momentum and the like, dropout rates of kerasnn's layers and factors of L1 and L2 may differ. The
rule looks at types and settings alone and tries nothing, so that it always decides in the same way.
"""

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any, TypeVar

import keras

from kerasnn import callbacks, layers
from kerasnn._core.model import all_layers, is_symbolic
from kerasnn._core.process.strategy import uses_strategy
from kerasnn.training.programs.graph_program import has_convolutions
from kerasnn.training.programs.hyperparameters import RATES, differing, penalty_factors
from kerasnn.training.programs.stacked.optimizer import constants, why_not_by_weight
from kerasnn.training.programs.train_step import has_keras_step

# Larger members gain nothing, since their matrix products fill a processor by themselves: on 2
# cores a step of 64-256-10 takes 0.6 of the time in a stack, one of 64-512-10 as long as alone.
MOST_WEIGHTS = 1 << 15
# Numbers in the weights of a stack, and in the activations of one of its steps: 64 MB. Several
# copies of them are in memory: gradients, the optimizer's state, the weights before an epoch.
_STACK_FLOATS = 1 << 24

_L = keras.layers
# Layers that TensorFlow vectorises, or whose random numbers alone run member by member.
_LAYERS = (
    keras.Sequential,
    keras.Model,
    *(_L.InputLayer, _L.Dense, _L.EinsumDense, _L.Embedding),
    *(_L.Dropout, _L.GaussianDropout, _L.GaussianNoise),
    *(_L.Activation, _L.ReLU, _L.LeakyReLU, _L.PReLU, _L.ELU, _L.Softmax),
    *(_L.BatchNormalization, _L.LayerNormalization, _L.GroupNormalization),
    *(_L.RMSNormalization, _L.UnitNormalization, _L.Rescaling, _L.ActivityRegularization),
    *(_L.Flatten, _L.Reshape, _L.Permute, _L.RepeatVector, _L.GlobalAveragePooling1D),
    *(_L.Add, _L.Subtract, _L.Multiply, _L.Average, _L.Maximum, _L.Minimum, _L.Concatenate),
    *(_L.Dot, layers.Dropout, layers.AlphaDropout, layers.GaussianDropout),
    *(layers.SpatialDropout, layers.DropPath, layers.DropConnect, layers.ConcreteDropout),
    *(layers.Standardize, layers.EmbedColumns, layers.LeakyReLU, layers.Threshold),
    *(layers.RobustScale, layers.PeriodicEmbedding, layers.Scale, layers.NTKDense),
    layers.ParametricActivation,
)
_CALLBACKS = (
    callbacks.EarlyStopping,
    callbacks.ReduceLROnPlateau,
    keras.callbacks.EarlyStopping,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.LearningRateScheduler,
)
_OWN = ("keras", "kerasnn")
T = TypeVar("T")


def why_alone(model: Any, model_callbacks: Any) -> str | None:
    """Returns why a model cannot be in a stack, or None if it can."""
    for callback in model_callbacks:
        if type(callback) not in _CALLBACKS:
            return f"the callback `{type(callback).__name__}` needs a model of its own"
    return (
        _why_odd_model(model)
        or _why_odd_layer(model)
        or why_not_by_weight(model.optimizer)
        or _why_rows_of_tables(model)
    )


def architecture(model: Any) -> str | None:
    """Returns, as text, what all models of a stack have in common.

    None where a loss, metric, activation or penalty is the user's, which may not vectorise or be
    equal under an equal name.
    """
    try:
        compiled = model.get_compile_config()
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError):
        return None
    compiled = {k: v for k, v in compiled.items() if k != "optimizer"}
    names = {layer.name: f"layer {i}" for i, layer in enumerate(all_layers(model))}
    shapes = [
        (tuple(v.shape), str(v.dtype)) for v in [*model.trainable_variables, *model.variables]
    ]
    config = _common(model.get_config(), names)
    # Keras numbers the names of metrics.
    parts = [config, _common(compiled, {}), _other_penalties(model)]
    if not _is_own(parts):
        return None
    parts.append(shapes)
    return json.dumps(parts, sort_keys=True, default=str) + constants(model.optimizer)


def have_equal_settings(models: Sequence[Any]) -> bool:
    """Whether models of one architecture have the same rates, penalties and optimizers."""
    # Keras numbers the names.
    configs = [model.optimizer.get_config() | {"name": ""} for model in models]
    return all(config == configs[0] for config in configs) and not differing(models)


def most_in_memory(model: Any, rows: int) -> int:
    """Returns how many models of one architecture fit into memory at once.

    Args:
        model: One of them.
        rows: Rows in a batch.
    """
    weights = sum(math.prod(v.shape) for v in model.trainable_variables)
    return max(2, _STACK_FLOATS // (weights + rows * floats_of_row(model)))


def in_parts(members: Sequence[T], most: int) -> list[Sequence[T]]:
    """Returns members in as few parts as possible, which are about equally large."""
    count = -(-len(members) // most)
    ends = [len(members) * i // count for i in range(count + 1)]
    return [members[start:end] for start, end in itertools.pairwise(ends)]


def floats_of_row(model: Any) -> int:
    """Returns how many numbers the layers of a model make of one row."""
    outputs = [tensor for layer in all_layers(model) for tensor in keras.tree.flatten(layer.output)]
    return sum(math.prod(size or 1 for size in tensor.shape[1:]) for tensor in outputs)


def _why_odd_model(model: Any) -> str | None:
    if not model.built or not is_symbolic(model) or type(model).call.__module__[:5] != "keras":
        return "its layers are known only when it is called"
    steps = ("train_step", "test_step")
    if not all(has_keras_step(model, step) for step in steps) or any(
        getattr(type(model), name) is not getattr(keras.Model, name)
        for name in ("compute_loss", "compute_metrics")
    ):
        return "it has a training step of its own"
    if model.run_eagerly:
        return "`run_eagerly` asks for Python at every step"
    if uses_strategy(model):
        return "a distribution strategy runs its own loop"
    if not model.trainable_variables:
        return "it has no weights to train"
    dtypes = {str(v.dtype) for v in model.trainable_variables}
    if dtypes != {"float32"} or any(la.compute_dtype != "float32" for la in all_layers(model)):
        return "it does not compute in float32"
    if sum(math.prod(v.shape) for v in model.trainable_variables) > MOST_WEIGHTS:
        return f"with more than {MOST_WEIGHTS:,} weights it fills the processor by itself"
    if any(v.constraint is not None for v in model.trainable_variables):
        return "a constraint looks at a whole weight"
    return None


def _why_odd_layer(model: Any) -> str | None:
    if has_convolutions(model):
        return "TensorFlow has no convolution with filters by member"
    for layer in all_layers(model):
        known = type(layer) in _LAYERS or isinstance(layer, keras.Model)
        if not known or (isinstance(layer, keras.Model) and not _is_own_class(layer)):
            return f"`{layer.name}` is a `{type(layer).__name__}`, which cannot be stacked"
    return None


def _why_rows_of_tables(model: Any) -> str | None:
    """Returns why embeddings cannot be stacked, of whose gradients TensorFlow keeps some rows."""
    optimizer = model.optimizer
    # Its steps are linear in the gradient.
    if type(optimizer) is keras.optimizers.SGD and optimizer.clipvalue is None:
        return None
    for layer in all_layers(model):
        is_sparse = isinstance(layer, layers.EmbedColumns) and not layer.dense_gradient
        if is_sparse or isinstance(layer, keras.layers.Embedding):
            return (
                f"the gradient of `{layer.name}` is sparse, and `{type(optimizer).__name__}` "
                "squares or clips its rows before it adds them up"
            )
    return None


def _is_own_class(model: Any) -> bool:
    return type(model).__module__.partition(".")[0] in _OWN


def _is_own(config: Any) -> bool:
    """Whether all objects in a configuration are Keras's or kerasnn's; no function is."""
    if isinstance(config, dict):
        if "module" in config and "class_name" in config:
            name = str(config.get("registered_name") or config["module"])
            if name.partition(">")[0].partition(".")[0] not in _OWN:
                return False
        return all(map(_is_own, config.values()))
    return not isinstance(config, (list, tuple)) or all(map(_is_own, config))


def _common(config: Any, names: dict[str, str]) -> Any:
    """Returns a configuration without names, seeds, initial values, and what may differ."""
    if isinstance(config, dict):
        common = {
            name: _common(value, names) for name, value in config.items() if not _is_free(str(name))
        }
        if config.get("registered_name") in _RATE_NAMES:
            common["config"]["rate"] = common["config"]["rate"] > 0
        return common
    if isinstance(config, (list, tuple)):
        return [_common(value, names) for value in config]
    return names.get(config, config) if isinstance(config, str) else config


_RATE_NAMES = tuple(keras.saving.get_registered_name(kind) for kind in RATES)


def _is_free(name: str) -> bool:
    # `_other_penalties` compares regularizers that are no L1 or L2. `sigma` is the spread of the
    # initial weights of `PeriodicEmbedding`.
    free = ("_initializer", "_regularizer")
    return name in ("name", "seed", "sigma") or (
        name != "activity_regularizer" and name.endswith(free)
    )


def _other_penalties(model: Any) -> list[Any]:
    """Returns the regularizers that are no L1 or L2, as configurations."""
    found = []
    for variable in model.trainable_variables:
        regularizer = variable.regularizer
        if penalty_factors(regularizer) is not None:
            found.append(None)
        elif isinstance(regularizer, keras.regularizers.Regularizer):
            found.append(keras.saving.serialize_keras_object(regularizer))
        else:
            # A method of one of kerasnn's layers, or a function of the user.
            name = getattr(regularizer, "__qualname__", "")
            found.append({"module": regularizer.__module__, "class_name": name})
    return found
