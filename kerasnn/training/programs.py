"""The programs of a model, kept with it and released with it."""

from collections.abc import Callable
from typing import Any


class Programs:
    """Holds programs as long as what was traced into them is unchanged.

    Keras's own functions go on with the old trace where `trainable` or the optimizer's settings
    change after `compile` (keras#22413); here such a change makes a new program.

    Args:
        traced: Returns the objects that a trace of a model holds on to.
        settings: Returns the values that a trace of a model has as constants.
    """

    def __init__(
        self,
        traced: Callable[[Any], list[Any]],
        settings: Callable[[Any], Any] = lambda model: None,
    ) -> None:
        self.steps_run = 0
        self._of_objects, self._of_settings = traced, settings
        self._programs: dict[Any, Any] = {}
        self._objects: list[Any] = []
        self._settings: Any = None

    def get(self, model: Any, key: Any, make: Callable[[], Any]) -> Any:
        """Returns the program for a key; makes it where there is none that still holds."""
        objects, settings = self._of_objects(model), self._of_settings(model)
        same = len(objects) == len(self._objects) and all(map(_is, objects, self._objects))
        if not same or settings != self._settings:
            self._programs.clear()
        if key not in self._programs:
            self._programs[key] = make()
            # Making the first one may have created variables.
            objects = self._of_objects(model)
        self._objects, self._settings = objects, settings
        return self._programs[key]

    def __contains__(self, key: Any) -> bool:
        return key in self._programs


class _Kept:
    """The programs of one model, for training and for inference.

    An object of its own and no dictionary, so that Keras looks for no variables in it.
    """

    def __init__(self) -> None:
        self.training = Programs(_training_objects, _training_settings)
        self.inference = Programs(_inference_objects)


def programs_of(model: Any) -> Programs:
    """Returns the programs that train and evaluate a model."""
    return _kept(model).training


def inference_programs_of(model: Any) -> Programs:
    """Returns the programs that predict with a model."""
    return _kept(model).inference


def _kept(model: Any) -> _Kept:
    kept = getattr(model, "_kerasnn_programs", None)
    if kept is None:
        kept = model._kerasnn_programs = _Kept()
    return kept


def _training_objects(model: Any) -> list[Any]:
    return [model.optimizer, *model.metrics, *model.trainable_variables]


def _training_settings(model: Any) -> Any:
    config = model.optimizer.get_config()
    rate = config.get("learning_rate")
    # A rate in a variable is no constant; a schedule is one.
    return {**config, "learning_rate": rate if isinstance(rate, dict) else None}


def _inference_objects(model: Any) -> list[Any]:
    return list(getattr(model, "outputs", None) or [])


def _is(a: Any, b: Any) -> bool:
    return a is b
