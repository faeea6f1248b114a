"""vjp, jvp and jacobian against each other, and against derivatives by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import models
from kerasnn.autodiff import jacobian, jvp, vjp

RNG = np.random.default_rng(0)
NETWORKS = {
    "mlp": (lambda: models.mlp(4, 3, task="multiclass", hidden=(5,), seed=0), (2, 4)),
    "cnn": (
        lambda: models.cnn((4, 4, 1), 3, task="multiclass", filters=2, hidden=4, seed=0),
        (2, 4, 4, 1),
    ),
    "rnn": (lambda: models.rnn((3, 3), 3, task="multiclass", units=3, seed=0), (2, 3, 3)),
}


@pytest.fixture
def dtype(request):
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_floatx("float32")


@pytest.mark.parametrize(
    ("network", "dtype"),
    [("mlp", "float32"), ("cnn", "float64"), ("rnn", "float32")],
    indirect=["dtype"],
)
def test_products_equal_those_with_the_jacobian(network, dtype):
    build, shape = NETWORKS[network]
    model, x = build(), RNG.normal(size=shape).astype(dtype)
    y, pullback = vjp(model, x)
    v, direction = RNG.normal(size=y.shape), RNG.normal(size=shape)
    full = jacobian(model, x)
    assert full.dtype == dtype
    assert full.shape == (*y.shape, *shape)
    tolerance = {"float32": 1e-6, "float64": 1e-12}[dtype]
    wanted = np.tensordot(v, full.numpy().astype(float), axes=v.ndim)
    [back] = pullback(v)
    assert back.shape == shape
    np.testing.assert_allclose(back, wanted, rtol=0, atol=tolerance)
    same, forward = jvp(model, x, direction)
    np.testing.assert_allclose(same, y)
    wanted = np.tensordot(full.numpy().astype(float), direction, axes=len(shape))
    np.testing.assert_allclose(forward, wanted, rtol=0, atol=tolerance)


def test_the_jacobian_of_an_mlp_by_hand():
    """dy/dx = W2 diag(1 - tanh^2) W1: the chain rule, for every row of the batch by itself."""
    model = models.mlp(
        4, 3, task="regression", hidden=5, activation="tanh", normalize=False, seed=0
    )
    x = RNG.normal(size=(2, 4)).astype("float32")
    w1, b1, w2, _ = (w.astype(float) for w in model.get_weights())
    full = jacobian(model, x).numpy()
    for i, row in enumerate(x):
        slope = 1 - np.tanh(row @ w1 + b1) ** 2
        wanted = (w1 * slope) @ w2
        np.testing.assert_allclose(full[i, :, i], wanted.T, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(full[0, :, 1], 0)


def test_the_jacobian_by_differences():
    """Of Rosenbrock's valley, in float64."""

    def valley(x):
        return tf.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])

    x, step = np.array([-1.2, 1.0]), 1e-6
    columns = [(valley(x + step * e) - valley(x - step * e)) / (2 * step) for e in np.eye(2)]
    np.testing.assert_allclose(jacobian(valley, x), np.stack(columns, axis=1), rtol=1e-8)
    np.testing.assert_allclose(jacobian(valley, x), [[24, 10], [-1, 0]])


def test_several_arguments():
    a, b = np.array([2.0, 3.0]), np.array([5.0, 7.0])
    y, pullback = vjp(lambda a, b: a**2 * b, a, b)
    np.testing.assert_allclose(y, [20, 63])
    for v in ([1.0, 0.0], [0.0, 1.0], [2.0, -1.0]):
        by_a, by_b = pullback(v)
        v = np.array(v)
        np.testing.assert_allclose(by_a, v * 2 * a * b)
        np.testing.assert_allclose(by_b, v * a**2)
    y, dy = jvp(lambda a, b: a**2 * b, (a, b), ([1.0, 0.0], [0.0, 1.0]))
    np.testing.assert_allclose(dy, [2 * 2 * 5, 9])


def test_the_same_array_as_two_arguments():
    x = tf.constant([3.0])
    _, pullback = vjp(lambda a, b: a**2 * b, x, x)
    assert [float(part[0]) for part in pullback([1.0])] == [18, 9]
    _, dy = jvp(lambda a, b: a**2 * b, (x, x), ([1.0], [0.0]))
    assert float(dy[0]) == 18


