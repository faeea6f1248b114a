"""What has no derivative, in words."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import models
from kerasnn.autodiff import check_gradients, gradients, jacobian, jvp, vjp

X = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32")
RUNS = {
    "vjp": lambda f, x: vjp(f, x)[1](f(tf.constant(x))),
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
    x = np.where(X > 5, np.nan, X)
    with pytest.raises(
        ValueError, match="`model` must have a finite loss and gradient on these ro"
    ):
        check_gradients(line(), x, X)


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
