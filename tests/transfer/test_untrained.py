"""Random weights that would stay frozen."""

import warnings
from typing import Any

import keras
import numpy as np
import pytest
from transfer_cases import CLASSES, as_if_trained, compiled, images, network

from kerasnn import models, transfer

ARGUMENTS: Any = {"epochs": 1, "batch_size": 48, "verbose": 0}


def cnn():
    return models.cnn(
        (12, 12, 1), CLASSES, task="multiclass", filters=(4, 4), normalize=False, seed=0
    )


@pytest.mark.parametrize("regime", ["auto", "small", "medium"])
def test_a_random_backbone_that_stays_frozen_is_named(regime):
    x, y = images()
    message = "`cnn` has random weights in `block1_conv1`.* stay frozen: .* train all layers with"
    with pytest.warns(UserWarning, match=message) as caught:
        transfer.fine_tune(cnn(), x, y, regime=regime, **ARGUMENTS)
    assert caught[0].filename == __file__


def test_features_of_a_random_backbone_are_noise():
    with pytest.warns(UserWarning, match="its features are noise"):
        transfer.features(cnn(), images()[0], verbose=0)
    with pytest.warns(UserWarning, match="its features are noise"):
        transfer.from_backbone(cnn(), task="binary")


def test_layers_that_are_frozen_by_hand():
    x, y = images()
    model = cnn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transfer.fine_tune(model, x, y, regime=None, **ARGUMENTS)
    model = cnn()
    transfer.freeze_to(model, "head")
    with pytest.warns(UserWarning, match="random weights in `block1_conv1`"):
        transfer.fine_tune(model, x, y, regime=None, **ARGUMENTS)


def test_a_saved_model_with_seeds_is_known_again(tmp_path):
    cnn().save(tmp_path / "cnn.keras")
    loaded: Any = keras.saving.load_model(tmp_path / "cnn.keras", compile=False)
    with pytest.warns(UserWarning, match="random weights in `block1_conv1`"):
        transfer.features(loaded, images()[0], verbose=0)


def test_a_new_layer_on_a_trained_backbone():
    """A convolution before the pooling is of the backbone, and stays frozen."""
    trained = transfer.from_backbone(network(), task="binary", head=())
    maps = trained.layers[-3].output
    tensor = keras.layers.Conv2D(3, 1, name="added")(maps)
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    model = keras.Model(trained.input, keras.layers.Dense(CLASSES, "softmax")(tensor))
    x, y = images()
    with pytest.warns(UserWarning, match="random weights in `added`, which stay frozen"):
        transfer.fine_tune(compiled(model), x, y, regime="small", **ARGUMENTS)


def test_what_was_trained_or_loaded_is_not_random():
    x, y = images()
    fitted = cnn()
    fitted.fit(x, y, epochs=1, verbose=0)
    loaded, tuned = cnn(), cnn()
    loaded.set_weights(fitted.get_weights())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # All its layers train.
        transfer.fine_tune(tuned, x, y, regime="large", **ARGUMENTS)
        for model in (fitted, loaded, tuned, as_if_trained(cnn())):
            copy = transfer.from_backbone(model, task="binary")
            transfer.fine_tune(copy, x, y == 0, regime="small", **ARGUMENTS)
            assert np.isfinite(transfer.features(model, x, verbose=0)).all()
