"""One of Keras's optimizers over the stacked weights of several members."""

import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._core.optimizers import schedule_of
from kerasnn.optimizers import AdamW
from kerasnn.schedules.schedule import Schedule

# Optimizers that treat each weight by itself, and their numbers that may differ by member.
_NUMBERS: dict[type, tuple[str, ...]] = {
    keras.optimizers.SGD: ("momentum",),
    keras.optimizers.RMSprop: ("rho", "momentum", "epsilon"),
    keras.optimizers.Adam: ("beta_1", "beta_2", "epsilon"),
    keras.optimizers.AdamW: ("beta_1", "beta_2", "epsilon"),
    AdamW: ("beta_1", "beta_2", "epsilon"),
    keras.optimizers.Adamax: ("beta_1", "beta_2", "epsilon"),
    keras.optimizers.Adagrad: ("epsilon",),
    keras.optimizers.Adadelta: ("rho", "epsilon"),
    keras.optimizers.Lion: ("beta_1", "beta_2"),
}
# What looks at all entries of a weight, at several weights, or at several steps.
_WHOLE = ("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps")


def why_not_by_weight(optimizer: Any) -> str | None:
    """Returns why an optimizer cannot train stacked weights, or None if it can."""
    kind = type(optimizer)
    if kind not in _NUMBERS:
        return f"the optimizer `{kind.__name__}` is not known to treat each weight by itself"
    for name in _WHOLE:
        if getattr(optimizer, name):
            return f"`{name}` of the optimizer looks at more than one weight or step"
    if optimizer.loss_scale_factor:
        return "the optimizer scales the loss"
    rate = optimizer.get_config()["learning_rate"]
    if isinstance(rate, dict) and not _is_known(rate):
        return "the learning rate follows a schedule that is neither Keras's nor kerasnn's"
    if optimizer.weight_decay and _excludes(optimizer):
        return "`exclude_from_weight_decay` chooses among the weights"
    return None


def constants(optimizer: Any) -> str:
    """Returns, as text, what the optimizers of all members of a stack have in common."""
    config = optimizer.get_config()
    kept = {name: value for name, value in config.items() if not _may_differ(optimizer, name)}
    kept["learning_rate"] = isinstance(config["learning_rate"], dict)
    # Without momentum there are other state variables.
    kept["has momentum"] = bool(config.get("momentum"))
    return type(optimizer).__name__ + json.dumps(kept, sort_keys=True, default=str)


def are_equal(optimizers: Sequence[Any]) -> bool:
    """Whether optimizers with equal `constants` differ in nothing else than learning rates."""
    first = optimizers[0]
    names = ("weight_decay", *_NUMBERS[type(first)])
    settings = {tuple(getattr(o, name) for name in names) for o in optimizers}
    return len(settings) == 1 and len(_schedules(optimizers)) < 2


class _ByMember(np.ndarray):
    """Numbers of the members in the place of one number, which optimizers compare with zero."""

    def __ne__(self, other: Any) -> bool:  # type: ignore[override]
        return bool((np.asarray(self) != other).all())

    def __gt__(self, other: Any) -> bool:  # type: ignore[override]
        return bool((np.asarray(self) > other).all())


