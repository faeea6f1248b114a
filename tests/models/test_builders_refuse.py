"""Builders refuse what cannot be right, by argument, rule, value and hint."""

import functools

import keras
import numpy as np
import pytest

from kerasnn import models

BUILDERS = {
    "mlp": functools.partial(models.mlp, 4),
    "cnn": functools.partial(models.cnn, (8, 8, 1)),
    "rnn": functools.partial(models.rnn, (5, 4)),
    "graph_network": functools.partial(models.graph_network, 4),
}
HIDDEN = {"mlp": "hidden", "cnn": "filters", "rnn": "units", "graph_network": "units"}

EVERY = {
    "unknown task": (
        {"task": "multiclas"},
        "`task` must be one of 'binary', 'multiclass', 'multilabel', 'regression', 'count'; got "
        "task='multiclas'. Did you mean `multiclass`?",
    ),
    "task of another type": ({"task": 3}, "`task` must be one of 'binary', .*; got task=3."),
    "several outputs for binary": (
        {"outputs": 2},
        "`outputs` must be 1 for task='binary': one sigmoid gives the probability of class 1; got "
        "outputs=2. For several exclusive classes use task='multiclass'",
    ),
    "one output for multiclass": (
        {"outputs": 1, "task": "multiclass"},
        "`outputs` must be the number of classes, at least 2, for task='multiclass'; got "
        "outputs=1. For one probability use task='binary'.",
    ),
    "no output": (
        {"outputs": 0, "task": "regression"},
        "`outputs` must be a whole number of at least 1; got outputs=0.",
    ),
    "outputs with a fraction": (
        {"outputs": 1.5, "task": "regression"},
        "`outputs` must be a whole number of at least 1; got outputs=1.5.",
    ),
    "dropout of 1": (
        {"dropout": 1},
        r"`dropout` must be in \[0, 1\); got dropout=1. To switch dropout off, use 0.",
    ),
    "negative dropout": ({"dropout": -0.5}, r"`dropout` must be in \[0, 1\); got dropout=-0.5."),
    "too many rates": (
        {"dropout": (0.1, 0.2, 0.3, 0.4)},
        r"`dropout` must be one value, or one for each of the [12] hidden layers; got "
        r"dropout=\(0.1, 0.2, 0.3, 0.4\). It holds 4.",
    ),
    "negative l1": (
        {"l1": -0.1},
        "`l1` must be a finite number at least 0; got l1=-0.1. To switch the penalty off, use 0.",
    ),
    "nan as l2": ({"l2": np.nan}, "`l2` must be a finite number at least 0; got l2=nan."),
    "negative seed": ({"seed": -1}, "`seed` must be a whole number of at least 0; got seed=-1."),
    "seed in words": ({"seed": "zero"}, "`seed` must be a whole number of at least 0"),
    "rate of 0": (
        {"learning_rate": 0},
        "`learning_rate` must be a finite number above 0; got learning_rate=0.",
    ),
    "infinite rate": ({"learning_rate": np.inf}, "`learning_rate` must be a finite number above 0"),
    "unknown optimizer": (
        {"optimizer": "adan"},
        "`optimizer` must be one of .*'adam'.*; got optimizer='adan'. Did you mean `adam`?",
    ),
    "optimizer around another": (
        {"optimizer": "lossscaleoptimizer"},
        "`optimizer` must be one of 'adadelta', .* 'sgd'; got optimizer='lossscaleoptimizer'.",
    ),
    "rate beside an optimizer": (
        {"optimizer": keras.optimizers.SGD(), "learning_rate": 0.1},
        "`learning_rate` must be left out where `optimizer` is an object, which has a rate of its "
        "own; got learning_rate=0.1. Give the rate to the optimizer.",
    ),
}


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(("arguments", "message"), EVERY.values(), ids=EVERY)
def test_arguments_of_every_builder(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        BUILDERS[name](**{"task": "binary", **arguments})


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "must be a whole number of at least 1; got {0}=0."),
        ((4, -1), "must be a whole number of at least 1; got {0}=-1."),
        ((4, 2.5), "must be a whole number of at least 1; got {0}=2.5."),
        ("wide", "must be a size or a sequence of sizes, one a layer; got {0}='wide'."),
        (3.5, "must be a size or a sequence of sizes, one a layer; got {0}=3.5."),
    ],
)
def test_sizes(name, value, message):
    argument = HIDDEN[name]
    with pytest.raises(ValueError, match=f"`{argument}` {message.format(argument)}"):
        BUILDERS[name](task="binary", **{argument: value})


