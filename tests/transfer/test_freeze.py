"""`freeze_to` and `unfreeze` act at once and keep the state of the optimizer."""

import functools
from typing import Any

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import models
from kerasnn.transfer import freeze_to, unfreeze
from tests.transfer.transfer_cases import compiled, images, network, weights_by_layer


def trainable(model):
    return [layer.name for layer in model.layers if layer.trainable_variables]


def test_all_layers_before_one_are_frozen():
    model = network()
    for where, first in (
        ("head", "hidden_1"),
        ("pool", "hidden_1"),
        ("block2", "block2_conv1"),
        ("block2_conv2", "block2_conv2"),
        ("output", "output"),
        (0, "block1_conv"),
        (3, "block2_conv2"),
        (-1, "output"),
        (-2, "hidden_1"),
    ):
        counts = freeze_to(model, where, batch_norm=True)
        weighted = [layer.name for layer in model.layers if layer.weights]
        assert trainable(model) == weighted[weighted.index(first) :]
        assert counts.trainable == sum(v.numpy().size for v in model.trainable_weights)
        assert counts.trainable + counts.frozen == model.count_params()
        assert counts.layers == len(trainable(model))


def test_batch_norms_stay_frozen_unless_asked_for():
    model = network()
    unfreeze(model)
    assert not any("norm" in name for name in trainable(model))
    unfreeze(model, batch_norm=True)
    assert {"block1_norm", "block2_norm"} <= set(trainable(model))


class Block(keras.layers.Layer):
    """A layer with layers inside."""

    def __init__(self):
        super().__init__(name="block")
        self.convolution = keras.layers.Conv2D(2, 3)
        self.norm = keras.layers.BatchNormalization()

    def call(self, inputs, training=None):
        return self.norm(self.convolution(inputs), training=training)


