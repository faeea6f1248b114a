"""`Model`: Keras's `Model` on kerasnn's engine."""

from typing import Any

import keras

from kerasnn.models._engine_mixin import EngineMixin


@keras.saving.register_keras_serializable("kerasnn")
class Model(EngineMixin, keras.Model):
    """Keras's `Model`, functional or subclassed, checked and trained by kerasnn's engine.

    Its methods `fit`, `evaluate` and `predict` are `kerasnn.fit`, `kerasnn.training.evaluate` and
    `kerasnn.training.predict`, with their arguments after the model. Everything else is Keras's:
    `compile`, `save`, `summary`, layers, callbacks.

    Example:
        >>> inputs = keras.Input((2,))
        >>> model = Model(inputs, keras.layers.Dense(1)(inputs))
        >>> isinstance(model, keras.Model), isinstance(model, Model)
        (True, True)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "Model":
        """Makes a functional model if inputs and outputs are given, as Keras does."""
        if cls is Model and _is_functional(args, kwargs):
            return super().__new__(Functional)
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _is_functional(args, kwargs):
            # Keras would replace the base class of `Model` itself, and so make every later
            # `class Net(kerasnn.Model)` functional. Only the user's class has to change.
            for cls in type(self).__mro__:
                if Model in cls.__bases__:
                    cls.__bases__ = tuple(Functional if b is Model else b for b in cls.__bases__)
        super().__init__(*args, **kwargs)


def _is_functional(args: tuple, kwargs: dict[str, Any]) -> bool:
    return len(args) >= 2 or "inputs" in kwargs or "outputs" in kwargs


# Keras has no public name for its functional class. The explicit layer names here leave the
# counters of automatic names unchanged.
_point = keras.Input((), name="point")
_KerasFunctional: Any = type(keras.Model(_point, _point, name="point"))


@keras.saving.register_keras_serializable("kerasnn")
class Functional(Model, _KerasFunctional):
    """Class of `Model(inputs, outputs)`."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        _KerasFunctional.__init__(self, inputs, outputs, name=name, **kwargs)
