"""Refusals of functions, models and data without derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import models
from kerasnn.autodiff import check_gradients, gradients, jacobian, jvp, vjp

X = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32")
RUNS = {
    "vjp": lambda f, x: (lambda y, pullback: pullback(y))(*vjp(f, x)),
    "jvp": lambda f, x: jvp(f, x, x),
    "jacobian": jacobian,
}
each = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)


@each
def test_integers_as_inputs(run):
    with pytest.raises(ValueError, match=r"`xs?(\[0\])?` must") as caught:
        run(lambda x: x, X.astype("int64"))
    assert "float32" in caught.value.hint


def test_the_refused_input_is_named(invalid):
    with invalid("xs[1]['a']"):
        vjp(lambda a, b: a, X, {"a": 1})
    with invalid("xs[1]"):
        jvp(lambda a, b: a, (X, True), (X, True))


@each
@pytest.mark.parametrize("function", [lambda x: tf.argmax(x, axis=1), lambda x: x > 2])
def test_outputs_without_a_derivative(run, function, invalid):
    with invalid("f(...)"):
        run(function, X)


@each
@pytest.mark.parametrize(
    "function", [tf.round, lambda x: x.numpy() ** 2, lambda x: tf.cast(x > 2, "float32")]
)
def test_outputs_without_a_gradient(run, function, invalid):
    with invalid("f", value=function) as caught:
        run(function, X)
    assert "keras.ops" in caught.value.hint


def test_vectors_of_another_shape(invalid):
    _, pullback = vjp(lambda x: keras.ops.sum(x, axis=1), X)
    for v in (np.ones(2), np.ones((3, 1)), 1.0):
        with invalid("v", value=v):
            pullback(v)
    with invalid("vs", value=[1.0, 2.0]):
        jvp(lambda x: x, X, [1.0, 2.0])


def test_vectors_of_another_structure(invalid):
    _, pullback = vjp(lambda x: {"a": x, "b": (x, x)}, X)
    with invalid("v"):
        pullback({"a": X})
    with invalid("v['b']"):
        pullback({"a": X, "b": X})
    with invalid("v['b'][1]"):
        pullback({"a": X, "b": (X, X[0])})
    with invalid("vs"):
        jvp(lambda a, b: a, (X, X), (X,))


@pytest.mark.parametrize("v", [None, "up", X * 1j], ids=["None", "text", "complex"])
def test_vectors_that_are_no_numbers(v, invalid):
    _, pullback = vjp(lambda x: x, X)
    with invalid("v"):
        pullback(v)


def test_no_arguments(invalid):
    with invalid("xs", value=()):
        vjp(lambda: 1.0)


@each
@pytest.mark.parametrize("f", [None, 3, "sin"])
def test_functions_that_are_none(run, f, invalid):
    with invalid("f", value=f):
        run(f, X)


@each
def test_functions_that_return_nothing(run, invalid):
    with invalid("f(...)", value=None):
        run(lambda x: None, X)


@pytest.mark.parametrize("x", [None, np.array([None]), X.astype(object)], ids=["None", "1", "2"])
def test_inputs_that_are_no_arrays(x, invalid):
    with invalid("xs[0]"):
        vjp(lambda a: a, x)
    with invalid("x"):
        jacobian(lambda a: a, x)


def line():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)], name="line")
    model.compile(loss="mse")
    return model


@pytest.mark.parametrize("check", [gradients, check_gradients])
def test_models_without_a_loss(check, invalid):
    with invalid("model"):
        check(lambda x: x, X, X)
    model = models.mlp(2, 2, task="regression", compile=False)
    with invalid("model", value="mlp"):
        check(model, X, X)
    with pytest.raises(TypeError, match="Did you mean `model`"):
        check(modell=model)


@pytest.mark.parametrize(("argument", "value"), [("samples", 0), ("seed", -1)])
def test_arguments_that_are_refused(argument, value, invalid):
    with invalid(argument, value=value):
        check_gradients(line(), X, X, **{argument: value})


def test_a_loss_that_is_not_finite(invalid):
    model = line()
    model.set_weights([np.full((2, 2), np.inf), np.zeros(2)])
    with invalid("model"):
        check_gradients(model, X, X)


def test_a_model_without_trainable_weights(invalid):
    model = line()
    model.trainable = False
    with invalid("model", value="line"):
        check_gradients(model, X, X)


def test_a_model_without_a_configuration(invalid):
    class Subclassed(keras.Model):
        def __init__(self, width):
            super().__init__(name="subclassed")
            self.dense = keras.layers.Dense(width)

        def call(self, x):
            return self.dense(x)

    model = Subclassed(2)
    model.compile(loss="mse")
    model(X)
    with invalid("model", value="subclassed"):
        check_gradients(model, X, X)
    assert keras.config.floatx() == "float32"


@pytest.mark.parametrize("check", [gradients, check_gradients])
@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (None, X, "`x` must"),
        (X, None, "`y` must"),
        (np.where(X > 5, np.nan, X), X, "`x` must"),
        (X, np.where(X > 5, np.inf, X), "`y` must"),
        (X, X[:2], "`y`"),
        (X[:0], X[:0], "`x` must"),
        (X, X[:, :1], "`y` must"),
        (X, X.astype(str), "`y` must"),
        (X.astype(object), X, "`x` must"),
        (X[:, :1], X, "expected axis -1 of input shape to have value 2"),
    ],
    ids=[
        *("no x", "no y", "NaN", "infinity", "lengths", "no rows"),
        *("one target", "text", "objects", "one column"),
    ],
)
def test_data_that_is_refused(check, x, y, words):
    with pytest.raises(ValueError, match=words):
        check(line(), x, y)
