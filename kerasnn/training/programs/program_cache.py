"""Cache of the compiled programs of a model, kept with it and released with it."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasnn._core.model import all_layers, kept
from kerasnn.training.programs.tracing import paused_garbage_collection


@dataclasses.dataclass(frozen=True)
class ProgramKey:
    """Key of a program: everything that it depends on besides the model.

    Attributes:
        kind: Which program it is, such as "xla" or "evaluate".
        data: Types of the data, as text.
        layout: Sizes that were traced into it.
        callbacks: `identities` of the callbacks that were traced into it.
    """

    kind: str
    data: str
    layout: tuple[Any, ...] = ()
    callbacks: tuple[int, ...] = ()


def identities(callbacks: Sequence[Any]) -> tuple[int, ...]:
    """Returns what tells callbacks apart, for a key.

    A program holds the callbacks that were traced into it, so that no other object can have their
    identity while the program is kept.
    """
    return tuple(map(id, callbacks))


class TrainingRecord:
    """Steps and failures since a model was compiled, by the shape of the training data.

    Attributes:
        steps_run: Number of steps.
        failures: Error of an attempt to compile a program.
    """

    def __init__(self) -> None:
        self.steps_run: collections.Counter[Any] = collections.Counter()
        self.failures: dict[Any, str] = {}


class ProgramCache:
    """Keeps programs as long as all that was traced into them is unchanged.

    Keras's own functions keep the old trace if `trainable` or the optimizer's settings change
    after `compile` (keras#22413); here such a change makes a new program.

    Args:
        traced: Returns the objects that a trace of a model refers to.
        settings: Returns the values that a trace of a model has as constants.

    Attributes:
        record: Steps and failures since the last such change.
    """

    def __init__(
        self,
        traced: Callable[[Any], list[Any]],
        settings: Callable[[Any], Any] = lambda model: None,
    ) -> None:
        self.record = TrainingRecord()
        self._traced, self._settings_of = traced, settings
        self._programs: dict[ProgramKey, Any] = {}
        self._objects: list[Any] = []
        self._settings: Any = None

    def drop_stale(self, model: Any) -> None:
        """Drops all programs if something has changed that was traced into them."""
        objects, settings = self._traced(model), self._settings_of(model)
        same = len(objects) == len(self._objects) and all(map(_is, objects, self._objects))
        if not same or settings != self._settings:
            self._programs.clear()
            self.record = TrainingRecord()
            self._objects, self._settings = objects, settings

    def find(self, key: ProgramKey) -> Any:
        """Returns the program for a key, or None."""
        return self._programs.get(key)

    def get(self, model: Any, key: ProgramKey, make: Callable[[], Any]) -> Any:
        """Returns the program for a key; makes it if there is none that is still valid."""
        self.drop_stale(model)
        if key not in self._programs:
            if key.callbacks:
                # Other callbacks belonged to an earlier call of `fit`.
                self._programs = {
                    k: program
                    for k, program in self._programs.items()
                    if k.callbacks in ((), key.callbacks)
                }
            try:
                with paused_garbage_collection():
                    self._programs[key] = make()
            finally:
                # Making the first one may have created variables.
                self._objects = self._traced(model)
        return self._programs[key]


def training_programs(model: Any) -> ProgramCache:
    """Returns the programs that train and evaluate a model."""
    return kept(
        model, "training programs", lambda: ProgramCache(_training_objects, _training_settings)
    )


def inference_programs(model: Any) -> ProgramCache:
    """Returns the programs that predict with a model."""
    return kept(model, "inference programs", lambda: ProgramCache(_inference_objects))


def _training_objects(model: Any) -> list[Any]:
    return [model.optimizer, *model.metrics, *model.trainable_variables]


def _training_settings(model: Any) -> Any:
    trainable = [layer.trainable for layer in all_layers(model)]
    return trainable, _optimizer_settings(model.optimizer)


def _optimizer_settings(optimizer: Any) -> Any:
    try:
        return _constants(optimizer.get_config())
    except NotImplementedError:
        # A schedule of the user need not have a configuration.
        inner = getattr(optimizer, "inner_optimizer", None)
        return _held(optimizer), None if inner is None else _held(inner)


def _held(optimizer: Any) -> dict[str, Any]:
    """Returns the numbers and strings that an optimizer has, and its schedule as an object."""
    return {
        name: value
        for name, value in vars(optimizer).items()
        if isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
        or (isinstance(value, (int, float, str)) and name != "built" and name[0] != "_")
    }


def _constants(config: Any) -> Any:
    """Returns an optimizer's configuration without learning rates: they are variables.

    A schedule is a constant. An optimizer may hold another one, as that for loss scaling does.
    """
    if not isinstance(config, dict):
        return str(config)
    return {
        name: _constants(value)
        for name, value in config.items()
        if name != "learning_rate" or isinstance(value, dict)
    }


def _inference_objects(model: Any) -> list[Any]:
    return list(getattr(model, "outputs", None) or [])


def _is(a: Any, b: Any) -> bool:
    return a is b
