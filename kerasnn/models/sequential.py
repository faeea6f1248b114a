"""`Sequential`: Keras's `Sequential` on kerasnn's engine."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnn._core.process.forked import check_not_forked
from kerasnn.models._engine_mixin import EngineMixin


@keras.saving.register_keras_serializable("kerasnn")
class Sequential(EngineMixin, keras.Sequential):
    """Keras's `Sequential`, checked and trained by kerasnn's engine.

    Its methods `fit`, `evaluate` and `predict` are `kerasnn.fit`, `kerasnn.training.evaluate` and
    `kerasnn.training.predict`, with their arguments after the model. Everything else is Keras's:
    `compile`, `save`, `summary`, layers, callbacks.

    Example:
        >>> model = Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> model.fit([[0.0, 1.0]], [[1.0]], verbose=0).history.keys()
        dict_keys(['loss'])

    `keras.models.clone_model` gives a `Sequential` of Keras, which `kerasnn.fit` trains too; for a
    copy of this class write `type(model).from_config(model.get_config())`.
    """

    def __init__(
        self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        # The weights are made here.
        check_not_forked()
        super().__init__(layers, trainable=trainable, name=name)
