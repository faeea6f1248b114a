"""Forward-mode differentiation: Jacobian-vector products."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnn.autodiff import _inputs


def jvp(f: Callable[..., Any], xs: Any, vs: Any) -> tuple[Any, Any]:
    """Computes f(*xs) and its directional derivative along vs.

    dy = sum_i (dy/dx_i) v_i, in one forward pass, whatever the number of outputs.

    Args:
        f: A function of tensors, or a Keras model, which runs in inference mode.
        xs: A tuple or list of the arguments of f, each a floating-point array or a nested
            structure of them; anything else is the only argument.
        vs: The direction, with the structure and shapes of `xs`.

    Returns:
        y = f(*xs), and dy, with the structure and shapes of y; zeros where an output does not
        depend on `xs`.

    Raises:
        InvalidArgument: If `xs` or the output holds no floating-point numbers, if `vs` has
            another shape than `xs`, or if no output has a gradient to `xs`.

    Example:
        >>> y, dy = jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
        >>> float(y), float(dy)
        (6.0, 23.0)

    Reference:
        Griewank & Walther (2008), doi:10.1137/1.9780898717761, chapter 3.
    """
    single = not isinstance(xs, (tuple, list))
    inputs = _inputs.of_inputs("xs", xs)
    directions = _inputs.like("vs", vs, "xs", inputs)
    arguments = (inputs,) if single else inputs
    accumulator = tf.autodiff.ForwardAccumulator(
        keras.tree.flatten(inputs), keras.tree.flatten(directions)
    )
    with accumulator:
        y = _inputs.of_outputs(f, arguments)
    flat = keras.tree.flatten(y)
    parts = [accumulator.jvp(leaf) for leaf in flat]
    if all(part is None for part in parts):
        raise _inputs.unconnected(f)
    filled = [
        tf.zeros_like(leaf) if part is None else part
        for leaf, part in zip(flat, parts, strict=True)
    ]
    return y, keras.tree.pack_sequence_as(y, filled)
