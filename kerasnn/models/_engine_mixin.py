"""Mixin that trains, evaluates and predicts through kerasnn's engine."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import keras

from kerasnn import _checks
from kerasnn.training import evaluate, fit, predict

P = ParamSpec("P")
R = TypeVar("R")


def _as_method(
    function: Callable[Concatenate[keras.Model, P], R],
) -> Callable[[Callable[..., Any]], Callable[Concatenate[Any, P], R]]:
    """Gives a method the signature and the docstring of a function of a model.

    The function's first argument, the model, becomes `self`.
    """
    signature = inspect.signature(function)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    others = list(signature.parameters.values())[1:]

    def decorate(method: Callable[..., Any]) -> Any:
        functools.update_wrapper(method, function, assigned=("__doc__",), updated=())
        method.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[itself, *others]
        )
        return _checks.known_arguments(method)

    return decorate


class EngineMixin:
    """`fit`, `evaluate` and `predict` of `kerasnn.training` as methods of a Keras model."""

    @_as_method(fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        return fit(self, *args, **kwargs)  # type: ignore[arg-type]

    @_as_method(evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        if "_use_cached_eval_dataset" in kwargs:
            # Keras's own `fit` validates through this method, with an argument of its own.
            return super().evaluate(*args, **kwargs)  # type: ignore[misc]
        return evaluate(self, *args, **kwargs)  # type: ignore[arg-type]

    @_as_method(predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return predict(self, *args, **kwargs)  # type: ignore[arg-type]
