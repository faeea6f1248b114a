"""Layers that builders make: kind, order, names and initialisers."""

import keras
import numpy as np
import pytest

from kerasnn import layers, models
from kerasnn.layers.activations.recommend import INITIALIZERS

HE = {
    *("relu", "relu6", "leaky_relu", "elu", "gelu"),
    *("silu", "swish", "mish", "softplus"),
}
GLOROT = {"tanh", "sigmoid", "hard_sigmoid", "softsign", "linear"}


def names(model):
    return [layer.name for layer in model.layers]


def hidden(activation, **arguments):
    model = models.mlp(300, task="binary", hidden=200, activation=activation, seed=0, **arguments)
    return model.get_layer("hidden_1")


@pytest.mark.parametrize(
    ("activations", "initializer", "deviation"),
    [
        (HE, keras.initializers.HeNormal, np.sqrt(2 / 300)),
        (GLOROT, keras.initializers.GlorotUniform, np.sqrt(2 / (300 + 200))),
        ({"selu"}, keras.initializers.LecunNormal, np.sqrt(1 / 300)),
    ],
    ids=["He", "Glorot", "LeCun"],
)
def test_the_initialiser_suits_the_activation(activations, initializer, deviation):
    for activation in activations:
        layer = hidden(activation)
        assert isinstance(layer.kernel_initializer, initializer)
        # Sixty thousand draws: the standard error of the estimate is 0.3%.
        np.testing.assert_allclose(layer.kernel.numpy().std(), deviation, rtol=0.015)


def test_every_activation_has_a_test():
    assert {"selu"} | HE | GLOROT == set(INITIALIZERS)


def test_an_activation_given_as_a_function():
    by_function = hidden(keras.activations.relu)
    assert isinstance(by_function.kernel_initializer, keras.initializers.HeNormal)
    np.testing.assert_array_equal(by_function.kernel, hidden("relu").kernel)


def test_the_initialiser_with_batch_normalisation():
    assert isinstance(
        hidden("selu", batch_norm=True).kernel_initializer, keras.initializers.LecunNormal
    )


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "count"])
def test_a_tenth_of_glorot_for_the_output(task):
    outputs = 2 if task == "multiclass" else 1
    kernel = models.mlp(4, outputs, task=task, hidden=(400,)).get_layer("output").get_weights()[0]
    limit = 0.1 * np.sqrt(6 / (400 + outputs))
    assert 0.98 * limit < np.abs(kernel).max() <= limit


@pytest.mark.parametrize("normalize", [True, False])
def test_biases_spread_the_hinges_of_the_first_relu_units(normalize):
    model = models.mlp(300, task="binary", hidden=(400, 400), normalize=normalize, seed=0)
    bias = model.get_layer("hidden_1").get_weights()[1]
    limit = np.sqrt(18 if normalize else 1 / 300)
    assert -limit <= bias.min() < -0.9 * limit
    assert 0.9 * limit < bias.max() <= limit
    assert not model.get_layer("hidden_2").get_weights()[1].any()


def test_hinges_lie_out_to_three_deviations_of_standardised_data():
    kernel, bias = models.mlp(300, task="binary", hidden=4000, seed=0).layers[1].get_weights()
    sums = np.random.default_rng(0).standard_normal((100, 300)) @ kernel
    np.testing.assert_allclose(np.abs(bias).max(), 3 * sums.std(), rtol=0.03)


@pytest.mark.parametrize("activation", ["tanh", "selu"])
def test_biases_of_others_start_at_zero(activation):
    assert not hidden(activation).get_weights()[1].any()


def test_one_activation_for_all_or_one_for_each():
    model = models.mlp(4, task="binary", hidden=(5, 6, 7), activation=("relu", "tanh", "selu"))
    dense = [model.get_layer(f"hidden_{i}") for i in (1, 2, 3)]
    assert [layer.units for layer in dense] == [5, 6, 7]
    assert [layer.activation.__name__ for layer in dense] == ["relu", "tanh", "selu"]
    initializers = [type(layer.kernel_initializer).__name__ for layer in dense]
    assert initializers == ["HeNormal", "GlorotUniform", "LecunNormal"]
    same = models.mlp(4, task="binary", hidden=(5, 6), activation="tanh")
    assert {same.get_layer(f"hidden_{i}").activation.__name__ for i in (1, 2)} == {"tanh"}


def test_one_rate_for_all_or_one_for_each():
    model = models.mlp(4, task="binary", hidden=(5, 6, 7), dropout=(0.1, 0.0, 0.3))
    assert names(model) == [
        *("standardize", "hidden_1", "dropout_1", "hidden_2", "hidden_3", "dropout_3", "output"),
    ]
    assert [model.get_layer(f"dropout_{i}").rate for i in (1, 3)] == [0.1, 0.3]
    same = models.mlp(4, task="binary", hidden=(5, 6), dropout=0.25)
    assert [same.get_layer(f"dropout_{i}").rate for i in (1, 2)] == [0.25, 0.25]
    assert all(isinstance(same.get_layer(f"dropout_{i}"), layers.Dropout) for i in (1, 2))


