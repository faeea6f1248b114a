"""A network that shares everything with a model, and has its dropout layers switched on."""

from collections.abc import Iterator
from typing import Any

import keras

from kerasnn.layers.concrete_dropout import ConcreteDropout
from kerasnn.layers.dropping import Dropping

_DROPOUT = (
    Dropping,
    ConcreteDropout,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianDropout,
    keras.layers.AlphaDropout,
)
# For these, training differs from inference by their dropout alone.
_WITH_DROPOUT_INSIDE = (
    keras.layers.SimpleRNN,
    keras.layers.GRU,
    keras.layers.LSTM,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
)


def with_dropout(model: Any) -> tuple[keras.Model, list[Any]]:
    """Returns a network with the model's variables and dropout on, and the states of its seeds.

    Raises:
        ValueError: If the network cannot be taken apart, or holds no dropout.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a Keras model; got {model!r}.")
    states: dict[int, Any] = {}
    network = _switched(model, states)
    if not states:
        raise ValueError(
            f"`model` must hold dropout for its predictions to differ; `{model.name}` holds none "
            "with a rate above 0. Build it with dropout, and train it so."
        )
    return network, list(states.values())


class _Shared(keras.Operation):
    """Calls a layer that another model owns, without that model's graph getting to know."""

    def __init__(self, operation: Any, *, training: bool) -> None:
        super().__init__(name=operation.name)
        self._operation, self._training = operation, training

    def call(self, *args: Any, **kwargs: Any) -> Any:
        # Where nothing is said, layers take inference from the call of the network.
        kwargs.pop("training", None)
        if self._training:
            kwargs["training"] = True
        return self._operation(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self._operation.compute_output_spec(*args, **kwargs)


def _switched(model: Any, states: dict[int, Any]) -> keras.Model:
    view = _view(model)

    def replace(operation: Any) -> Any:
        if not isinstance(operation, keras.layers.Layer):
            return _Shared(operation, training=False)
        if isinstance(operation, keras.Model) and _has_dropout(operation):
            return _switched(operation, states)
        if _is_dropout(operation):
            states.update((id(state), state) for state in _seed_states(operation))
            return _Shared(operation, training=True)
        if _has_dropout(operation):
            raise ValueError(
                f"`model` holds `{operation.name}`, a {type(operation).__name__} with dropout "
                "inside that cannot be switched on by itself. Build the model of its layers, with "
                "keras.Sequential or keras.Model(inputs, outputs)."
            )
        return _Shared(operation, training=False)

    return keras.models.clone_model(view, clone_function=replace)


def _view(model: Any) -> keras.Model:
    """Returns the model's graph as a plain functional model."""
    is_sequential = isinstance(model, keras.Sequential)
    if is_sequential and not model.built:
        raise ValueError(
            f"`model` must be built, so that its inputs are known; `{model.name}` is not. Call it "
            "on a batch, or fit it, first."
        )
    try:
        inputs, outputs = model.inputs, model.outputs
    except (AttributeError, ValueError):
        inputs = outputs = None
    if not inputs or not outputs:
        raise _not_functional(model)
    if is_sequential:
        return keras.Model(inputs[0], outputs[0], name=model.name)
    view = keras.Model(model.input, model.output, name=model.name)
    if type(model).call is not type(view).call:
        raise _not_functional(model)
    return view


def _not_functional(model: Any) -> ValueError:
    return ValueError(
        f"`model` must be functional or Sequential, so that its dropout layers can be told from "
        f"the others; `{model.name}`, a {type(model).__name__}, computes by its own `call`. Build "
        "it with keras.Model(inputs, outputs)."
    )


def _is_dropout(layer: Any) -> bool:
    """Whether a layer draws in training for its dropout, and does nothing else there."""
    if isinstance(layer, keras.layers.Bidirectional):
        return _is_dropout(layer.forward_layer)
    if isinstance(layer, keras.layers.TimeDistributed):
        return _is_dropout(layer.layer)
    known = isinstance(layer, (*_DROPOUT, *_WITH_DROPOUT_INSIDE))
    return known and bool(_seed_states(layer)) and _has_dropout(layer)


def _has_dropout(layer: Any) -> bool:
    """Whether a layer can draw random numbers for dropout.

    Keras's and kerasnn's own layers tell by their configuration. Others may draw for a purpose
    that nobody knows.
    """
    if not _seed_states(layer):
        return False
    if isinstance(layer, _DROPOUT):
        return True
    if type(layer).__module__.partition(".")[0] not in ("keras", "kerasnn"):
        return True
    return any(_mentions_dropout(entry) for entry in _entries(layer.get_config()))


def _mentions_dropout(entry: tuple[str, Any]) -> bool:
    key, value = entry
    if key == "class_name":
        known = {kind.__name__ for kind in _DROPOUT}
        return value in known
    return key in ("dropout", "recurrent_dropout") and bool(value)


def _entries(config: Any) -> Iterator[tuple[str, Any]]:
    """Yields every key and value of a nested configuration."""
    if isinstance(config, dict):
        for key, value in config.items():
            yield key, value
            yield from _entries(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _entries(value)


def _seed_states(layer: Any) -> list[Any]:
    """Returns the states of the seeds below a layer: pairs of whole numbers that are no weights."""
    weights = {id(weight) for weight in layer.weights}
    return [
        variable
        for variable in layer.variables
        if id(variable) not in weights and variable.dtype in ("int64", "uint32")
    ]
