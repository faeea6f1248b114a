"""Program that trains several models of one architecture at once, over stacked weights."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import layers
from kerasnn._core.model import all_layers
from kerasnn.training.inputs.tensors import as_tensors, hide_none
from kerasnn.training.programs.graph_program import GraphProgram, is_small
from kerasnn.training.programs.hyperparameters import Hyperparameter
from kerasnn.training.programs.stacked.optimizer import are_equal
from kerasnn.training.programs.stacked.program_on_cores import ProgramOnCores
from kerasnn.training.programs.stacked.step import (
    Network,
    StackedStep,
    StepKind,
    other_variables,
    stacked,
)
from kerasnn.training.programs.tracing import paused_garbage_collection
from kerasnn.training.programs.train_step import Logs

# Products of a weight and a row in one step of some members, with which it takes about twice as
# long as the operations for it without them.
_CORE_PRODUCTS = 1 << 20

_L = keras.layers
# Layers that do the same in training and in inference.
_PLAIN = (
    *(keras.Sequential, keras.Model, _L.InputLayer, _L.Dense, _L.EinsumDense, _L.Activation),
    *(_L.ReLU, _L.LeakyReLU, _L.PReLU, _L.ELU, _L.Softmax, _L.Rescaling),
    *(_L.LayerNormalization, _L.RMSNormalization, _L.UnitNormalization),
    *(_L.Flatten, _L.Reshape, _L.Add, _L.Concatenate, layers.Standardize),
)


class StackedProgram:
    """Runs steps of all members of a stack inside one TensorFlow graph.

    The members are divided evenly among the cores, where steps are long enough. One graph is traced
    for all parts.

    Args:
        models: Compiled Keras models of one architecture; the first one has all its variables,
            those of metrics too.
        starts: The models whose variables the members start with; mostly the same.
        train: Training rows as Keras packs them.
        validation: Validation rows as Keras packs them, or None.
        hyperparameters: The numbers that differ between the models.
        batch_size: Number of rows in a batch.
        one_trace: Whether to evaluate by the trace that trains, where the rows are the same and no
            layer does something else in training. It saves a trace, and steps take longer.
    """

    def __init__(
        self,
        models: Sequence[Any],
        starts: Sequence[Any],
        train: Any,
        validation: Any,
        hyperparameters: Sequence[Hyperparameter],
        batch_size: int,
        *,
        one_trace: bool,
    ) -> None:
        self._models = models
        tensors = as_tensors(hide_none(train))
        is_same = _are_equal(train, validation)
        data = {True: tensors, False: tensors if is_same else as_tensors(hide_none(validation))}
        learns_or_not = one_trace and is_same and all(map(_is_plain, all_layers(models[0])))
        self._network = Network(models[0], data, hyperparameters, learns_or_not)
        # Keras looks for them in all layers at each request.
        self._trained = [model.trainable_variables for model in models]
        self._untrained = [other_variables(model) for model in models]
        products = len(models) * sum(self._network.sizes) * batch_size
        self._cores = cores_of(models[0], products)
        divides = self._cores > 1 and are_equal([model.optimizer for model in models])
        self._parts = _parts(len(models), self._cores if divides else 1)
        self._steps = [
            StackedStep(self._network, [models[i] for i in own], [starts[i] for i in own], own)
            for own in self._parts
        ]
        self._programs: dict[StepKind, Callable[..., list[Any]]] = {}

    @property
    def size(self) -> int:
        """The number of weights of all members."""
        return len(self._models) * sum(self._network.sizes)

    def __call__(
        self,
        order: np.ndarray,
        active: np.ndarray,
        *,
        training: bool,
        one_trace: bool = False,
    ) -> tuple[Logs, np.ndarray, Any]:
        """Runs some steps.

        Args:
            order: Rows of each batch, `(steps, members, batch)`.
            active: Whether a member takes part, `(members,)`; the others stay as they are.
            training: Whether to train, or to evaluate on the validation rows.
            one_trace: Whether steps of all members run the trace for those of some, which takes
                longer to run.

        Returns:
            Logs by name, each with one entry a member; for each member whether its weights and loss
            are finite; and unless it trains, the outputs of the last step, `(members, batch, ...)`,
            and the penalties in its loss, `(members,)`.
        """
        kind = self._network.kind(training, bool(active.all()) and not one_trace)
        if kind not in self._programs:
            self._programs[kind] = self._trace(kind)
        learns = tf.constant(training)
        found = self._programs[kind](
            *(
                (tf.constant(order[:, own], tf.int32), tf.constant(active[own]), learns)
                for own in self._parts
            )
        )
        return tf.nest.map_structure(lambda *parts: self._joined(parts), *found)

    def read(self, members: Sequence[int]) -> None:
        """Reads the variables of some models again, except for those of their optimizers."""
        if not members:
            return
        weights, others = stacked([self._models[i] for i in members])
        for step, own in zip(self._steps, self._parts, strict=True):
            places = [int(np.flatnonzero(own == i)[0]) for i in members if i in own]
            rows = [row for row, i in enumerate(members) if i in own]
            variables = [step.weights.value, *step.others]
            for variable, values in zip(variables, [weights, *others], strict=True):
                array = variable.numpy()
                array[places] = values[rows]
                variable.assign(array)

    def read_rates(self, members: Sequence[int]) -> None:
        """Reads the learning rates of some members again, which callbacks may have set."""
        for step, own in zip(self._steps, self._parts, strict=True):
            step.optimizer.read_rates([i for i, member in enumerate(own) if member in members])

    def reset_metrics(self) -> None:
        """Starts the metrics anew."""
        for step in self._steps:
            step.reset_metrics()

    def state(self) -> list[tf.Tensor]:
        """Returns a snapshot of all members, without metrics."""
        each = [[v.value() for v in step.state] for step in self._steps]
        if len(each) == 1:
            return each[0]
        return [tf.concat(same, 0)[: len(self._models)] for same in zip(*each, strict=True)]

    def write(self, member: int, state: Sequence[np.ndarray], *, optimizer: bool = True) -> None:
        """Writes the state of one member into its model.

        Args:
            member: Number of the member.
            state: A snapshot, as NumPy arrays.
            optimizer: Whether its optimizer gets its state too.
        """
        weights, count, *more = (array[member] for array in state)
        first = self._steps[0]
        slots, others = more[: len(first.optimizer.slots)], more[len(first.optimizer.slots) :]
        parts = self._split(weights)
        for variable, part in zip(self._trained[member], parts, strict=True):
            variable.assign(part)
        for i in first.changed:
            self._untrained[member][i].assign(others[i])
        if optimizer:
            first.optimizer.write(self._models[member].optimizer, count, slots)

    def weights(self, member: int, state: Sequence[np.ndarray]) -> list[tuple[Any, np.ndarray]]:
        """Returns the weights of one member in a snapshot, in the order of its model's.

        Args:
            member: Number of the member.
            state: A snapshot, as NumPy arrays.

        Returns:
            Pairs of a variable and a copy of its value.
        """
        others = state[len(state) - len(self._untrained[member]) :]
        values = {
            id(variable): value
            for variables, parts in (
                (self._trained[member], self._split(state[0][member].copy())),
                (self._untrained[member], [np.copy(other[member]) for other in others]),
            )
            for variable, value in zip(variables, parts, strict=True)
        }
        return [(v, values[id(v)]) for v in self._models[member].weights]

    def not_finite(self, member: int, state: Sequence[np.ndarray]) -> list[str]:
        """Returns the paths of the weights of one member that are not finite; else the loss."""
        values = self.weights(member, state)
        wrong = [v.path for v, a in values if a.dtype.kind == "f" and not np.isfinite(a).all()]
        return wrong or ["loss"]

    def _split(self, weights: np.ndarray) -> list[np.ndarray]:
        parts = np.split(weights, np.cumsum(self._network.sizes)[:-1])
        return [p.reshape(shape) for p, shape in zip(parts, self._network.shapes, strict=True)]

    def _joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Returns one array of all members."""
        return parts[0] if len(parts) == 1 else np.concatenate(parts)[: len(self._models)]

    def _trace(self, kind: StepKind) -> Callable[..., list[Any]]:
        first, members = self._steps[0], len(self._parts[0])

        def run(order: Any, active: Any, learns: Any) -> Any:
            return first.run(order, active, learns, kind)

        signature = [
            tf.TensorSpec((None, members, None), tf.int32),
            tf.TensorSpec((members,), tf.bool),
            tf.TensorSpec((), tf.bool),
        ]
        with _quiet(), paused_garbage_collection():
            if is_small(self._models[0]):
                sets = [step.variables for step in self._steps]
                return ProgramOnCores(run, signature, sets, cores=self._cores // len(sets))
            nobody = tf.zeros((members,), tf.bool)
            example = (tf.zeros((0, members, 1), tf.int32), nobody, tf.constant(False))
            program = GraphProgram(self._models[0], run, signature, example)
        return lambda args: [tf.nest.map_structure(lambda t: t.numpy(), program(*args))]


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two structures hold the same numbers."""
    parts = [keras.tree.flatten(hide_none(nest)) for nest in (one, other)]
    return len(parts[0]) == len(parts[1]) and all(
        a is b or (a.dtype == b.dtype and np.array_equal(a, b)) for a, b in zip(*parts, strict=True)
    )


def _is_plain(layer: Any) -> bool:
    """Whether a layer is known to do the same in training and in inference."""
    return type(layer) in _PLAIN


def cores_of(model: Any, products: int) -> int:
    """Returns the number of cores that a step with so many products makes good use of."""
    if not is_small(model):
        return 1  # TensorFlow divides its operations among all cores.
    limit = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
    return max(1, min(limit, products // _CORE_PRODUCTS))


def _parts(count: int, parts: int) -> list[np.ndarray]:
    """Returns the members of each of about so many parts of one size.

    Where the members do not suffice, the last part has the last member several times.
    """
    size = -(-count // parts)
    return [
        np.minimum(np.arange(start, start + size), count - 1) for start in range(0, count, size)
    ]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leaves out TensorFlow's notes on operations that run member by member."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
