"""`Sequential`: Keras's `Sequential` on kerasnn's engine."""

import keras

from kerasnn.models._engine_mixin import EngineMixin


@keras.saving.register_keras_serializable("kerasnn")
class Sequential(EngineMixin, keras.Sequential):
    """Keras's `Sequential`, checked and trained by kerasnn's engine.

    Everything else is Keras's: `compile`, `save`, `summary`, layers, callbacks.

    Example:
        >>> model = Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> model.fit([[0.0, 1.0]], [[1.0]], verbose=0).history.keys()
        dict_keys(['loss'])
    """