def nested(x):
    return {"sum": x["a"] + 2 * x["b"][0], "rest": (x["b"][1] ** 2, x["a"] * 3)}


POINT = {"b": [np.array([1.0, 2.0]), np.array(5.0)], "a": np.array([3.0, 4.0])}


def test_nested_structures_backward():
    y, pullback = vjp(nested, POINT)
    assert set(y) == {"sum", "rest"}
    [parts] = pullback({"rest": [2.0, [1.0, 10.0]], "sum": [1.0, 1.0]})
    np.testing.assert_allclose(parts["a"], [1 + 3, 1 + 30])
    np.testing.assert_allclose(parts["b"][0], [2, 2])
    np.testing.assert_allclose(parts["b"][1], 2 * 2 * 5)


def test_nested_structures_forward():
    direction = {"a": [1.0, 0.0], "b": [[0.0, 1.0], 0.5]}
    y, dy = jvp(nested, POINT, direction)
    np.testing.assert_allclose(y["rest"][0], 25)
    np.testing.assert_allclose(dy["sum"], [1, 2])
    np.testing.assert_allclose(dy["rest"][0], 5)
    np.testing.assert_allclose(dy["rest"][1], [3, 0])


def test_nested_structures_in_full():
    full = jacobian(nested, POINT)
    np.testing.assert_allclose(full["sum"]["a"], np.eye(2))
    np.testing.assert_allclose(full["sum"]["b"][0], 2 * np.eye(2))
    np.testing.assert_allclose(full["rest"][0]["b"][1], 10)
    # Derivatives of unconnected pairs are zeros, in their shape.
    np.testing.assert_array_equal(full["rest"][0]["a"], [0, 0])
    np.testing.assert_array_equal(full["sum"]["b"][1], [0, 0])


def test_a_model_of_several_inputs():
    ends = {"left": keras.Input((2,), name="left"), "right": keras.Input((2,), name="right")}
    model = keras.Model(ends, keras.layers.Multiply()([ends["left"], ends["right"]]))
    x = {"left": np.array([[2.0, 3.0]], "float32"), "right": np.array([[5.0, 7.0]], "float32")}
    _, pullback = vjp(model, x)
    [parts] = pullback(np.ones((1, 2)))
    np.testing.assert_allclose(parts["left"], x["right"])
    np.testing.assert_allclose(parts["right"], x["left"])
    _, dy = jvp(model, x, {"left": np.ones((1, 2)), "right": np.zeros((1, 2))})
    np.testing.assert_allclose(dy, x["right"])


def test_an_unused_argument_gets_zeros():
    _, pullback = vjp(lambda a, b: 2 * a, 1.0, np.ones(3))
    by_a, by_b = pullback(1.0)
    assert float(by_a) == 2
    np.testing.assert_array_equal(by_b, np.zeros(3))


def test_models_run_in_inference():
    model = models.mlp(4, task="regression", hidden=50, dropout=0.5, batch_norm=True, seed=0)
    before = model.get_weights()
    x = np.ones((2, 4), "float32")
    y, pullback = vjp(model, x)
    np.testing.assert_allclose(y, model(x, training=False))
    np.testing.assert_array_equal(pullback(y)[0], vjp(model, x)[1](y)[0])
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    _, pullback = vjp(lambda x: x**2, tf.cast([1.0, 3.0], dtype))
    [back] = pullback([1.0, 1.0])
    assert back.dtype == dtype
    np.testing.assert_array_equal(tf.cast(back, "float32"), [2, 6])


def test_inside_a_compiled_program():
    @tf.function(jit_compile=True)
    def run(x, v):
        y, pullback = vjp(lambda x: keras.ops.sin(x), x)
        return y, pullback(v)[0], jvp(keras.ops.sin, x, v)[1]

    x, v = np.array([0.1, 0.2], "float32"), np.array([1.0, 3.0], "float32")
    _, back, forward = run(x, v)
    np.testing.assert_allclose(back, v * np.cos(x), rtol=1e-6)
    np.testing.assert_allclose(forward, v * np.cos(x), rtol=1e-6)
