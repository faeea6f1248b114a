"""What has no derivative, in words."""

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
def test_whole_numbers_as_inputs(run):
    message = r"`xs?(\[0\])?` must hold floating-point numbers; got dtype int64. Cast it to float32"
    with pytest.raises(ValueError, match=message):
        run(lambda x: x, X.astype("int64"))


def test_the_input_that_is_meant():
    with pytest.raises(ValueError, match=r"`xs\[1\]\['a'\]` must hold floating-point numbers"):
        vjp(lambda a, b: a, X, {"a": 1})
    with pytest.raises(ValueError, match=r"`xs\[1\]` must hold floating-point numbers"):
        jvp(lambda a, b: a, (X, True), (X, True))


@each
@pytest.mark.parametrize("function", [lambda x: tf.argmax(x, axis=1), lambda x: x > 2])
def test_outputs_that_are_no_floating_point_numbers(run, function):
    message = r"`f\(...\)` must hold floating-point numbers; got dtype (int64|bool). A class num"
    with pytest.raises(ValueError, match=message):
        run(function, X)


@each
@pytest.mark.parametrize(
    "function", [tf.round, lambda x: x.numpy() ** 2, lambda x: tf.cast(x > 2, "float32")]
)
def test_outputs_that_are_cut_off(run, function):
    message = "`f` must compute its output from its inputs by differentiable operations; got an out"
    with pytest.raises(ValueError, match=message):
        run(function, X)


def test_vectors_of_another_shape():
    _, pullback = vjp(lambda x: keras.ops.sum(x, axis=1), X)
    for v in (np.ones(2), np.ones((3, 1)), 1.0):
        with pytest.raises(ValueError, match=r"`v` must have the shape of `y`, \(3,\); got \("):
            pullback(v)
    with pytest.raises(ValueError, match=r"`vs` must have the shape of `xs`, \(3, 2\); got \(2,"):
        jvp(lambda x: x, X, [1.0, 2.0])


def test_vectors_of_another_structure():
    _, pullback = vjp(lambda x: {"a": x, "b": (x, x)}, X)
    with pytest.raises(ValueError, match=r"`v` must be a dict with the keys of `y`, \['a', 'b'\]"):
        pullback({"a": X})
    with pytest.raises(ValueError, match=r"`v\['b'\]` must hold 2 arrays, as `y\['b'\]` does; g"):
        pullback({"a": X, "b": X})
    message = r"`v\['b'\]\[1\]` must have the shape of `y\['b'\]\[1\]`, \(3, 2\); got \(2,\)"
    with pytest.raises(ValueError, match=message):
        pullback({"a": X, "b": (X, X[0])})
    with pytest.raises(ValueError, match="`vs` must hold 2 arrays, as `xs` does; got vs="):
        jvp(lambda a, b: a, (X, X), (X,))


def test_no_arguments():
    with pytest.raises(ValueError, match=r"`xs` must hold at least one argument; got xs=\(\)"):
        vjp(lambda: 1.0)


@pytest.mark.parametrize("check", [gradients, check_gradients])
def test_models_without_a_loss(check):
    with pytest.raises(ValueError, match="`model` must be a Keras model; got model="):
        check(lambda x: x, X, X)
    model = models.mlp(2, 2, task="regression", compile=False)
    message = r"`model` must be compiled, so that it has a loss; `mlp` is not. Call `model.compile"
    with pytest.raises(ValueError, match=message):
        check(model, X, X)
    with pytest.raises(TypeError, match=r"has no argument `modell`. Did you mean `model`\?"):
        check(modell=model)


def line():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)], name="line")
    model.compile(loss="mse")
    return model


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "`samples` must be a whole number of at least 1; got samples=0"),
        ({"seed": -1}, "`seed` must be a whole number of at least 0; got seed=-1"),
    ],
)
def test_options_that_are_none(options, message):
    with pytest.raises(ValueError, match=message):
        check_gradients(line(), X, X, **options)


def test_a_loss_that_is_not_finite():
    model = line()
    model.set_weights([np.full((2, 2), np.inf), np.zeros(2)])
    message = "`model` must have a finite loss and gradient on these ro"
    with pytest.raises(ValueError, match=message):
        check_gradients(model, X, X)


@pytest.mark.parametrize("check", [gradients, check_gradients])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (None, X, "`x` must hold numbers, one row for each example; got x=None."),
        (X, None, "`y` must hold numbers, one row for each example; got y=None."),
        (np.where(X > 5, np.nan, X), X, "`x` must hold finite numbers; got nan in row 2, column 1"),
        (X, np.where(X > 5, np.inf, X), "`y` must hold finite numbers; got inf in row 2, column 1"),
        (X, X[:2], "`x` and `y` must have the same number of rows; got 3 and 2."),
        (X[:0], X[:0], r"`x` must hold at least one row; got shape \(0, 2\)"),
        (X, X[:, :1], r"`y` must have the output's shape, \(batch, 2\); got \(3, 1\). Keras would"),
        (X, X.astype(str), "`y` must hold numbers; got dtype object"),
        (X.astype(object), X, "`x` must hold numbers; got dtype object"),
        (X[:, :1], X, "expected axis -1 of input shape to have value 2, but received input with"),
    ],
)
def test_data_that_cannot_be_right(check, x, y, message):
    with pytest.raises(ValueError, match=message):
        check(line(), x, y)


@each
@pytest.mark.parametrize("f", [None, 3, "sin"])
def test_what_is_no_function(run, f):
    with pytest.raises(ValueError, match="`f` must be a function or a Keras model; got f="):
        run(f, X)


@each
def test_functions_that_return_nothing(run):
    with pytest.raises(
        ValueError, match=r"`f\(...\)` must hold at least one array; got f\(...\)=N"
    ):
        run(lambda x: None, X)


@pytest.mark.parametrize("x", [None, np.array([None]), X.astype(object)])
def test_inputs_that_are_no_arrays(x):
    for call in (lambda: vjp(lambda a: a, x), lambda: jacobian(lambda a: a, x)):
        with pytest.raises(ValueError, match="must be an array of floating-point numbers; got x"):
            call()


@pytest.mark.parametrize("v", [None, "up", X * 1j])
def test_vectors_that_are_no_numbers(v):
    _, pullback = vjp(lambda x: x, X)
    with pytest.raises(
        ValueError, match=r"`v` must (be an array of|hold) floating-point numbers; g"
    ):
        pullback(v)


def test_nothing_to_train():
    model = line()
    model.trainable = False
    with pytest.raises(ValueError, match="`model` must have trainable weights; `line` has none"):
        check_gradients(model, X, X)


def test_a_model_that_cannot_be_made_again():
    class Own(keras.Model):
        def __init__(self, width):
            super().__init__(name="own")
            self.dense = keras.layers.Dense(width)

        def call(self, x):
            return self.dense(x)

    model = Own(2)
    model.compile(loss="mse")
    model(X)
    message = "`model` must be made of layers and losses that `get_config` and `from_config` make"
    with pytest.raises(ValueError, match=message):
        check_gradients(model, X, X)
    assert keras.config.floatx() == "float32"
