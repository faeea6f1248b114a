"""Program that trains several models of one architecture at once, over stacked weights."""

import contextlib
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
from kerasnn.training.programs.train_step import Logs


class StackedProgram:
    """Runs steps of all members of a stack inside one TensorFlow graph.

    The trainable weights of a member are one row of a matrix. Keras's own call, loss and metrics of
    the first model run on the weights of each member (`keras.StatelessScope`), for all members at
    once (`tf.vectorized_map`), and Keras's own optimizer on the matrix.

    Args:
        models: Compiled Keras models of one architecture; the first one has all its variables,
            those of metrics too.
        train: Training rows as Keras packs them.
        validation: Validation rows as Keras packs them, or None.
        hyperparameters: The numbers that differ between the models.
    """

    def __init__(
        self,
        models: Sequence[Any],
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
        rows = [np.concatenate([v.numpy().ravel() for v in one]) for one in self._trained]
        self._weights = keras.Variable(np.stack(rows))
        self._others = [
            tf.Variable(tf.stack([v.value for v in same]))
            for same in zip(*self._untrained, strict=True)
        ]
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

    def __call__(
        self, order: np.ndarray, active: np.ndarray, *, fresh: bool, training: bool
    ) -> tuple[Logs, np.ndarray]:
        """Runs some steps.

        Args:
            order: Rows of each batch, `(steps, members, batch)`.
            active: Whether a member takes part, `(members,)`; the others stay as they are.
            fresh: Whether metrics start anew.
            training: Whether to train, or to evaluate on the validation rows.

        Returns:
            Logs by name, each with one entry a member; and for each member whether its weights
            and loss are finite.
        """
        key = training, bool(active.all())
        if key not in self._programs:
            self._programs[key] = self._trace(*key)
        logs, finite = self._programs[key](
            tf.constant(order, tf.int32), tf.constant(active), tf.constant(fresh)
        )
        return {name: value.numpy() for name, value in logs.items()}, finite.numpy()

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
            tf.TensorSpec((), tf.bool),
        ]
        example = (tf.zeros((0, members, 1), tf.int32), tf.ones((members,), tf.bool), False)

        def run(order: Any, active: Any, fresh: Any) -> Any:
            def reset() -> int:
                for variable, value in zip(self._metrics, self._fresh_metrics, strict=True):
                    variable.assign(value)
                return 0

            def step(i: Any) -> Any:
                if everyone:
                    self._step(order[i], training)
                else:
                    self._step_of_some(order[i], active, training)
                return (i + 1,)

            tf.cond(fresh, reset, lambda: 0)
            tf.while_loop(lambda i: i < tf.shape(order)[0], step, (0,))
            logs = tf.vectorized_map(self._results, [v.value() for v in self._metrics])
            return logs, self._finite(logs)

        with _quiet():
            return GraphProgram(self._model, run, signature, tuple(map(tf.constant, example)))

    def _step_of_some(self, rows: tf.Tensor, active: tf.Tensor, training: bool) -> None:
        """Runs a step; members that do not take part stay as they are."""
        variables = [*(self._variables() if training else []), *self._metrics]
        before = [v.value() for v in variables]
        self._step(rows, training)
        for variable, old in zip(variables, before, strict=True):
            chosen = tf.reshape(active, [-1, *[1] * (len(old.shape) - 1)])
            variable.assign(tf.where(chosen, variable.value(), old))

    def _step(self, rows: tf.Tensor, training: bool) -> None:
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
            losses, new = tf.vectorized_map(member, given, fallback_to_while_loop=True)
            loss = tf.reduce_sum(losses)
        if training:
            self.optimizer.update(
                tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            )
        for i, value in zip(changed, new, strict=True):
            stateful[i].assign(value)
        if training:
            self._changed_others |= {i for i in changed if i < len(self._others)}

    def _member(self, arguments: Any, training: bool, changed: list[int]) -> Any:
        """Returns the loss of one member on its batch, and the new values of what has changed."""
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
        changed[:] = [i for i, value in enumerate(values) if value is not given[i]]
        return loss, [tf.convert_to_tensor(values[i]) for i in changed]

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
