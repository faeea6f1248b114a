"""Rows of a model's inputs: the user's examples, or made ones."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._checks.errors import InvalidArgument
from kerasnn.serving.graph import tensor_names
from kerasnn.serving.graph.traced import records_dtypes
from kerasnn.serving.runtime import coerce_inputs
from kerasnn.serving.runtime.coerce_inputs import Tensor
from kerasnn.serving.runtime.recorded_examples import Arrays

HINT = "Give some rows of its inputs, as in `examples=x_test[:8]`."
_ROWS = 3
# Images consist of so many patches an axis, so that they compress well.
_PATCHES = 8
# Sizes for axes that the model leaves free.
_IMAGE_SIZE, _LENGTH = 128, 32
MADE = (
    "floats in [0, 1), integers 0 and 1, strings 'a' and 'b', and for a size that is None "
    f"{_IMAGE_SIZE} in an image and {_LENGTH} elsewhere"
)


def with_dtypes_of(examples: Any, model: keras.Model, structure: Any) -> Any:
    """Returns a model's input structure with the dtypes of examples, where it recorded none.

    Floats of any size stay what they are in `structure`: NumPy's are float64 by default.
    """
    if examples is None or records_dtypes(model):
        return structure
    specs = keras.tree.flatten(structure)
    values = _by_name(examples, structure).values()
    dtypes = [_dtype(value, spec) for value, spec in zip(values, specs, strict=True)]
    return keras.tree.pack_sequence_as(
        structure,
        [keras.KerasTensor(s.shape, dtype) for s, dtype in zip(specs, dtypes, strict=True)],
    )


def given(examples: Any, structure: Any, inputs: Mapping[str, tf.TensorSpec]) -> Arrays:
    """Returns the user's examples as input name -> array.

    Args:
        examples: Rows as the model takes them, or by the names of the served inputs.
        structure: The model's inputs.
        inputs: Input name -> `tf.TensorSpec`.

    Raises:
        InvalidArgument: If an input is missing, or its rows do not fit it.
    """
    arrays = {}
    for name, value in _by_name(examples, structure).items():
        spec, place = inputs[name], "examples" if len(inputs) == 1 else f"examples[{name!r}]"
        dtype = np.dtype(object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype)
        tensor = Tensor(dtype=dtype, shape=tuple(spec.shape.as_list()))
        arrays[name] = coerce_inputs.coerce(place, value, tensor)
        coerce_inputs.check_finite({place: arrays[name]})
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        raise InvalidArgument(
            "examples",
            "hold equally many rows for each input, at least one",
            examples,
            got=", ".join(f"{name}: {count}" for name, count in counts.items()),
        )
    return arrays


def made(inputs: Mapping[str, tf.TensorSpec]) -> Arrays:
    """Returns random rows by input name, the same each time.

    Floats are in [0, 1), integers are 0 and 1, in an image of bytes up to 255, and strings are
    `a` and `b`. Images consist of 8 by 8 patches. A free size is 128 in an image, else 32.
    """
    random = np.random.default_rng(0)
    return {name: _array(spec, random) for name, spec in inputs.items()}


def _by_name(examples: Any, structure: Any) -> dict[str, Any]:
    names = tensor_names.of_inputs(structure)
    if len(names) == 1 and not isinstance(examples, Mapping):
        return {names[0]: examples}
    if isinstance(examples, Mapping) and examples.keys() == set(names):
        return {name: examples[name] for name in names}
    is_several = isinstance(examples, (Mapping, list, tuple))
    found = {}
    try:
        for name, (path, _) in zip(names, keras.tree.flatten_with_path(structure), strict=True):
            value = examples
            for step in path:
                value = value[step]
            found[name] = value
    except (LookupError, TypeError, ValueError):
        found = {}
    if not is_several or not found or len(examples) != len(structure):
        got = f"a {type(examples).__name__}"
        if isinstance(examples, Mapping):
            got = f"a dictionary of {', '.join(map(repr, examples)) or 'nothing'}"
        elif is_several:
            got += f" of {len(examples)}"
        raise InvalidArgument(
            "examples",
            f"hold rows of each input, as the model takes them or by name: {', '.join(names)}",
            examples,
            got=got,
        )
    return found


def _dtype(value: Any, spec: keras.KerasTensor) -> str:
    try:
        array = np.asarray(value)
    except ValueError:
        # Rows of different lengths, which `given` refuses.
        return str(spec.dtype)
    if array.dtype.kind in "OSU":
        return "string"
    return array.dtype.name if array.dtype.kind in "iub" else str(spec.dtype)


def _array(spec: tf.TensorSpec, random: np.random.Generator) -> np.ndarray:
    is_image = spec.shape.rank == 4
    free = _IMAGE_SIZE if is_image else _LENGTH
    shape = [_ROWS, *(free if size is None else size for size in spec.shape.as_list()[1:])]
    if spec.dtype == tf.string:
        return _different(lambda: random.choice(np.array([b"a", b"b"], object), shape))
    drawn = [_ROWS, *(min(_PATCHES, n) for n in shape[1:3]), *shape[3:]] if is_image else shape
    kind = spec.dtype.as_numpy_dtype
    if spec.dtype.is_floating:
        values = random.random(drawn).astype(kind)
    else:
        top = 256 if is_image and spec.dtype == tf.uint8 else 2
        values = _different(lambda: random.integers(0, top, drawn).astype(kind))
    for axis in (1, 2) if is_image else ():
        values = np.take(values, np.arange(shape[axis]) * drawn[axis] // shape[axis], axis)
    return values


def _different(draw: Callable[[], np.ndarray]) -> np.ndarray:
    """Draws until not all rows are equal, which would hide a model that mixes them."""
    rows = draw()
    for _ in range(8):
        if (rows != rows[:1]).any():
            break
        rows = draw()
    return rows