@pytest.mark.parametrize("name", ["cnn", "rnn", "graph_network"])
def test_at_least_one_layer(name):
    with pytest.raises(ValueError, match="must be a size or a sequence of sizes, one a layer; got"):
        BUILDERS[name](task="binary", **{HIDDEN[name]: ()})


@pytest.mark.parametrize("name", ["mlp", "cnn", "graph_network"])
@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (
            "rellu",
            r"`activation` must be one of 'relu', .*; got activation='rellu'. Did you mean `re",
        ),
        ("softmax", "`activation` must be one of 'relu', .*; got activation='softmax'."),
        (None, "`activation` must be one of 'relu', .*; got activation=None."),
        (("relu",) * 5, "`activation` must be one value, or one for each of the"),
    ],
)
def test_activations(name, activation, message):
    with pytest.raises(ValueError, match=message):
        BUILDERS[name](task="binary", activation=activation)


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
    ("build", "shape", "message"),
    [
        (
            models.mlp,
            0,
            "be a size or a tuple of sizes, without the batch axis; got input_shape=0.",
        ),
        (
            models.mlp,
            (),
            r"be a size or a tuple of sizes, without the batch axis; got input_shape=",
        ),
        (models.mlp, -3, "be a size or a tuple of sizes, without the batch axis"),
        (models.mlp, 2.5, "be a size or a tuple of sizes, without the batch axis"),
        (models.mlp, True, "be a size or a tuple of sizes, without the batch axis"),
        (models.mlp, (None, 4), r"be of fixed size for dense layers; got input_shape=\(None, 4\)."),
        (
            models.cnn,
            (8, 8),
            r"be \(height, width, channels\), without the batch axis; got input_s",
        ),
        (models.cnn, 8, r"be \(height, width, channels\), without the batch axis"),
        (models.cnn, (None, 8, 1), "be of fixed size for the dense layers behind the blocks; got"),
        (models.rnn, 5, r"be \(time, features\), without the batch axis; got input_shape=5."),
        (models.rnn, (None, 5, 5), r"be \(time, features\), without the batch axis"),
        (models.perceptron, 0, "be a size or a tuple of sizes, without the batch axis"),
        (models.perceptron, (None,), "be of fixed size for a perceptron; got input_shape="),
    ],
)
def test_input_shapes(build, shape, message):
    task = {} if build is models.perceptron else {"task": "binary"}
    with pytest.raises(ValueError, match=f"`input_shape` must {message}"):
        build(shape, **task)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "cnn",
            {"filters": (2, 2, 2, 2)},
            r"`filters` must have at most 3 blocks for images of 8x8, since each halves the size; "
            r"got filters=\(2, 2, 2, 2\).",
        ),
        ("cnn", {"kernel_size": 0}, "`kernel_size` must be a whole number of at least 1"),
        ("cnn", {"convolutions": 0}, "`convolutions` must be a whole number of at least 1"),
        (
            "cnn",
            {"pool": "mean"},
            "`pool` must be one of 'max', 'average'; got pool='mean'.",
        ),
        (
            "rnn",
            {"cell": "lst"},
            "`cell` must be one of 'lstm', 'gru', 'simple'; got cell='lst'. Did you mean `lstm`?",
        ),
    ],
)
def test_arguments_of_one_builder(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        BUILDERS[name](task="binary", **arguments)


def test_features_of_a_graph():
    with pytest.raises(ValueError, match="`features` must be a whole number of at least 1; got f"):
        models.graph_network(0, task="binary")


def test_the_formulation_of_a_perceptron():
    with pytest.raises(ValueError, match="Did you mean `weight`"):
        models.perceptron(2, formulation="weights")
    with pytest.raises(ValueError, match="`learning_rate` must be a finite number above 0"):
        models.perceptron(2, learning_rate=0)