def test_batch_norms_inside_other_layers_stay_frozen():
    layers = [Block(), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    unfreeze(model)
    assert len(model.trainable_variables) == 4
    assert not layers[0].norm.trainable
    unfreeze(model, batch_norm=True)
    assert len(model.trainable_variables) == 6


def test_nothing_left_to_train_is_refused(refuses):
    dense = [keras.layers.Dense(3), keras.layers.Activation("softmax", name="prob")]
    model = keras.Sequential([keras.Input((4,)), *dense])
    with refuses(model, argument="where", value="prob"):
        freeze_to(model, "prob")
    assert len(model.trainable_variables) == 2


def test_a_batch_norm_of_the_head_trains():
    model = models.cnn((8, 8, 1), 3, task="multiclass", batch_norm=True)
    freeze_to(model, "head")
    assert "hidden_1_norm" in trainable(model)
    assert "block2_conv1_norm" not in trainable(model)


def test_counts_are_printed_and_returned(capsys):
    counts = freeze_to(network(), "head")
    assert capsys.readouterr().out == f"{counts}\n"
    assert str(counts) == "67 parameters trainable, in 2 layers; 368 frozen"


def test_layers_of_a_model_inside_are_frozen_each_by_its_name():
    inner = models.cnn((8, 8, 1), 3, task="multiclass", hidden=(), compile=False)
    model = keras.Sequential([keras.Input((8, 8, 1)), inner, keras.layers.Dense(2, name="last")])
    freeze_to(model, "block2")
    assert not inner.get_layer("block1_conv1").trainable_variables
    assert inner.get_layer("block2_conv1").trainable_variables
    freeze_to(model, "last")
    assert len(model.trainable_variables) == 2


@pytest.mark.parametrize(
    "fit",
    [
        pytest.param(functools.partial(kerasnn.fit, engine="graph"), id="kerasnn"),
        pytest.param(keras.Model.fit, id="keras", marks=pytest.mark.slow),
    ],
)
def test_it_acts_on_a_model_that_has_trained(fit):
    """Keras would keep its trace (keras#22413), and its optimizer lacks the new variables."""
    model, (x, y) = network(), images()
    freeze_to(model, "head")
    fit(model, x, y, epochs=1, verbose=0)
    for where, moved in (("block2", True), ("head", False)):
        freeze_to(model, where)
        before = weights_by_layer(model)
        fit(model, x, y, epochs=1, verbose=0)
        after = weights_by_layer(model)
        changed = {n for n in after if not all(map(np.array_equal, before[n], after[n]))}
        assert ("block2_conv1" in changed) == moved
        assert "output" in changed
        assert not changed & {"block1_conv", "block1_norm", "block2_norm"}


def test_the_optimizer_keeps_its_state():
    model, (x, y) = network(), images()
    freeze_to(model, "block2")
    kerasnn.fit(model, x, y, epochs=1, verbose=0, engine="graph")
    model.optimizer.learning_rate = 0.007
    before = {v.path: v.numpy() for v in model.optimizer.variables}
    unfreeze(model)
    after = {v.path: v.numpy() for v in model.optimizer.variables}
    assert set(before) < set(after)
    for path, value in before.items():
        np.testing.assert_array_equal(after[path], value, err_msg=path)
    new = set(after) - set(before)
    assert {path.split("/")[1].partition("_kernel")[0] for path in new} >= {"block1_conv"}
    assert all(not after[path].any() for path in new)


def test_exclusions_from_weight_decay_stay():
    inner = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    model = compiled(network(), keras.optimizers.LossScaleOptimizer(inner))
    kernel, bias = model.layers[-1].trainable_variables
    inner.exclude_from_weight_decay(var_list=[kernel], var_names=["gamma"])
    model.optimizer.build(model.trainable_variables)
    freeze_to(model, "output")
    assert model.optimizer.inner_optimizer is not inner
    bias.assign(bias + 1)
    before = kernel.numpy(), bias.numpy()
    model.optimizer.inner_optimizer.apply([0 * kernel, 0 * bias], [kernel, bias])
    np.testing.assert_array_equal(kernel, before[0])
    np.testing.assert_allclose(bias, before[1] * (1 - 0.1 * 0.5))


@pytest.mark.slow
def test_a_change_without_effect_changes_no_training():
    x, y = images()

    def trained(change):
        model = network()
        unfreeze(model)
        kerasnn.fit(model, x, y, epochs=2, shuffle=False, verbose=0)
        if change:
            unfreeze(model)
        kerasnn.fit(model, x, y, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    for ours, theirs in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_every_kind_of_optimizer_is_carried_over():
    x, y = images(12)
    for name, value in vars(keras.optimizers).items():
        is_one = isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer)
        if not is_one or name in ("Optimizer", "MultiOptimizer", "LossScaleOptimizer"):
            continue
        model = compiled(network(), value())
        freeze_to(model, "head")
        model.train_on_batch(x, y)
        before = model.optimizer
        unfreeze(model)
        unfreeze(model)
        freeze_to(model, "head")
        assert model.optimizer is not before
        for ours, theirs in zip(model.optimizer.variables, before.variables, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{name} {theirs.path}")


def test_a_wrong_layer_changes_nothing(refuses):
    model = network()
    for where in ("block3", "blok2", 7, -8, 1.5, True, None):
        with refuses(model, argument="where", value=where):
            freeze_to(model, where)
    assert len(model.trainable_variables) == 14


def test_the_nearest_block_is_named(invalid):
    with invalid("where") as caught:
        freeze_to(network(), "blok2")
    assert caught.value.hint == "Did you mean `block2`?"


def test_a_model_that_cannot_be_frozen_is_refused(invalid):
    model: Any = 3
    with invalid("model", 3):
        freeze_to(model, "head")
    with invalid("model"):
        unfreeze(keras.Sequential([keras.layers.Dense(1)]))
    with invalid("model"):
        freeze_to(models.mlp(4, 3, task="multiclass"), "head")