def test_no_dropout_no_layer():
    assert names(models.mlp(4, task="binary", hidden=5)) == ["standardize", "hidden_1", "output"]


def test_batch_normalisation_stands_before_the_activation():
    model = models.mlp(4, task="binary", hidden=(5, 6), batch_norm=True, dropout=0.5)
    assert names(model) == [
        "standardize",
        *("hidden_1", "hidden_1_norm", "hidden_1_activation", "dropout_1"),
        *("hidden_2", "hidden_2_norm", "hidden_2_activation", "dropout_2"),
        "output",
    ]
    dense, norm = model.get_layer("hidden_1"), model.get_layer("hidden_1_norm")
    assert isinstance(norm, keras.layers.BatchNormalization)
    assert dense.activation is keras.activations.linear
    assert not dense.use_bias
    assert norm.center
    assert model.get_layer("hidden_1_activation").activation is keras.activations.relu
    assert model.get_layer("output").use_bias


def test_no_hidden_layer_is_logistic_regression():
    model = models.mlp(4, task="binary", hidden=(), normalize=False, seed=0)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model(x), 1 / (1 + np.exp(-(x @ kernel + bias))), rtol=1e-5)


def test_an_mlp_by_hand():
    model = models.mlp(
        4, 3, task="multiclass", hidden=(5,), activation="tanh", normalize=False, seed=0
    )
    x = np.random.default_rng(0).normal(size=(6, 4))
    w1, b1, w2, b2 = (weight.astype(float) for weight in model.get_weights())
    logits = np.tanh(x @ w1 + b1) @ w2 + b2
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(x.astype("float32")), wanted, rtol=1e-5)


def test_inputs_of_several_axes_are_flattened():
    model = models.mlp((2, 3), task="binary", hidden=(), seed=0)
    assert names(model) == ["flatten", "standardize", "output"]
    x = np.arange(12, dtype="float32").reshape(2, 2, 3)
    flat = models.mlp(6, task="binary", hidden=(), seed=0)
    np.testing.assert_allclose(model(x), flat(x.reshape(2, 6)), rtol=1e-5)


def test_numpy_integers_are_sizes():
    model = models.mlp(np.int64(4), np.int64(3), task="multiclass", hidden=np.arange(5, 7)[0])
    assert model.get_layer("hidden_1").units == 5
    assert model.output_shape == (None, 3)
    assert models.mlp([np.int64(4)], task="binary", hidden=[5]).input_shape == (None, 4)


def test_a_cnn_in_vggs_style():
    model = models.cnn(
        (8, 8, 3), 10, task="multiclass", filters=(4, 8), convolutions=2, hidden=(16,), dropout=0.5
    )
    assert names(model) == [
        "standardize",
        *("block1_conv1", "block1_conv2", "block1_pool"),
        *("block2_conv1", "block2_conv2", "block2_pool"),
        *("flatten", "hidden_1", "dropout_1", "output"),
    ]
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes["block1_conv2"] == (8, 8, 4)
    assert shapes["block1_pool"] == (4, 4, 4)
    assert shapes["block2_pool"] == (2, 2, 8)
    assert shapes["flatten"] == (32,)


@pytest.mark.parametrize(
    ("pool", "layer", "reduce"),
    [
        ("max", keras.layers.MaxPooling2D, np.max),
        ("average", keras.layers.AveragePooling2D, np.mean),
    ],
)
def test_pooling(pool, layer, reduce):
    model = models.cnn((4, 6, 1), task="binary", filters=2, hidden=(), pool=pool, seed=0)
    pooled = model.get_layer("block1_pool")
    assert isinstance(pooled, layer)
    x = np.random.default_rng(0).normal(size=(1, 4, 6, 2)).astype("float32")
    windows = x.reshape(1, 2, 2, 3, 2, 2)
    np.testing.assert_allclose(pooled(x), reduce(windows, axis=(2, 4)), rtol=1e-6)


def test_odd_sizes_are_rounded_down():
    model = models.cnn((9, 7, 1), task="binary", filters=(2, 2), hidden=())
    assert model.get_layer("block2_pool").output.shape == (None, 2, 1, 2)


def test_augmentation_is_for_training_only():
    model = models.cnn((8, 8, 1), task="binary", filters=2, hidden=(), augment=True, seed=0)
    plain = models.cnn((8, 8, 1), task="binary", filters=2, hidden=(), seed=0)
    assert names(model)[:2] == ["augment_shift", "augment_rotate"]
    assert names(model)[2:] == names(plain)
    for layer in ("block1_conv1", "output"):
        plain.get_layer(layer).set_weights(model.get_layer(layer).get_weights())
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    wanted = plain.predict(x, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(x, training=False), wanted, rtol=1e-5, atol=1e-6)
    assert np.abs(model(x, training=True) - plain(x, training=True)).max() > 1e-3
    turned = model.get_layer("augment_shift")(x, training=True)
    assert np.abs(turned - x).max() > 0.1
    np.testing.assert_array_equal(model.get_layer("augment_shift")(x, training=False), x)


