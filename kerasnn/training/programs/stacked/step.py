"""Stacked variables of several members, and the step that all of them make at once."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._core.model import structure
from kerasnn.training.inputs.tensors import show_none
from kerasnn.training.programs.hyperparameters import Hyperparameter, in_place
from kerasnn.training.programs.stacked.optimizer import StackedOptimizer
from kerasnn.training.programs.train_step import Logs


@dataclasses.dataclass(frozen=True)
class StepKind:
    """What a trace of steps does.

    Attributes:
        training: Whether it trains, or evaluates on the validation rows.
        everyone: Whether all members take part in all steps, and learn.
        is_seen: Whether the outputs and penalties of the last step are returned.
    """

    training: bool
    everyone: bool
    is_seen: bool


class Network:
    """What all members of a stack have in common.

    Args:
        model: The first of the models, which has all its variables, those of metrics too.
        data: Rows by whether they are trained on, as Keras packs them, in tensors.
        hyperparameters: The numbers that differ between the models.
        learns_or_not: Whether steps that train, of which the new weights are dropped, evaluate.
    """

    def __init__(
        self,
        model: Any,
        data: dict[bool, Any],
        hyperparameters: Sequence[Hyperparameter],
        learns_or_not: bool,
    ) -> None:
        self.model, self.data, self.hyperparameters = model, data, hyperparameters
        self.learns_or_not = learns_or_not
        # Keras looks for them in all layers at each request.
        self.trained = model.trainable_variables
        self.untrained = other_variables(model)
        self.metrics = model.metrics_variables
        self.shapes = [tuple(v.shape) for v in self.trained]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self._compares_largest = _compares_largest(model)

    def kind(self, training: bool, everyone: bool) -> StepKind:
        """Returns the kind of steps that train or evaluate."""
        if self.learns_or_not and not training:
            return self.kind(True, False)
        is_seen = not training or (self.learns_or_not and not everyone)
        return StepKind(training, everyone, is_seen)

    def predictions(self, outputs: Any) -> Any:
        """Returns the outputs for metrics; if these look for the largest alone, where that is.

        In a tensor of floats Keras looks for the largest by an operation that TensorFlow cannot
        vectorise.
        """
        if not self._compares_largest:
            return outputs
        return tf.cast(outputs == tf.reduce_max(outputs, -1, keepdims=True), tf.int32)


class StackedStep:
    """Makes steps of some members, whose trainable weights are the rows of a matrix.

    Keras's own call, loss and metrics of the first model run on the weights of each member
    (`keras.StatelessScope`), for all members at once (`tf.vectorized_map`), and Keras's own
    optimizer on the matrix.

    Args:
        network: What the members have in common.
        models: Their models.
        starts: The models whose variables they start with.
        members: Their numbers among the members of the whole stack.

    Attributes:
        weights: The matrix.
        others: The stacked variables that are not trained.
        optimizer: The optimizer.
        changed: Indices of the `others` that steps change; known when steps were traced.
    """

    def __init__(
        self,
        network: Network,
        models: Sequence[Any],
        starts: Sequence[Any],
        members: np.ndarray,
    ) -> None:
        self._network, self._count = network, len(models)
        weights, others = stacked(starts)
        self.weights = keras.Variable(weights)
        self.others = [tf.Variable(tf.convert_to_tensor(values)) for values in others]
        self._fresh_metrics = [tf.stack([v.value] * len(models)) for v in network.metrics]
        self._metrics = [tf.Variable(value) for value in self._fresh_metrics]
        self._numbers = [
            tf.Variable(tf.constant(h.values[members])) for h in network.hyperparameters
        ]
        names = [v.name for v in network.trained]
        optimizers = [model.optimizer for model in models]
        self.optimizer = StackedOptimizer(optimizers, self.weights, network.sizes, names)
        self.changed: set[int] = set()

    @property
    def state(self) -> list[tf.Variable]:
        """The variables that last: weights, steps, the optimizer's state, others."""
        own = [self.weights, self.optimizer.counts, *self.optimizer.slots]
        return [*(v.value for v in own), *self.others]

    @property
    def variables(self) -> list[tf.Variable]:
        """All variables that steps read."""
        return [*self.state, *self._metrics, *self._numbers, self.optimizer.rates]

    def reset_metrics(self) -> None:
        """Starts the metrics anew."""
        for variable, value in zip(self._metrics, self._fresh_metrics, strict=True):
            variable.assign(value)

    def run(self, order: tf.Tensor, active: tf.Tensor, learns: tf.Tensor, kind: StepKind) -> Any:
        """Makes some steps.

        Args:
            order: Rows of each batch, `(steps, members, batch)`.
            active: Whether a member takes part, `(members,)`; the others stay as they are.
            learns: Whether those that take part change other variables than those of metrics.
            kind: Kind of the steps.

        Returns:
            Logs by name, each with one entry a member; for each member whether its weights and loss
            are finite; and where that is seen, the outputs of the last step, `(members, batch,
            ...)`, and the penalties in its loss, `(members,)`.
        """

        def step(i: Any, _: Any) -> Any:
            if kind.everyone:
                return i + 1, self._step(order[i], kind)
            return i + 1, self._step_of_some(order[i], active, learns, kind)

        seen, shapes = self._nothing_seen() if kind.is_seen else ((), ())
        seen = tf.while_loop(
            lambda i, _: i < tf.shape(order)[0],
            step,
            (0, seen),
            shape_invariants=(tf.TensorShape(()), shapes),
        )[1]
        logs = self._logs()
        return logs, self._finite(logs), seen

    def _nothing_seen(self) -> Any:
        """Returns outputs and penalties of no step, and the shapes that those of steps have."""
        outputs = keras.tree.map_structure(
            lambda t: tf.zeros((self._count, *[0] * len(t.shape)), t.dtype),
            structure(self._network.model, "output"),
        )
        seen = outputs, tf.zeros((self._count,))
        shapes = tf.nest.map_structure(
            lambda t: tf.TensorShape([self._count, *[None] * (len(t.shape) - 1)]), seen
        )
        return seen, shapes

    def _logs(self) -> Logs:
        return tf.vectorized_map(self._results, [v.value() for v in self._metrics])

    def _step_of_some(
        self, rows: tf.Tensor, active: tf.Tensor, learns: tf.Tensor, kind: StepKind
    ) -> Any:
        """Runs a step; members that do not take part stay as they are."""
        taught = tf.logical_and(active, learns)
        variables = [(v, taught) for v in (self.state if kind.training else [])]
        variables += [(v, active) for v in self._metrics]
        before = [v.value() for v, _ in variables]
        seen = self._step(rows, kind)
        for (variable, changes), old in zip(variables, before, strict=True):
            chosen = tf.reshape(changes, [-1, *[1] * (len(old.shape) - 1)])
            variable.assign(tf.where(chosen, variable.value(), old))
        return seen

    def _step(self, rows: tf.Tensor, kind: StepKind) -> Any:
        """Runs a step; returns what is seen: the outputs and penalties of all members."""
        data = self._network.data[kind.training]
        batch = tf.nest.map_structure(lambda t: tf.gather(t, rows), data)
        stateful = [*self.others, *self._metrics]
        changed: list[int] = []

        def member(arguments: Any) -> Any:
            return self._member(arguments, kind, changed)

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            weights = self.weights.value.value()
            tape.watch(weights)
            numbers = [v.value() for v in self._numbers]
            given = (weights, [v.value() for v in stateful], numbers, batch)
            # Operations that TensorFlow cannot vectorise, such as the random numbers of Keras's
            # layers, run member by member.
            losses, new, seen = tf.vectorized_map(member, given, fallback_to_while_loop=True)
            loss = tf.reduce_sum(losses)
        if kind.training:
            self.optimizer.update(
                tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            )
        for i, value in zip(changed, new, strict=True):
            stateful[i].assign(value)
        if kind.training:
            self.changed |= {i for i in changed if i < len(self.others)}
        return seen

    def _member(self, arguments: Any, kind: StepKind, changed: list[int]) -> Any:
        """Returns a member's loss, the new values of what has changed, outputs and penalties."""
        weights, given, numbers, batch = arguments
        network, training = self._network, kind.training
        model = network.model
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(show_none(batch))
        parts = tf.split(weights, network.sizes)
        parts = [tf.reshape(p, s) for p, s in zip(parts, network.shapes, strict=True)]
        stateful = [*network.untrained, *network.metrics]
        mapping = [
            *zip(network.trained, parts, strict=True),
            *zip(stateful, given, strict=True),
        ]
        count = tf.shape(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None))[0]
        scope = keras.StatelessScope(state_mapping=mapping, collect_losses=True)
        with in_place(network.hyperparameters, numbers), scope:
            outputs = model(x, training=training)
            loss = model.compute_loss(
                x=x, y=y, y_pred=outputs, sample_weight=sample_weight, training=training
            )
            model.metrics[0].update_state(loss, sample_weight=count)
            model.compute_metrics(x, y, network.predictions(outputs), sample_weight)
            values: list[Any] = [scope.get_current_value(v) for v in stateful]
            seen: Any = ()
            if kind.is_seen:
                seen = outputs, tf.add_n([tf.zeros(()), *model.losses])
        changed[:] = [i for i, value in enumerate(values) if value is not given[i]]
        return loss, [tf.convert_to_tensor(values[i]) for i in changed], seen

    def _results(self, values: Any) -> Logs:
        mapping = list(zip(self._network.metrics, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            results = self._network.model.get_metrics_result()
        return {name: tf.convert_to_tensor(value) for name, value in results.items()}

    def _finite(self, logs: Logs) -> tf.Tensor:
        values = [self.weights.value.value(), logs["loss"]]
        values += [v.value() for v in self.others if v.dtype.is_floating]
        rows = [tf.reshape(tf.math.is_finite(v), [self._count, -1]) for v in values]
        return tf.reduce_all(tf.concat(rows, 1), 1)


def _compares_largest(model: Any) -> bool:
    """Whether all metrics compare the index of the largest output with a class number."""
    outputs = model.outputs
    groups = [getattr(metric, "metrics", [metric]) for metric in model.metrics[1:]]
    kinds = {type(metric) for group in groups for metric in group}
    one_row = len(outputs) == 1 and len(outputs[0].shape) == 2 and outputs[0].shape[-1] > 1
    return one_row and kinds == {keras.metrics.SparseCategoricalAccuracy}


def stacked(models: Sequence[Any]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns the weights of models, one a row, and their other variables, stacked."""
    each = {id(m): m for m in models}
    weights = {
        i: np.concatenate([v.numpy().ravel() for v in m.trainable_variables])
        for i, m in each.items()
    }
    others = {i: [v.numpy() for v in other_variables(m)] for i, m in each.items()}
    by_variable = zip(*(others[id(m)] for m in models), strict=True)
    return np.stack([weights[id(m)] for m in models]), [np.stack(same) for same in by_variable]


def other_variables(model: Any) -> list[Any]:
    """Returns the variables of a model that are not trained, seeds among them."""
    trained = set(map(id, model.trainable_variables))
    found: dict[int, Any] = {}
    for variable in itertools.chain(model.variables, model.non_trainable_variables):
        if id(variable) not in trained:
            found.setdefault(id(variable), variable)
    return list(found.values())
