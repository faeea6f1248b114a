"""The decision tree for activations, and that the builders follow it."""

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


@pytest.mark.parametrize("network", HIDDEN)
@pytest.mark.parametrize("task", OUTPUTS)
def test_the_builders_follow_it(task, network):
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
def test_the_default_of_the_builders(network):
    default = inspect.signature(getattr(models, network)).parameters["activation"].default
    assert default == recommend_activation("binary", "hidden", network)


def test_it_is_the_name_of_an_activation():
    recommended = recommend_activation("binary")
    dense = keras.layers.Dense(2, recommended, kernel_initializer=recommended.initializer)
    assert dense.activation is keras.activations.relu
    assert isinstance(dense.kernel_initializer, keras.initializers.HeNormal)
    model = models.mlp(3, task="binary", activation=recommended, seed=0)
    plain = models.mlp(3, task="binary", activation="relu", seed=0)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "layer",
    [LeakyReLU, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU],
)
def test_a_rectifier_may_be_a_layer(layer):
    """It starts from the weights and biases that "relu" starts from."""
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
    ("arguments", "message"),
    [
        (["binry"], r"`task` must be one of .*Did you mean `binary`\?"),
        (["binary", "hiden"], r"`position` must be one of 'hidden', 'output'; got position='hid"),
        (["binary", "hidden", "cn"], r"`network` must be one of 'mlp', 'cnn', 'rnn'; got netwo"),
    ],
)
def test_what_is_unknown(arguments, message):
    with pytest.raises(ValueError, match=message):
        recommend_activation(*arguments)


def test_a_misspelt_argument():
    with pytest.raises(TypeError, match=r"has no argument `postion`. Did you mean `position`\?"):
        recommend_activation("binary", postion="output")