def test_augmentation_by_name():
    every = ("flip", "flip_vertical", "shift", "rotate", "zoom")
    model = models.cnn((8, 8, 1), task="binary", filters=2, hidden=(), augment=every, seed=0)
    assert names(model)[:5] == [f"augment_{name}" for name in every]
    x = np.random.default_rng(0).normal(size=(16, 8, 8, 1)).astype("float32")
    flipped = np.asarray(model.get_layer("augment_flip")(x, training=True))
    is_flipped = [np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, x, strict=True)]
    is_same = [np.array_equal(a, b) for a, b in zip(flipped, x, strict=True)]
    assert 0 < sum(is_flipped) < 16
    assert sum(is_flipped) + sum(is_same) == 16
    zoomed = model.get_layer("augment_zoom")(x, training=True)
    assert np.abs(zoomed - x).max() > 0.1
    model.fit(x, np.arange(16) % 2, epochs=1, verbose=0)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(again(x, training=False), wanted, atol=1e-6)


@pytest.mark.parametrize("augment", ["flop", ("flip", "flip"), 3, ["flip", None]])
def test_unknown_augmentation(invalid, augment):
    with invalid("augment"):
        models.cnn((8, 8, 1), task="binary", augment=augment)


@pytest.mark.parametrize(
    ("cell", "layer"),
    [("lstm", keras.layers.LSTM), ("gru", keras.layers.GRU), ("simple", keras.layers.SimpleRNN)],
)
def test_recurrent_cells(cell, layer):
    model = models.rnn((5, 3), task="binary", cell=cell, units=(4, 2), dropout=(0.5, 0.0))
    assert names(model) == ["standardize", f"{cell}_1", "dropout_1", f"{cell}_2", "output"]
    first, last = model.get_layer(f"{cell}_1"), model.get_layer(f"{cell}_2")
    assert isinstance(first, layer)
    assert first.output.shape == (None, 5, 4)
    assert last.output.shape == (None, 2)
    assert first.activation is keras.activations.tanh
    recurrent = first.cell.recurrent_kernel.numpy()[:, :4]
    assert isinstance(first.cell.recurrent_initializer, keras.initializers.Orthogonal)
    assert recurrent.shape == (4, 4)


def test_both_directions_start_from_different_weights():
    """By default Keras's `Bidirectional` starts both from the same seed."""
    model = models.rnn((5, 3), task="binary", units=(4, 2), bidirectional=True, seed=0)
    assert names(model) == ["standardize", "bidirectional_1", "bidirectional_2", "output"]
    for name in ("bidirectional_1", "bidirectional_2"):
        both = model.get_layer(name)
        forward, backward = both.forward_layer.cell, both.backward_layer.cell
        assert (forward.kernel.numpy() != backward.kernel.numpy()).all()
        assert (forward.recurrent_kernel.numpy() != backward.recurrent_kernel.numpy()).any()
        assert both.backward_layer.go_backwards
    assert model.get_layer("bidirectional_1").output.shape == (None, 5, 8)
    again = models.rnn((5, 3), task="binary", units=(4, 2), bidirectional=True, seed=0)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_both_directions_of_a_bidirectional_layer_read_the_sequence(tmp_path):
    model = models.rnn((5, 3), task="binary", units=4, cell="gru", bidirectional=True, seed=0)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    both = model.get_layer("bidirectional_1")
    outputs = both(x).numpy()
    np.testing.assert_allclose(outputs[:, :4], both.forward_layer(x), atol=1e-6)
    np.testing.assert_allclose(outputs[:, 4:], both.backward_layer(x), atol=1e-6)
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_sequences_of_any_length():
    model = models.rnn((None, 3), task="binary", units=4, seed=0)
    x = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")
    assert model.predict(x, verbose=0).shape == (2, 1)
    assert model.predict(x[:, :4], verbose=0).shape == (2, 1)


def test_graphs_of_any_size():
    model = models.graph_network(3, 2, task="multiclass", units=(4, 5), dropout=0.5, seed=0)
    assert names(model) == [
        *("features", "standardize", "adjacency", "hidden_1", "dropout_1", "hidden_2"),
        *("dropout_2", "output"),
    ]
    for nodes in (3, 7):
        graph = {"features": np.ones((2, nodes, 3)), "adjacency": np.zeros((2, nodes, nodes))}
        assert model.predict(graph, verbose=0).shape == (2, nodes, 2)


def test_a_graph_network_without_edges_is_an_mlp():
    graph = models.graph_network(3, 2, task="multiclass", units=(4,), seed=0)
    mlp = models.mlp(3, 2, task="multiclass", hidden=(4,), seed=1)
    for name in ("hidden_1", "output"):
        mlp.get_layer(name).set_weights(graph.get_layer(name).get_weights())
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    outputs = graph({"features": x, "adjacency": np.zeros((2, 5, 5), "float32")}).numpy()
    np.testing.assert_allclose(outputs.reshape(10, 2), mlp(x.reshape(10, 3)), rtol=1e-5)
