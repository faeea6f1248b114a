"""Layers, variables and symbolic structure of a Keras model, and a snapshot of its state."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras


def all_layers(model: Any) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a model, and of the models inside it."""
    for layer in getattr(model, "layers", []):
        yield layer
        yield from all_layers(layer)


def may_fill_nan(model: Any) -> bool:
    """Whether anything in a model may put a number in place of NaN.

    The layers of Keras and of this package do not; a user's layer or function, an operation
    between layers, or the `call` of a model may.
    """
    if not is_symbolic(model):
        return True
    operations = getattr(model, "operations", None) or model.layers
    return any(_may_fill_nan(operation) for operation in operations)


def _may_fill_nan(operation: Any) -> bool:
    if isinstance(operation, keras.Model):
        return may_fill_nan(operation)
    is_known = type(operation).__module__.split(".")[0] in ("keras", "kerasnn")
    is_layer = isinstance(operation, keras.layers.Layer)
    return not is_layer or not is_known or isinstance(operation, keras.layers.Lambda)


def is_symbolic(model: keras.Model) -> bool:
    """Whether the shapes of inputs and outputs are known before data comes."""
    try:
        return bool(model.inputs) and bool(model.outputs)
    except (AttributeError, ValueError):
        # A Sequential model without an Input, or a subclassed one.
        return False


def structure(model: Any, end: str) -> Any:
    """Returns the symbolic inputs or outputs, in the structure that the model was made with."""
    if isinstance(model, keras.Sequential):
        tensors = getattr(model, f"{end}s")
        return tensors[0] if len(tensors) == 1 else tensors
    return getattr(model, end)


def required_inputs(model: Any) -> list[bool]:
    """Returns for each symbolic input, in the order of `keras.tree.flatten`, if it is required."""
    inputs = [layer for layer in model.layers if isinstance(layer, keras.layers.InputLayer)]
    optional = {id(layer.output) for layer in inputs if layer.optional}
    return [id(tensor) not in optional for tensor in keras.tree.flatten(structure(model, "input"))]


def variables_of(model: Any) -> list[keras.Variable]:
    """Returns all variables of a model and its optimizers, in an order that does not change.

    Among them are seeds, slots and counters; metrics are not, which start anew in each epoch.
    """
    # A step of the user may have several optimizers, which Keras does not track.
    own = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    return [*model.variables, *(v for optimizer in own for v in optimizer.variables)]


class _Kept:
    """Values by name. An object and no dictionary, so that Keras looks for no variables in it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}


def kept(model: Any, name: str, make: Callable[[], Any]) -> Any:
    """Returns a value that is kept with a model and released with it; makes it the first time."""
    holder = getattr(model, "_kerasnn_kept", None)
    if holder is None:
        holder = model._kerasnn_kept = _Kept()
    if name not in holder.values:
        holder.values[name] = make()
    return holder.values[name]


def forget_kept(model: Any) -> None:
    """Drops what is kept with a model whose network has changed, such as compiled programs."""
    model._kerasnn_kept = _Kept()


class State:
    """Snapshot of all variables of a model and its optimizers.

    TensorFlow copies a variable's buffer when it is next written to, so keeping the values is
    cheap until then.

    Args:
        model: A Keras model.
        metrics: Whether the variables of metrics are kept too, which start anew in each epoch.
        but: Variables that are not restored.
    """

    def __init__(self, model: Any, *, metrics: bool = False, but: Sequence[Any] = ()) -> None:
        self._model, self._metrics = model, metrics
        self._left = {id(variable) for variable in but}
        self._values: list[tuple[Any, Any]] = []
        self.add_new()

    def add_new(self) -> None:
        """Adds variables that were created since, such as those of a model just built."""
        known = self._left | {id(variable) for variable, _ in self._values}
        metrics = self._model.metrics_variables if self._metrics else []
        self._values += [
            (variable, variable.value.value())
            for variable in [*variables_of(self._model), *metrics]
            if id(variable) not in known
        ]

    def restore(self) -> None:
        """Restores all values."""
        if self._metrics:
            # Those that were created since start anew.
            self._model.reset_metrics()
        for variable, value in self._values:
            variable.assign(value)


@contextlib.contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Restores, after a model has run, the state that its layers change in inference too.

    A layer may draw random numbers in inference, or count its calls.
    """
    before = State(model)
    try:
        yield
    finally:
        before.restore()
