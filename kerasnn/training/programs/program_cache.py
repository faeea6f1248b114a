"""The programs of a model, kept with it and released with it."""

import collections
from collections.abc import Callable
from typing import Any

import keras

from kerasnn._checks import first_line
from kerasnn._core.model import all_layers


class Programs:
    """Holds programs as long as what was traced into them is unchanged.

    Keras's own functions go on with the old trace where `trainable` or the optimizer's settings
    change after `compile` (keras#22413); here such a change makes a new program.

    Args:
        traced: Returns the objects that a trace of a model holds on to.
        settings: Returns the values that a trace of a model has as constants.

    Attributes:
        failures: What was said when a program could not be made, by its key.
        steps_run: How many steps were run on data of one kind, by that kind.
        planned_steps: How many steps are to be run in all, where that is known.
        planned_rows: Numbers of rows that are to be trained on, as far as they are known.
        before_step: The callbacks that put operations ahead of each step.
    """

    def __init__(
        self,
        traced: Callable[[Any], list[Any]],
        settings: Callable[[Any], Any] = lambda model: None,
    ) -> None:
        self.failures: dict[Any, str] = {}
        self.steps_run: collections.Counter[Any] = collections.Counter()
        self.planned_steps: int | None = None
        self.planned_rows: set[int] = set()
        self.before_step: list[Any] = []
        self._of_objects, self._of_settings = traced, settings
        self._programs: dict[Any, Any] = {}
        self._objects: list[Any] = []
        self._settings: Any = None

    def drop_stale(self, model: Any) -> None:
        """Forgets everything where something has changed that was traced into the programs."""
        objects, settings = self._traced(model), self._of_settings(model)
        same = len(objects) == len(self._objects) and all(map(_is, objects, self._objects))
        if not same or settings != self._settings:
            self._programs.clear()
            self.failures.clear()
            self.steps_run.clear()
            self._objects, self._settings = objects, settings

    def get(self, model: Any, key: Any, make: Callable[[], Any]) -> Any:
        """Returns the program for a key; makes it where there is none that still holds."""
        self.drop_stale(model)
        if key not in self._programs:
            try:
                self._programs[key] = make()
            except Exception as error:
                self.failures[key] = first_line(error)
                raise
            finally:
                # Making the first one may have created variables.
                self._objects = self._traced(model)
        return self._programs[key]

    def _traced(self, model: Any) -> list[Any]:
        return [*self._of_objects(model), *self.before_step]

    def __contains__(self, key: Any) -> bool:
        return key in self._programs


class Kept:
    """What is kept of one model: its programs, and the inputs that index an `Embedding`.

    An object of its own and no dictionary, so that Keras looks for no variables in it.
    """

    def __init__(self) -> None:
        self.indices: list[Any] | None = None
        self.training = Programs(_training_objects, _training_settings)
        self.inference = Programs(_inference_objects)


def programs_of(model: Any) -> Programs:
    """Returns the programs that train and evaluate a model."""
    return kept(model).training


def inference_programs_of(model: Any) -> Programs:
    """Returns the programs that predict with a model."""
    return kept(model).inference


def kept(model: Any) -> Kept:
    """Returns what is kept of a model."""
    found = getattr(model, "_kerasnn_programs", None)
    if found is None:
        found = model._kerasnn_programs = Kept()
    return found


def _training_objects(model: Any) -> list[Any]:
    return [model.optimizer, *model.metrics, *model.trainable_variables]


def _training_settings(model: Any) -> Any:
    trainable = [layer.trainable for layer in all_layers(model)]
    return trainable, _optimizer_settings(model.optimizer)


def _optimizer_settings(optimizer: Any) -> Any:
    try:
        return _constants(optimizer.get_config())
    except NotImplementedError:
        # A schedule of the user's own need not have a configuration.
        inner = getattr(optimizer, "inner_optimizer", None)
        return _held(optimizer), None if inner is None else _held(inner)


def _held(optimizer: Any) -> dict[str, Any]:
    """Returns the numbers and words that an optimizer has, and its schedule as an object."""
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
