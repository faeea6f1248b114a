"""Cost of a training under XLA against a graph, from the size of the model and a `Speed`."""

import dataclasses
import math

import keras

from kerasnn._core.model import all_layers, is_symbolic
from kerasnn.training.engine_cost.speed import Speed

# Of networks from 3-4-2 to 784-256-256-10, measured by tests/benchmarks/engine_choice.py. XLA
# compiles a kernel for this many things besides those for each variable, and those of a last
# smaller batch again; the unit is the compilation of the one layer of `Speed`.
_KERNELS, _KERNEL, _REMAINDER = 12, 0.26, 1.8
# XLA then loads the program and traces more than a graph does.
_LOADING = 0.25
# What a step is faster by: in steps of that layer, without and with each variable, and as a part of
# what the weights take.
_STEP, _VARIABLE, _WEIGHT = 1.9, 0.46, 0.56
_UNKNOWN_LENGTH = 32
# XLA is chosen if it takes no longer than this in addition, since later runs need not compile.
_TOLERANCE_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class TrainingSize:
    """What the cost of a training depends on.

    Attributes:
        variables: Number of trainable variables.
        repeats: How often a step uses them: the length of a sequence.
        weights: Number of trainable weights.
        rows: Batch size.
        has_rest: Whether an epoch ends with a smaller batch.
    """

    variables: int
    repeats: int
    weights: int
    rows: int
    has_rest: bool

    @classmethod
    def of(cls, model: keras.Model, rows: int, *, has_rest: bool) -> "TrainingSize":
        """Returns the size of a training of a model that is built."""
        shapes = [v.shape for v in model.trainable_variables]
        weights = sum(math.prod(shape) for shape in shapes)
        return cls(len(shapes), _repeats(model), weights, rows, has_rest)


def xla_pays(size: TrainingSize, steps: int, speed: Speed, *, is_compiled: bool) -> bool:
    """Whether XLA takes no longer than a graph, or hardly longer, from the first call on.

    Args:
        size: Size of the training.
        steps: Number of steps.
        speed: Speed of the machine.
        is_compiled: Whether the program only has to be loaded.
    """
    kernels = (_KERNELS + size.variables) * (_REMAINDER if size.has_rest else 1)
    compiling = speed.compiling * _KERNEL * kernels * (_LOADING if is_compiled else 1)
    operations = speed.step * (_STEP + _VARIABLE * size.variables * size.repeats)
    arithmetic = speed.weight * _WEIGHT * size.weights * size.repeats * size.rows / 32
    saved = steps * (operations + arithmetic)
    return compiling <= saved + _TOLERANCE_SECONDS


def _repeats(model: keras.Model) -> int:
    recurrent = (keras.layers.RNN, keras.layers.Bidirectional)
    if not any(isinstance(layer, recurrent) for layer in all_layers(model)):
        return 1
    shape = model.inputs[0].shape if is_symbolic(model) else ()
    return shape[1] or _UNKNOWN_LENGTH if len(shape) > 1 else _UNKNOWN_LENGTH
