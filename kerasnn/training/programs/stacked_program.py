"""Program that trains several models of one architecture at once, over stacked weights."""

import contextlib
import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.training.inputs.tensors import as_tensors, hide_none, show_none
from kerasnn.training.programs.graph_program import GraphProgram
from kerasnn.training.programs.hyperparameters import Hyperparameter, in_place
from kerasnn.training.programs.stacked_optimizer import StackedOptimizer
from kerasnn.training.programs.tracing import paused_garbage_collection
from kerasnn.training.programs.train_step import Logs


class StackedProgram:
    """Runs steps of all members of a stack inside one TensorFlow graph.

    The trainable weights of a member are one row of a matrix. Keras's own call, loss and metrics of
    the first model run on the weights of each member (`keras.StatelessScope`), for all members at
    once (`tf.vectorized_map`), and Keras's own optimizer on the matrix.

    Args:
        models: Compiled Keras models of one architecture; the first one has all its variables,
            those of metrics too.
        starts: The models whose variables the members start with; mostly the same.
        train: Training rows as Keras packs them.
        validation: Validation rows as Keras packs them, or None.
        hyperparameters: The numbers that differ between the models.
    """

    def __init__(
        self,
        models: Sequence[Any],
        starts: Sequence[Any],
        train: Any,
        validation: Any,
        hyperparameters: Sequence[Hyperparameter],
    ) -> None:
        self._models, self._model = models, models[0]
        self._data = {
            True: as_tensors(hide_none(train)),
            False: as_tensors(hide_none(validation)),
        }
        self._hyperparameters = hyperparameters
        self._numbers = [tf.constant(h.values) for h in hyperparameters]
        # Keras looks for them in all layers at each request.
        self._trained = [model.trainable_variables for model in models]
        self._untrained = [_other_variables(model) for model in models]
        self._sizes = [math.prod(v.shape) for v in self._trained[0]]
        self._shapes = [tuple(v.shape) for v in self._trained[0]]
        weights, others = _stacked(starts)
        self._weights = keras.Variable(weights)
        self._others = [tf.Variable(tf.convert_to_tensor(values)) for values in others]
        self._changed_others: set[int] = set()
        self._metric_variables = self._model.metrics_variables
        self._fresh_metrics = [tf.stack([v.value] * len(models)) for v in self._metric_variables]
        self._metrics = [tf.Variable(value) for value in self._fresh_metrics]
        self.optimizer = StackedOptimizer(
            [model.optimizer for model in models],
            self._weights,
            self._sizes,
            [v.name for v in self._trained[0]],
        )
        self._programs: dict[tuple[bool, bool], GraphProgram] = {}

    @functools.cached_property
    def _tester(self) -> GraphProgram:
        return self._trace_test()

    @property
    def size(self) -> int:
        """The number of weights of all members."""
        return math.prod(self._weights.shape)

    def __call__(
        self,
        order: np.ndarray,
        active: np.ndarray,
        *,
        training: bool,
        one_trace: bool = False,
    ) -> tuple[Logs, np.ndarray]:
        """Runs some steps.

        Args:
            order: Rows of each batch, `(steps, members, batch)`.
            active: Whether a member takes part, `(members,)`; the others stay as they are.
            training: Whether to train, or to evaluate on the validation rows.
            one_trace: Whether steps of all members run the trace for those of some, which takes
                longer to run.

        Returns:
            Logs by name, each with one entry a member; and for each member whether its weights
            and loss are finite.
        """
        key = training, bool(active.all()) and not one_trace
        if key not in self._programs:
            self._programs[key] = self._trace(*key)
        logs, finite = self._programs[key](tf.constant(order, tf.int32), tf.constant(active))
        return {name: value.numpy() for name, value in logs.items()}, finite.numpy()

    def test(self, rows: np.ndarray, active: np.ndarray) -> tuple[Logs, Any, Any]:
        """Evaluates one batch of each member on the validation rows.

        Args:
            rows: Rows of the batches, `(members, batch)`.
            active: Whether a member takes part, `(members,)`.

        Returns:
            Logs by name, each with one entry a member; the outputs, `(members, batch, ...)`; and
            the sum of the penalties in the loss on this batch, `(members,)`.
        """
        found = self._tester(tf.constant(rows, tf.int32), tf.constant(active))
        logs, outputs, penalties = tf.nest.map_structure(lambda t: t.numpy(), found)
        return logs, outputs, penalties

    def read(self, members: Sequence[int]) -> None:
        """Reads the variables of some models again, except for those of their optimizers."""
        if not members:
            return
        weights, others = _stacked([self._models[i] for i in members])
        for variable, values in zip(
            [self._weights, *self._others], [weights, *others], strict=True
        ):
            stacked = variable.numpy()
            stacked[members] = values
            variable.assign(stacked)

    def reset_metrics(self) -> None:
        """Starts the metrics anew."""
        for variable, value in zip(self._metrics, self._fresh_metrics, strict=True):
            variable.assign(value)

    def state(self) -> list[tf.Tensor]:
        """Returns a snapshot of all members, without metrics."""
        return [v.value() for v in self._variables()]

    def write(self, member: int, state: Sequence[np.ndarray], *, optimizer: bool = True) -> None:
        """Writes the state of one member into its model.

        Args:
            member: Number of the member.
            state: A snapshot, as NumPy arrays.
            optimizer: Whether its optimizer gets its state too.
        """
        weights, counts, *more = state
        slots, others = more[: len(self.optimizer.slots)], more[len(self.optimizer.slots) :]
        parts = self._parts(weights[member])
        for variable, part in zip(self._trained[member], parts, strict=True):
            variable.assign(part)
        for i in self._changed_others:
            self._untrained[member][i].assign(others[i][member])
        if optimizer:
            self.optimizer.write(member, counts, slots)

    def weights(self, member: int, state: Sequence[np.ndarray]) -> list[tuple[Any, np.ndarray]]:
        """Returns the weights of one member in a snapshot, in the order of its model's.

        Args:
            member: Number of the member.
            state: A snapshot, as NumPy arrays.

        Returns:
            Pairs of a variable and a copy of its value.
        """
        others = state[len(state) - len(self._others) :]
        values = {
            id(variable): value
            for variables, parts in (
                (self._trained[member], self._parts(state[0][member].copy())),
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

    def _variables(self) -> list[tf.Variable]:
        """Returns the stacked variables: weights, steps, the optimizer's state, others."""
        own = [self._weights, self.optimizer.counts, *self.optimizer.slots]
        return [*(v.value for v in own), *self._others]

    def _parts(self, weights: np.ndarray) -> list[np.ndarray]:
        parts = np.split(weights, np.cumsum(self._sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def _trace(self, training: bool, everyone: bool) -> GraphProgram:
        members = len(self._models)
        signature = [
            tf.TensorSpec((None, members, None), tf.int32),
            tf.TensorSpec((members,), tf.bool),
        ]
        example = (tf.zeros((0, members, 1), tf.int32), tf.ones((members,), tf.bool))

        def run(order: Any, active: Any) -> Any:
            def step(i: Any) -> Any:
                if everyone:
                    self._step(order[i], training)
                else:
                    self._step_of_some(order[i], active, training)
                return (i + 1,)

            tf.while_loop(lambda i: i < tf.shape(order)[0], step, (0,))
            logs = self._logs()
            return logs, self._finite(logs)

        with _quiet(), paused_garbage_collection():
            return GraphProgram(self._model, run, signature, example)

    def _trace_test(self) -> GraphProgram:
        members = len(self._models)
        signature = [
            tf.TensorSpec((members, None), tf.int32),
            tf.TensorSpec((members,), tf.bool),
        ]
        example = (tf.zeros((members, 1), tf.int32), tf.zeros((members,), tf.bool))

        def run(rows: Any, active: Any) -> Any:
            outputs, penalties = self._step_of_some(rows, active, False)
            return self._logs(), outputs, penalties

        with _quiet(), paused_garbage_collection():
            return GraphProgram(self._model, run, signature, example)

    def _logs(self) -> Logs:
        return tf.vectorized_map(self._results, [v.value() for v in self._metrics])

    def _step_of_some(self, rows: tf.Tensor, active: tf.Tensor, training: bool) -> Any:
        """Runs a step; members that do not take part stay as they are."""
        variables = [*(self._variables() if training else []), *self._metrics]
        before = [v.value() for v in variables]
        seen = self._step(rows, training)
        for variable, old in zip(variables, before, strict=True):
            chosen = tf.reshape(active, [-1, *[1] * (len(old.shape) - 1)])
            variable.assign(tf.where(chosen, variable.value(), old))
        return seen

    def _step(self, rows: tf.Tensor, training: bool) -> Any:
        """Runs a step; returns, unless it trains, the outputs and penalties of all members."""
        batch = tf.nest.map_structure(lambda t: tf.gather(t, rows), self._data[training])
        stateful = [*self._others, *self._metrics]
        changed: list[int] = []

        def member(arguments: Any) -> Any:
            return self._member(arguments, training, changed)

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            weights = self._weights.value.value()
            tape.watch(weights)
            given = (weights, [v.value() for v in stateful], self._numbers, batch)
            # Operations that TensorFlow cannot vectorise, such as the random numbers of Keras's
            # layers, run member by member.
            losses, new, seen = tf.vectorized_map(member, given, fallback_to_while_loop=True)
            loss = tf.reduce_sum(losses)
        if training:
            self.optimizer.update(
                tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            )
        for i, value in zip(changed, new, strict=True):
            stateful[i].assign(value)
        if training:
            self._changed_others |= {i for i in changed if i < len(self._others)}
        return seen

    def _member(self, arguments: Any, training: bool, changed: list[int]) -> Any:
        """Returns a member's loss, the new values of what has changed, outputs and penalties."""
        weights, given, numbers, batch = arguments
        model = self._model
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(show_none(batch))
        parts = tf.split(weights, self._sizes)
        parts = [tf.reshape(p, s) for p, s in zip(parts, self._shapes, strict=True)]
        stateful = [*_other_variables(model), *self._metric_variables]
        mapping = [
            *zip(model.trainable_variables, parts, strict=True),
            *zip(stateful, given, strict=True),
        ]
        count = tf.shape(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None))[0]
        scope = keras.StatelessScope(state_mapping=mapping, collect_losses=True)
        with in_place(self._hyperparameters, numbers), scope:
            outputs = model(x, training=training)
            loss = model.compute_loss(
                x=x, y=y, y_pred=outputs, sample_weight=sample_weight, training=training
            )
            model.metrics[0].update_state(loss, sample_weight=count)
            model.compute_metrics(x, y, outputs, sample_weight)
            values: list[Any] = [scope.get_current_value(v) for v in stateful]
            seen = () if training else (outputs, tf.add_n([tf.zeros(()), *model.losses]))
        changed[:] = [i for i, value in enumerate(values) if value is not given[i]]
        return loss, [tf.convert_to_tensor(values[i]) for i in changed], seen

    def _results(self, values: Any) -> Logs:
        mapping = list(zip(self._metric_variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            results = self._model.get_metrics_result()
        return {name: tf.convert_to_tensor(value) for name, value in results.items()}

    def _finite(self, logs: Logs) -> tf.Tensor:
        values = [self._weights.value.value(), logs["loss"]]
        values += [v.value() for v in self._others if v.dtype.is_floating]
        rows = [tf.reshape(tf.math.is_finite(v), [len(self._models), -1]) for v in values]
        return tf.reduce_all(tf.concat(rows, 1), 1)


def _stacked(models: Sequence[Any]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns the weights of models, one a row, and their other variables, stacked."""
    each = {id(m): m for m in models}
    weights = {
        i: np.concatenate([v.numpy().ravel() for v in m.trainable_variables])
        for i, m in each.items()
    }
    others = {i: [v.numpy() for v in _other_variables(m)] for i, m in each.items()}
    by_variable = zip(*(others[id(m)] for m in models), strict=True)
    return np.stack([weights[id(m)] for m in models]), [np.stack(same) for same in by_variable]


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


def _other_variables(model: Any) -> list[Any]:
    """Returns the variables of a model that are not trained, seeds among them."""
    trained = set(map(id, model.trainable_variables))
    found: dict[int, Any] = {}
    for variable in itertools.chain(model.variables, model.non_trainable_variables):
        if id(variable) not in trained:
            found.setdefault(id(variable), variable)
    return list(found.values())
