"""Newly built models from the user's `build`."""

import inspect
import weakref
from collections.abc import Callable
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core.random_state import draws_from_tensorflow, seeded
from kerasnn.models.ensembles.ensemble import Ensemble
from kerasnn.models.ensembles.pack_model import Pack
from kerasnn.training.inputs import arrays
from kerasnn.training.many.stackable import why_alone


class ModelBuilder:
    """Calls `build`, and checks that each call returns a compiled model that has not trained.

    Args:
        build: Returns a compiled model.

    Attributes:
        sets_all_seeds: Whether the first model drew from `tf.random`, or its layers may.

    Raises:
        InvalidArgument: If `build` cannot be called.
    """

    def __init__(self, build: Callable[..., Any]) -> None:
        hint = "Give a function that returns it, such as `lambda: models.mlp(...)`."
        if isinstance(build, keras.Model) or not callable(build):
            got = f"the model `{build.name}`" if isinstance(build, keras.Model) else None
            rule = "be a function that returns a compiled model"
            raise _checks.InvalidArgument("build", rule, build, hint, got=got)
        self.build = build
        self.sets_all_seeds = True
        # By identity: Keras's variables have no hash.
        self._seen: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

    def first(self, params: dict[str, Any], x: Any) -> Any:
        """Returns a model against which the data is checked, which need not be arrays yet.

        Raises:
            InvalidArgument: If `build` needs other arguments, or returns no newly built model.
        """
        try:
            inspect.signature(self.build).bind(**params)
        except TypeError as error:
            rule = f"be callable with {', '.join(params) or 'no arguments'}"
            hint = f"Python says: {error}. Bind other arguments by `functools.partial`."
            raise _checks.InvalidArgument("build", rule, self.build, hint) from error
        except ValueError:
            # Functions written in C may have no signature.
            pass
        # A model without an `Input` is built from arrays; a first look at x makes them.
        is_read = isinstance(x, list) or hasattr(x, "to_numpy")
        model = self(params, arrays.as_arrays("x", x, arrays.ONE) if is_read else x, seed=0)
        self.sets_all_seeds = draws_from_tensorflow(0) or why_alone(model, ()) is not None
        return model

    def __call__(self, params: dict[str, Any], x: Any, *, seed: int, stacked: bool = False) -> Any:
        """Returns a newly built model, with its variables created.

        Args:
            params: Arguments of `build`.
            x: Inputs, by which a model without an `Input` is built.
            seed: Seed of all generators.
            stacked: Whether the model is to train in a stack, whose layers leave `tf.random` alone.
                The seed of that is then set only with `sets_all_seeds`.

        Raises:
            InvalidArgument: If `build` returns anything else.
        """
        with seeded(seed, tensorflow=self.sets_all_seeds or not stacked):
            model = self.build(**params)
            require_new(model)
            if isinstance(model, (Ensemble, Pack)):
                raise _several_networks(model)
            arrays.build(model, x)
            self._require_unseen(model)
        return model

    def _require_unseen(self, model: Any) -> None:
        """Raises where a model, or a part of it, was returned before.

        A count of steps does not show it, since `compile` sets it back.
        """
        parts = (model, *model.trainable_variables)
        for part in parts:
            if self._seen.get(id(part)) is part:
                what = "it" if part is model else f"its weight `{part.path}`"
                raise _not_new(model, f"`{model.name}`, of which {what} was returned before")
        self._seen.update((id(part), part) for part in parts)


def require_new(model: Any) -> None:
    """Raises unless `build` returned a compiled Keras model that has not trained."""
    if not isinstance(model, keras.Model):
        rule, got = "return a compiled Keras model", type(model).__name__
        hint = "Let it end with `return model`."
        raise _checks.InvalidArgument("build", rule, model, hint, got=got)
    if not model.compiled:
        hint = "Let it call `model.compile(optimizer=..., loss=..., metrics=[...])`."
        got = f"`{model.name}`, which is not compiled"
        raise _checks.InvalidArgument("build", "return a compiled model", model, hint, got=got)
    trained = int(model.optimizer.iterations.numpy())
    if trained:
        raise _not_new(model, f"`{model.name}`, which has trained for {trained} steps")


def _several_networks(model: Any) -> _checks.InvalidArgument:
    hint = (
        "Its networks would train as one. Give `selection.Classifier(build=...)` or `Regressor` to "
        "scikit-learn's `cross_val_score` or `GridSearchCV`."
    )
    got = f"`{model.name}`, which trains several by its own `fit`"
    return _checks.InvalidArgument("build", "return one network", model, hint, got=got)


def _not_new(model: Any, got: str) -> _checks.InvalidArgument:
    hint = (
        "What it learned on other rows would leak into its score. Let `build` create a model with "
        "new layers in each call."
    )
    return _checks.InvalidArgument("build", "return a newly built model", model, hint, got=got)
