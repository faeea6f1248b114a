"""GraphConvolution: sparse adjacency, single graphs, and inputs that are refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn.layers import GraphConvolution

RNG = np.random.default_rng(0)
H = RNG.normal(size=(3, 5, 4)).astype("float32")
UPPER = np.triu(RNG.integers(0, 2, size=(3, 5, 5)) * RNG.uniform(0.5, 2, size=(3, 5, 5)), 1)
UPPER[0, :, 4] = 0  # A node without neighbours.
A = (UPPER + UPPER.transpose(0, 2, 1)).astype("float32")
LAYER = GraphConvolution(2, activation="tanh", kernel_initializer=keras.initializers.HeNormal(1))


def sparse(adjacency):
    return tf.sparse.from_dense(adjacency)


@pytest.mark.parametrize("jit", [None, True])
def test_sparse_equals_dense(jit):
    run = LAYER if jit is None else tf.function(lambda x: LAYER(x), jit_compile=jit)
    outputs = run([tf.constant(H), sparse(A)]).numpy()
    np.testing.assert_allclose(outputs, LAYER([H, A]).numpy(), rtol=1e-5, atol=1e-6)


def test_sparse_directed_edges():
    """Node i receives from node j where A_ij > 0: rows are incoming edges."""
    outputs = LAYER([H, sparse(UPPER.astype("float32"))]).numpy()
    np.testing.assert_allclose(outputs, LAYER([H, UPPER]).numpy(), rtol=1e-5, atol=1e-6)
    degree = UPPER.sum(axis=2) + 1
    root = 1 / np.sqrt(degree)
    mixed = root[:, :, None] * (UPPER + np.eye(5)) * root[:, None, :]
    wanted = np.tanh(mixed @ H @ LAYER.get_weights()[0])
    np.testing.assert_allclose(outputs, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [np.asarray, sparse])
def test_a_single_graph_needs_no_batch_axis(make):
    outputs = LAYER([H[1], make(A[1])]).numpy()
    np.testing.assert_allclose(outputs, LAYER([H, A]).numpy()[1], rtol=1e-5, atol=1e-6)


def test_an_isolated_node_keeps_its_own_features():
    alone = np.tanh(H[0, 4] @ LAYER.get_weights()[0])
    for adjacency in (A, sparse(A)):
        outputs = LAYER([H, adjacency]).numpy()
        np.testing.assert_allclose(outputs[0, 4], alone, rtol=1e-5)
    nothing = LAYER([H, sparse(np.zeros_like(A))]).numpy()
    np.testing.assert_allclose(nothing, np.tanh(H @ LAYER.get_weights()[0]), rtol=1e-5)


def test_gradients_pass_through_sparse_edges():
    def gradient(adjacency):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(LAYER([H, adjacency]) ** 2)
        return tape.gradient(loss, LAYER.kernel.value)

    np.testing.assert_allclose(gradient(sparse(A)), gradient(A), rtol=1e-4, atol=1e-5)


def test_a_model_with_a_sparse_input(tmp_path):
    ends = [keras.Input((None, 4)), keras.Input((None, None), sparse=True)]
    model = keras.Model(ends, LAYER(ends))
    assert model.output_shape == (None, None, 2)
    wanted = LAYER([H, A]).numpy()
    inputs = (tf.constant(H), sparse(A))
    stream = tf.data.Dataset.from_tensors((inputs, wanted + 1))
    np.testing.assert_allclose(model.predict(stream, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(inputs), wanted, rtol=1e-5, atol=1e-6)
    loaded.compile(keras.optimizers.SGD(0.1), loss="mse")
    history = loaded.fit(stream, epochs=5, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(history[0], 1, rtol=1e-5)
    assert history[-1] < history[0]


@pytest.mark.parametrize(
    "inputs",
    [
        [H, -A],
        [H, sparse(-A)],
        [H, A[:, :4]],
        [H, A[:, :4, :4]],
        [H, sparse(A[:, :4, :4])],
        [H[0], A],
        [H[:2], A],
        H,
    ],
    ids=[
        *("negative", "negative, sparse", "not square", "other nodes", "other nodes, sparse"),
        *("one graph of features", "other graphs", "no adjacency"),
    ],
)
def test_inputs_that_are_refused(inputs, invalid):
    layer = GraphConvolution(2, name="mix")
    layer([H, A])
    with invalid("inputs"):
        layer(inputs)


def test_a_symbolic_adjacency_that_is_not_square(invalid):
    with invalid("inputs", value=((None, 5, 4), (None, 5, 6))):
        GraphConvolution(2)([keras.Input((5, 4)), keras.Input((5, 6))])