class StackedOptimizer:
    """Calls `update_step` of one of Keras's optimizers on a matrix with one member a row.

    Learning rates, momentum and the like may differ by member, and so may the number of steps.

    Args:
        optimizers: Those of the members, equal in their `constants`.
        weights: The stacked weights, `(members, weights)`.
        sizes: Number of entries of each weight of a member.
        names: Name of each weight of a member.

    Attributes:
        counts: Number of steps of each member, `(members, 1)`.
        slots: The state variables, each of the shape of the weights.
        rates: The learning rates, `(members, 1)`.
    """

    def __init__(
        self,
        optimizers: Sequence[Any],
        weights: keras.Variable,
        sizes: Sequence[int],
        names: Sequence[str],
    ) -> None:
        first = optimizers[0]
        steps = np.array([[int(o.iterations.numpy())] for o in optimizers], np.int64)
        self.counts = keras.Variable(steps, dtype="int64", trainable=False)
        self._weights, self._members = weights, optimizers
        config = first.get_config()
        self._schedules = _schedules(optimizers)
        self.rates = tf.Variable(tf.zeros(steps.shape))
        self.read_rates(range(len(optimizers)))
        self._decay = _column(o.weight_decay or 0.0 for o in optimizers)
        if type(first) is AdamW:
            factors = [first.decay_factor(name) for name in names]
            self._decay = self._decay * np.repeat(factors, sizes).astype(np.float32)
        self._clip = first.clipvalue
        counts = self.counts

        class Stacked(type(optimizers[0])):
            @property
            def iterations(self) -> Any:
                return counts

        self._optimizer: Any = Stacked.from_config(
            # The decay of each member is a step of its own.
            {**config, "learning_rate": 0.0, "weight_decay": 0.0}
        )
        for name in _NUMBERS[type(first)]:
            column = _column(getattr(o, name) for o in optimizers)
            if (column != column[0]).any():
                setattr(self._optimizer, name, column.view(_ByMember))
        self.slots = _built(self._optimizer, [weights])
        self._slot_order = _slot_order(first, sizes) if any(o.built for o in optimizers) else []
        self._read_slots(sizes)

    def read_rates(self, members: Any) -> None:
        """Reads the learning rates of some members again, which callbacks may have set."""
        if not self._schedules:
            rates = self.rates.numpy()
            for i in members:
                rates[i] = float(self._members[i].learning_rate)
            self.rates.assign(rates)

    def update(self, gradient: tf.Tensor) -> None:
        """Makes one step of all members, as Keras's `apply` does."""
        if self._clip is not None:
            gradient = tf.clip_by_value(gradient, -self._clip, self._clip)
        rates: Any = self.rates.value()
        if self._schedules:
            steps = tf.cast(self.counts.value, tf.int64)[:, 0]
            parts = [
                tf.cast(tf.vectorized_map(schedule, tf.gather(steps, own)), tf.float32)
                for schedule, own in self._schedules
            ]
            rates = tf.dynamic_stitch([own for _, own in self._schedules], parts)[:, None]
        if self._decay.any():
            weights = self._weights.value
            weights.assign_sub(weights * self._decay * rates)
        self._optimizer.update_step(gradient, self._weights, rates)
        self.counts.assign_add(tf.ones_like(self.counts.value))

    def write(self, optimizer: Any, count: np.ndarray, slots: Sequence[np.ndarray]) -> None:
        """Writes the state of one member into its optimizer, unless that has none yet."""
        if not optimizer.built:
            return
        optimizer.iterations.assign(count[0])
        for variable, (kind, part) in zip(_slots_of(optimizer), self._slot_order, strict=True):
            variable.assign(slots[kind][part].reshape(variable.shape))

    def _read_slots(self, sizes: Sequence[int]) -> None:
        values = [slot.numpy() for slot in self.slots]
        for i, optimizer in enumerate(self._members):
            for variable, (kind, part) in zip(
                _slots_of(optimizer) if optimizer.built else [], self._slot_order, strict=False
            ):
                values[kind][i, part] = variable.numpy().ravel()
        for slot, value in zip(self.slots if self._slot_order else [], values, strict=False):
            slot.assign(value)


def _is_known(schedule: dict[str, Any]) -> bool:
    """Whether a schedule, as a configuration, is one of Keras's or kerasnn's."""
    registered = str(schedule.get("registered_name") or "")
    return (
        schedule.get("module") == "keras.optimizers.schedules"
        or registered.partition(">")[0] == "kerasnn"
    )


def _schedules(optimizers: Sequence[Any]) -> list[tuple[Any, list[int]]]:
    """Returns each schedule with the members that follow it; nothing where rates are numbers."""
    found: dict[str, tuple[Any, list[int]]] = {}
    for i, optimizer in enumerate(optimizers):
        schedule = schedule_of(optimizer)
        if schedule is not None:
            # Schedules that last as long as training differ where members have other rows.
            key = json.dumps([optimizer.get_config()["learning_rate"], _length(schedule)])
            found.setdefault(key, (schedule, []))[1].append(i)
    return list(found.values())


def _length(schedule: Any) -> Any:
    return schedule.length if isinstance(schedule, Schedule) else None


def _may_differ(optimizer: Any, name: str) -> bool:
    return name in ("name", "weight_decay", *_NUMBERS[type(optimizer)])


def _column(numbers: Any) -> np.ndarray:
    return np.array([[float(number)] for number in numbers], np.float32)


def _excludes(optimizer: Any) -> bool:
    """Whether weights were excluded from weight decay, which adds attributes to an optimizer."""
    return any(
        name.startswith("_exclude_from_weight_decay")
        and not name.endswith("_cache")
        and bool(value)
        for name, value in vars(optimizer).items()
    )


def _built(optimizer: Any, weights: list[Any]) -> list[Any]:
    """Builds an optimizer; returns the variables that this has made."""
    before = set(map(id, optimizer.variables))
    optimizer.build(weights)
    return [v for v in optimizer.variables if id(v) not in before]


def _slots_of(optimizer: Any) -> list[Any]:
    """Returns the state variables of an optimizer, without its step count and learning rate."""
    fresh = type(optimizer).from_config(optimizer.get_config())
    return optimizer.variables[len(fresh.variables) :]


def _slot_order(optimizer: Any, sizes: Sequence[int]) -> list[tuple[int, slice]]:
    """Returns for each state variable of a member's optimizer its kind and place in the stack."""
    config = optimizer.get_config()
    probe = type(optimizer).from_config(config)
    weights = [keras.Variable(np.zeros(i + 1, np.float32)) for i in range(len(sizes))]
    ends = np.cumsum(sizes)
    seen, order = [0] * len(sizes), []
    for slot in _built(probe, weights):
        i = slot.shape[0] - 1
        order.append((seen[i], slice(int(ends[i]) - sizes[i], int(ends[i]))))
        seen[i] += 1
    return order
