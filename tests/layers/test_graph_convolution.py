"""GraphConvolution against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn.layers import GraphConvolution

RNG = np.random.default_rng(0)
H = RNG.normal(size=(3, 5, 4)).astype("float32")
EDGES = np.triu(RNG.integers(0, 2, size=(3, 5, 5)), 1)
A = (EDGES + EDGES.transpose(0, 2, 1)).astype("float32")


def by_hand(features, adjacency, kernel, bias):
    """f = tanh; one graph after another, with D^-1/2 as a diagonal matrix."""
    outputs = []
    for graph, edges in zip(features.astype(float), adjacency.astype(float), strict=True):
        looped = edges + np.eye(len(edges))
        root = np.diag(looped.sum(axis=1) ** -0.5)
        outputs.append(np.tanh(root @ looped @ root @ graph @ kernel + bias))
    return np.array(outputs)


@pytest.mark.parametrize("use_bias", [True, False])
def test_by_hand(use_bias):
    layer = GraphConvolution(2, activation="tanh", use_bias=use_bias)
    layer.build([(None, 5, 4), (None, 5, 5)])
    weights = [RNG.normal(size=(4, 2)), RNG.normal(size=2)][: 1 + use_bias]
    layer.set_weights(weights)
    bias = weights[1] if use_bias else 0
    np.testing.assert_allclose(
        layer([H, A]).numpy(), by_hand(H, A, weights[0], bias), rtol=1e-5, atol=1e-6
    )


def test_weighted_edges():
    layer = GraphConvolution(2, activation="tanh")
    strength = A * RNG.uniform(0.1, 3, size=A.shape)
    strength = (strength + strength.transpose(0, 2, 1)).astype("float32")
    outputs = layer([H, strength]).numpy()
    wanted = by_hand(H, strength, layer.get_weights()[0], layer.get_weights()[1])
    np.testing.assert_allclose(outputs, wanted, rtol=1e-5, atol=1e-6)


def test_a_node_without_neighbours_keeps_its_features():
    layer = GraphConvolution(4, kernel_initializer=keras.initializers.Identity())
    np.testing.assert_allclose(layer([H, np.zeros_like(A)]).numpy(), H, rtol=1e-6)


def test_a_complete_graph_gives_the_mean():
    layer = GraphConvolution(4, kernel_initializer=keras.initializers.Identity())
    outputs = layer([H, np.ones_like(A) - np.eye(5, dtype="float32")]).numpy()
    np.testing.assert_allclose(
        outputs, np.repeat(H.mean(axis=1, keepdims=True), 5, axis=1), atol=1e-6
    )


def test_the_order_of_nodes_does_not_matter():
    layer = GraphConvolution(3, activation="relu")
    order = RNG.permutation(5)
    shuffled = layer([H[:, order], A[:, order][:, :, order]]).numpy()
    np.testing.assert_allclose(shuffled, layer([H, A]).numpy()[:, order], atol=1e-6)


def test_graphs_of_a_batch_are_independent():
    layer = GraphConvolution(3)
    together = layer([H, A]).numpy()
    alone = np.concatenate([layer([H[i : i + 1], A[i : i + 1]]).numpy() for i in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)


def test_integer_edges():
    layer = GraphConvolution(3)
    np.testing.assert_allclose(layer([H, A.astype("int32")]).numpy(), layer([H, A]).numpy())


def test_the_penalty_is_on_the_kernel_only():
    layer = GraphConvolution(2, kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2))
    layer([H, A])
    layer.bias.assign([5, 5])
    kernel = layer.get_weights()[0]
    [penalty] = layer.losses
    np.testing.assert_allclose(
        penalty, 0.1 * np.abs(kernel).sum() + 0.2 * (kernel**2).sum(), rtol=1e-6
    )


def test_the_gradient_by_differences():
    layer = GraphConvolution(2, activation="tanh", dtype="float64")
    layer([H.astype("float64"), A.astype("float64")])

    def loss():
        return tf.reduce_sum(layer([H.astype("float64"), A.astype("float64")]) ** 2)

    with tf.GradientTape() as tape:
        value = loss()
    gradient = tape.gradient(value, layer.kernel.value).numpy()
    kernel, step = layer.get_weights()[0], 1e-6
    for index in [(0, 0), (3, 1)]:
        moved = kernel.copy()
        moved[index] += step
        layer.kernel.assign(moved)
        up = float(loss())
        moved[index] -= 2 * step
        layer.kernel.assign(moved)
        np.testing.assert_allclose(gradient[index], (up - float(loss())) / (2 * step), rtol=1e-6)
        layer.kernel.assign(kernel)
