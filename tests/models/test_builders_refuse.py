"""Builders refuse wrong arguments."""

import functools

import keras
import numpy as np
import pytest

from kerasnn import data, models

XOR = data.load("xor")

BUILDERS = {
    "mlp": functools.partial(models.mlp, 4),
    "cnn": functools.partial(models.cnn, (8, 8, 1)),
    "rnn": functools.partial(models.rnn, (5, 4)),
    "graph_network": functools.partial(models.graph_network, 4),
}
HIDDEN = {"mlp": "hidden", "cnn": "filters", "rnn": "units", "graph_network": "units"}

# Name -> arguments, the refused one, and a part of the hint.
EVERY = {
    "unknown task": ({"task": "multiclas"}, "task", "`multiclass`"),
    "task of another type": ({"task": 3}, "task", ""),
    "several outputs for binary": ({"outputs": 2}, "outputs", "task='multiclass'"),
    "one output for multiclass": ({"outputs": 1, "task": "multiclass"}, "outputs", "'binary'"),
    "no output": ({"outputs": 0, "task": "regression"}, "outputs", ""),
    "outputs with a fraction": ({"outputs": 1.5, "task": "regression"}, "outputs", ""),
    "dropout of 1": ({"dropout": 1}, "dropout", "use 0"),
    "negative dropout": ({"dropout": -0.5}, "dropout", ""),
    "too many rates": ({"dropout": (0.1, 0.2, 0.3, 0.4)}, "dropout", ""),
    "negative l1": ({"l1": -0.1}, "l1", "use 0"),
    "nan as l2": ({"l2": np.nan}, "l2", ""),
    "negative seed": ({"seed": -1}, "seed", ""),
    "seed in words": ({"seed": "zero"}, "seed", ""),
}
COMPILING = {
    "rate of 0": ({"learning_rate": 0}, "learning_rate", ""),
    "infinite rate": ({"learning_rate": np.inf}, "learning_rate", ""),
    "unknown optimizer": ({"optimizer": "adan"}, "optimizer", "`adam`"),
    "optimizer around another": ({"optimizer": "lossscaleoptimizer"}, "optimizer", ""),
    "rate beside an optimizer": (
        {"optimizer": keras.optimizers.SGD(), "learning_rate": 0.1},
        "learning_rate",
        "optimizer",
    ),
}


@pytest.mark.parametrize(
    ("call", "argument", "hint"),
    [
        (models.mlp, "input_shape", "split.input_shape"),
        (models.graph_network, "features", "split.outputs"),
        (models.text, "texts", "training texts"),
    ],
)
def test_a_split_in_the_place_of_a_shape(call, argument, hint, invalid):
    with invalid(argument, XOR) as caught:
        call(XOR, task="binary")
    assert hint in caught.value.hint
    with pytest.raises(TypeError, match=r"needs the argument `task=`. Of a split .*split\.outputs"):
        call(XOR)


def test_a_split_in_the_place_of_a_builder(invalid):
    with invalid("build", XOR) as caught:
        models.ensemble(XOR)
    assert "lambda: models.mlp(split.input_shape" in caught.value.hint


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(("arguments", "argument", "hint"), EVERY.values(), ids=EVERY)
def test_arguments_of_every_builder(invalid, name, arguments, argument, hint):
    with invalid(argument, arguments[argument]) as caught:
        BUILDERS[name](**{"task": "binary", **arguments})
    assert hint in caught.value.hint


@pytest.mark.parametrize(("arguments", "argument", "hint"), COMPILING.values(), ids=COMPILING)
def test_arguments_of_compiling(invalid, arguments, argument, hint):
    with invalid(argument, arguments[argument]) as caught:
        models.mlp(4, task="binary", hidden=(), **arguments)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("value", [0, (4, -1), (4, 2.5), "wide", 3.5])
def test_sizes(invalid, name, value):
    with invalid(HIDDEN[name], value[-1] if isinstance(value, tuple) else value):
        BUILDERS[name](task="binary", **{HIDDEN[name]: value})


@pytest.mark.parametrize("name", ["cnn", "rnn", "graph_network"])
def test_at_least_one_layer(invalid, name):
    with invalid(HIDDEN[name], ()):
        BUILDERS[name](task="binary", **{HIDDEN[name]: ()})


@pytest.mark.parametrize("name", ["mlp", "cnn", "graph_network"])
@pytest.mark.parametrize(
    ("activation", "hint"),
    [("rellu", "`relu`"), ("softmax", ""), (None, ""), (("relu",) * 5, "")],
)
def test_activations(invalid, name, activation, hint):
    with invalid("activation", activation) as caught:
        BUILDERS[name](task="binary", activation=activation)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", [*BUILDERS, "perceptron"])
@pytest.mark.parametrize(
    ("misspelt", "message"),
    [
        ("learning_rat", "Did you mean `learning_rate`?"),
        ("quantum", "It takes "),
    ],
)
def test_misspelt_arguments(name, misspelt, message):
    build = BUILDERS.get(name, functools.partial(models.perceptron, 4))
    with pytest.raises(TypeError) as caught:
        build(**{misspelt: 1})
    assert str(caught.value).startswith(f"`{name}` has no argument `{misspelt}`. {message}")


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("dropuot", "dropout"), ("hiden", "hidden"), ("batchnorm", "batch_norm"), ("lr1", "l1")],
)
def test_the_nearest_argument_is_named(misspelt, meant):
    with pytest.raises(TypeError, match=f"no argument `{misspelt}`. Did you mean `{meant}`"):
        models.mlp(4, task="binary", **{misspelt: 1})


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (models.mlp, 0),
        (models.mlp, ()),
        (models.mlp, -3),
        (models.mlp, 2.5),
        (models.mlp, True),
        (models.mlp, (None, 4)),
        (models.cnn, (8, 8)),
        (models.cnn, 8),
        (models.cnn, (None, 8, 1)),
        (models.rnn, 5),
        (models.rnn, (None, 5, 5)),
        (models.perceptron, 0),
        (models.perceptron, (None,)),
    ],
)
def test_input_shapes(invalid, build, shape):
    task = {} if build is models.perceptron else {"task": "binary"}
    with invalid("input_shape", shape):
        build(shape, **task)


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("cnn", "filters", (2, 2, 2, 2)),
        ("cnn", "kernel_size", 0),
        ("cnn", "convolutions", 0),
        ("cnn", "pool", "mean"),
        ("rnn", "cell", "lst"),
        ("rnn", "mask_value", float("nan")),
        ("rnn", "mask_value", "0"),
        ("rnn", "mask_value", True),
        ("perceptron", "formulation", "weights"),
        ("perceptron", "learning_rate", 0),
    ],
)
def test_arguments_of_one_builder(invalid, name, argument, value):
    build = BUILDERS.get(name, functools.partial(models.perceptron, 2))
    task = {} if name == "perceptron" else {"task": "binary"}
    with invalid(argument, value):
        build(**task, **{argument: value})


def test_images_with_their_channels_first(invalid):
    with invalid("filters") as caught:
        models.cnn((3, 28, 28), 10, task="multiclass")
    assert "input_shape=(28, 28, 3)" in caught.value.hint


def test_features_of_a_graph(invalid):
    with invalid("features", 0):
        models.graph_network(0, task="binary")
