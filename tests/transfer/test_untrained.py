"""Warnings about random weights that would stay frozen."""

from typing import Any

import keras
import numpy as np
import pytest

from kerasnn import models, transfer
from tests.transfer.transfer_cases import CLASSES, as_if_trained, compiled, images, network

ARGUMENTS: Any = {"epochs": 1, "batch_size": 48, "verbose": 0}


def cnn():
    return models.cnn(
        (12, 12, 1), CLASSES, task="multiclass", filters=(4, 4), normalize=False, seed=0
    )


def test_a_random_backbone_that_stays_frozen_is_named():
    x, y = images()
    message = "`cnn` has random weights in `block1_conv1`.* stay frozen: .* train all layers with"
    with pytest.warns(UserWarning, match=message) as caught:
        transfer.fine_tune(cnn(), x, y, regime="auto", **ARGUMENTS)
    assert caught[0].filename == __file__
    # Warnings are errors in tests, so that nothing is trained here.
    for regime in ("small", "medium"):
        with pytest.raises(UserWarning, match=message):
            transfer.fine_tune(cnn(), x, y, regime=regime, **ARGUMENTS)


def test_features_of_a_random_backbone_are_noise():
    with pytest.raises(UserWarning, match="its features are noise"):
        transfer.features(cnn(), images()[0], verbose=0)
    with pytest.raises(UserWarning, match="its features are noise"):
        transfer.from_backbone(cnn(), task="binary")


def test_layers_that_are_frozen_by_hand():
    x, y = images()
    model = cnn()
    transfer.freeze_to(model, "head")
    with pytest.raises(UserWarning, match="random weights in `block1_conv1`"):
        transfer.fine_tune(model, x, y, regime=None, **ARGUMENTS)


def test_a_saved_model_with_seeds_is_known_again(tmp_path):
    cnn().save(tmp_path / "cnn.keras")
    loaded: Any = keras.saving.load_model(tmp_path / "cnn.keras", compile=False)
    with pytest.raises(UserWarning, match="random weights in `block1_conv1`"):
        transfer.features(loaded, images()[0], verbose=0)


def test_a_new_layer_on_a_trained_backbone():
    """A convolution before the pooling belongs to the backbone, and stays frozen."""
    trained = transfer.from_backbone(network(), task="binary", head=())
    maps = trained.layers[-3].output
    tensor = keras.layers.Conv2D(3, 1, name="added")(maps)
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    model = keras.Model(trained.input, keras.layers.Dense(CLASSES, "softmax")(tensor))
    x, y = images()
    with pytest.raises(UserWarning, match="random weights in `added`, which stay frozen"):
        transfer.fine_tune(compiled(model), x, y, regime="small", **ARGUMENTS)


def test_trained_or_loaded_weights_are_not_random():
    x, y = images(24)
    fitted, loaded = cnn(), cnn()
    transfer.fine_tune(fitted, x, y, regime=None, **ARGUMENTS)
    loaded.set_weights(fitted.get_weights())
    for model in (fitted, loaded, as_if_trained(cnn())):
        transfer.from_backbone(model, task="binary")
        assert np.isfinite(transfer.features(model, x, verbose=0)).all()
