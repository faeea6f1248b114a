"""Functions for XLA without names: what they compute, and when they are equal."""

import numpy as np
import pytest
import tensorflow as tf

from kerasnn.training.programs.nameless_function import renamed, without_names


def loop(name, factor=2.0):
    """A traced function with a variable, a loop, a branch and a function that it calls."""
    variable = tf.Variable(1.0, name=name)

    @tf.function
    def scaled(x):
        return tf.multiply(x, factor, name=name)

    def run(x, count):
        def step(i, total):
            variable.assign_add(1.0)
            total = tf.cond(i > 1, lambda: total + scaled(x["a"]), lambda: total - x["b"])
            return i + 1, total

        with tf.name_scope(name):
            _, total = tf.while_loop(lambda i, _: i < count, step, [0, x["a"]])
        return {"total": total, "count": [count]}

    spec = tf.TensorSpec([None], tf.float32)
    function = tf.function(
        run,
        input_signature=[{"a": spec, "b": spec}, tf.TensorSpec([], tf.int32)],
        jit_compile=True,
        autograph=False,
    )
    return function.get_concrete_function(), variable


def test_it_computes_the_same():
    x = {"a": tf.constant([1.0, 2.0]), "b": tf.constant([10.0, 20.0])}
    for name in ("first", "second"):
        function, variable = loop(name)
        result = without_names(function)(x, tf.constant(4))
        np.testing.assert_allclose(result["total"], [-15.0, -30.0])
        assert int(result["count"][0]) == 4
        # Each has its own variable.
        assert float(variable) == 5.0


@pytest.mark.parametrize("factor", [2.0, 3.0])
def test_functions_are_named_by_what_they_do(factor):
    (first, _), (other, _) = loop("first"), loop("other", factor)
    name, library = renamed(first)
    other_name, others = renamed(other)
    assert (name == other_name) == (factor == 2.0)
    same = library.SerializeToString(deterministic=True) == others.SerializeToString(
        deterministic=True
    )
    assert same == (factor == 2.0)
    assert b"first" not in library.SerializeToString()
