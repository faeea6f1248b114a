"""Recommended activations, and their use by the builders."""

import copy
import inspect
import pickle

import keras
import numpy as np
import pytest

from kerasnn import models, tasks
from kerasnn.layers import LeakyReLU, recommend_activation

# From the textbook, not from the code: Goodfellow, Bengio & Courville (2016).
OUTPUTS = {
    "binary": "sigmoid",
    "multiclass": "softmax",
    "multilabel": "sigmoid",
    "regression": "linear",
    "count": "exponential",
}
HIDDEN = {
    "mlp": ("relu", "HeNormal"),
    "cnn": ("relu", "HeNormal"),
    "rnn": ("tanh", "GlorotUniform"),
}
BUILDERS = {
    "mlp": lambda **options: models.mlp(4, hidden=5, **options),
    "cnn": lambda **options: models.cnn((4, 4, 1), filters=2, hidden=5, **options),
    "rnn": lambda **options: models.rnn((3, 2), units=(4, 3), **options),
}


@pytest.mark.parametrize("network", HIDDEN)
@pytest.mark.parametrize("task", OUTPUTS)
def test_the_table(task, network):
    hidden = recommend_activation(task, network=network)
    output = recommend_activation(task, "output", network)
    assert (hidden, hidden.initializer) == HIDDEN[network]
    assert output == OUTPUTS[task]
    for recommended in (hidden, output):
        assert isinstance(recommended, str)
        assert len(recommended.reason) > 30


def test_every_task_is_in_the_table():
    assert set(OUTPUTS) == {str(task) for task in tasks.Task}
    assert recommend_activation(tasks.count, "output") == "exponential"


@pytest.mark.parametrize(
    ("task", "network"),
    [*((task, "mlp") for task in OUTPUTS), ("multiclass", "cnn"), ("count", "rnn")],
)
def test_the_builders_use_them(task, network):
    outputs = {"multiclass": 3}.get(task, 1)
    model = BUILDERS[network](task=task, outputs=outputs, compile=False)
    hidden = recommend_activation(task, "hidden", network)
    for layer in model.layers:
        inner = getattr(layer, "cell", layer)
        if not hasattr(inner, "kernel"):
            continue
        wanted = recommend_activation(task, "output") if layer.name == "output" else hidden
        assert inner.activation is keras.activations.get(wanted)
        if layer.name != "output":
            assert type(inner.kernel_initializer).__name__ == wanted.initializer


@pytest.mark.parametrize("network", ["mlp", "cnn"])
def test_the_default_activation_of_the_builders(network):
    default = inspect.signature(getattr(models, network)).parameters["activation"].default
    assert default == recommend_activation("binary", "hidden", network)


def test_a_recommendation_is_the_name_of_an_activation():
    recommended = recommend_activation("binary")
    dense = keras.layers.Dense(2, recommended, kernel_initializer=recommended.initializer)
    assert dense.activation is keras.activations.relu
    assert isinstance(dense.kernel_initializer, keras.initializers.HeNormal)
    model = models.mlp(3, task="binary", activation=recommended, seed=0)
    plain = models.mlp(3, task="binary", activation="relu", seed=0)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("layer", [LeakyReLU, keras.layers.PReLU])
def test_a_layer_of_the_relu_family(layer):
    """Its initial weights and biases are those of "relu"."""
    model = models.mlp(3, task="binary", hidden=(5,), activation=layer(), seed=0)
    plain = models.mlp(3, task="binary", hidden=(5,), activation="relu", seed=0)
    for ours, theirs in zip(
        model.get_layer("hidden_1").get_weights()[:2],
        plain.get_layer("hidden_1").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_a_copy_keeps_the_reason(duplicate):
    recommended = recommend_activation("count", "output")
    again = duplicate(recommended)
    assert (again, again.reason) == (recommended, recommended.reason)
    assert again.initializer == recommended.initializer


@pytest.mark.parametrize(
    ("arguments", "argument", "hint"),
    [
        (["binry"], "task", "`binary`"),
        (["binary", "hiden"], "position", "`hidden`"),
        (["binary", "hidden", "cn"], "network", "`cnn`"),
    ],
)
def test_unknown_words(arguments, argument, hint, invalid):
    with invalid(argument, value=arguments[-1]) as caught:
        recommend_activation(*arguments)
    assert hint in caught.value.hint


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="Did you mean `position`"):
        recommend_activation("binary", postion="output")
