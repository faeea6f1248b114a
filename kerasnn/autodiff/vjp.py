"""Reverse-mode differentiation: vector-Jacobian products."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.autodiff import _inputs


def vjp(f: Callable[..., Any], *xs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Computes f(x_1, ..., x_n) and its pullback, the function v -> v^T J.

    pullback(v) = (v^T dy/dx_1, ..., v^T dy/dx_n): backpropagation computes this product from the
    last layer to the first. It costs about as much as f, for any number of inputs. It computes in
    the dtypes of f: a model with a float32 `keras.Input` rounds its derivatives to float32, even
    if its layers are float64.

    Args:
        f: A function of tensors, or a Keras model, which runs in inference mode.
        xs: Its arguments: floating-point arrays, or lists, tuples and dicts of them.

    Returns:
        y = f(*xs), and the pullback. It takes v, with the structure and shapes of y, and returns
        a tuple with one entry for each of `xs`, with its structure and shapes; zeros for an
        argument that f does not use. It can be called repeatedly.

    Raises:
        InvalidArgument: If an argument or an output holds no floating-point numbers; in the
            pullback, if `v` has another shape than y, or y has no gradient to any of `xs`.

    Example:
        >>> y, pullback = vjp(lambda a, b: a * b, 2.0, 5.0)
        >>> [float(part) for part in pullback(1.0)]
        [5.0, 2.0]

    Reference:
        Griewank & Walther (2008), doi:10.1137/1.9780898717761, chapter 3.
    """
    inputs = tuple(_inputs.of_inputs(f"xs[{i}]", x) for i, x in enumerate(xs))
    flat = keras.tree.flatten(inputs)
    if not flat:
        raise _checks.InvalidArgument("xs", "hold at least one argument", xs)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(flat)
        y = _inputs.of_outputs(f, inputs)

    def pullback(v: Any) -> tuple[Any, ...]:
        upstream = _inputs.like("v", v, "y", y)
        parts = tape.gradient(keras.tree.flatten(y), flat, keras.tree.flatten(upstream))
        if all(part is None for part in parts):
            raise _inputs.unconnected(f)
        filled = [
            tf.zeros_like(x) if part is None else tf.convert_to_tensor(part)
            for x, part in zip(flat, parts, strict=True)
        ]
        return keras.tree.pack_sequence_as(inputs, filled)

    return y, pullback
