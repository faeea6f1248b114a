"""Names of a signature's tensors: the model's own or fixed ones, never numbered by Keras."""

import re
from collections.abc import Sequence
from typing import Any

from kerasnn._checks.errors import InvalidArgument

# Keras numbers these across the process; cloning adds a suffix.
_NUMBERED = re.compile(r"(keras_tensor|input_layer)(_\d+)?(_?clone)?", re.IGNORECASE)


def of_inputs(inputs: Any) -> list[str]:
    """Names the tensors of `inputs`, in the order of `keras.tree.flatten`.

    One tensor is `image` where it is `(batch, height, width, channels)` with 1, 3 or 4
    channels, and `features` elsewhere. Several keep their keys or their `Input` layers' names,
    as identifiers; one without a name is `input_0`, `input_1`, ... by its position.

    Args:
        inputs: `keras.KerasTensor`, or lists and dicts of them.

    Raises:
        InvalidArgument: If two of them get the same name.

    Example:
        >>> import keras
        >>> of_inputs(keras.Input((28, 28, 1)))
        ['image']
        >>> of_inputs([keras.Input((2,), name="sepal width"), keras.Input((3,))])
        ['sepal_width', 'input_1']
    """
    # Keras is imported late, since the command line predicts without it.
    from keras import tree

    leaves = tree.flatten_with_path(inputs)
    if len(leaves) == 1:
        [(_, tensor)] = leaves
        is_image = len(tensor.shape) == 4 and tensor.shape[-1] in (1, 3, 4)
        return ["image" if is_image else "features"]
    names = [_of_input(path, tensor.name, place) for place, (path, tensor) in enumerate(leaves)]
    return _different(names, "inputs", "Rename its `Input` layers or the keys of its dict.")


def of_column(name: str) -> str:
    """Returns the name of an input whose key, or whose `Input` layer, is called `name`.

    Example:
        >>> of_column("sepal width"), of_column("2019")
        ('sepal_width', 'input_2019')
    """
    return _of_path([name], "input")


def of_outputs(predictions: Any) -> list[str]:
    """Names the several tensors of `predictions`, as `of_inputs` does.

    Example:
        >>> of_outputs({"price": 1.0, "sold": 2.0}), of_outputs([1.0, 2.0])
        (['price', 'sold'], ['output_0', 'output_1'])
    """
    from keras import tree

    names = [_of_path(path, "output") for path, _ in tree.flatten_with_path(predictions)]
    return _different(names, "outputs", "Rename the keys of its dict.")


def _of_input(path: Sequence[Any], name: str, place: int) -> str:
    steps = path if any(isinstance(step, str) for step in path) else [name]
    is_numbered = any(_NUMBERED.fullmatch(str(step)) for step in steps)
    return _of_path([place] if is_numbered else steps, "input")


def _of_path(path: Sequence[Any], side: str) -> str:
    name = re.sub(r"\W", "_", "_".join(map(str, path)), flags=re.ASCII)
    return name if name[:1].isalpha() else f"{side}_{name}"


def _different(names: list[str], side: str, hint: str) -> list[str]:
    if len(set(names)) < len(names):
        raise InvalidArgument(
            "model",
            f"have {side} of different names, made of letters, digits and underscores",
            names,
            hint,
            got=", ".join(names),
        )
    return names
