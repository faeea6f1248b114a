"""`plots.augmentation` draws images and changed copies."""

import keras
import numpy as np
import pytest

from kerasnn import models, plots
from tests.conftest import everything

X = np.random.default_rng(0).uniform(0, 255, size=(3, 6, 7, 3)).astype("uint8")


def test_each_row_is_an_image_and_its_copies():
    model = models.cnn((6, 7, 3), task="binary", filters=2, augment="flip", seed=0)
    before = everything(model)
    ax = plots.augmentation(model, X, images=2, copies=3)
    assert ax.get_title() == "copies of the first column: flip"
    [image] = ax.get_images()
    mosaic = np.asarray(image.get_array())
    assert mosaic.shape == (2 * 7 - 1, 4 * 8 - 1, 3)
    low, high = X[:2].min(), X[:2].max()
    for row in range(2):
        wanted = (X[row] - float(low)) / (high - low)
        for column in range(4):
            cell = mosaic[7 * row : 7 * row + 6, 8 * column : 8 * column + 7]
            flipped = np.allclose(cell, wanted[:, ::-1], atol=1e-5)
            assert np.allclose(cell, wanted, atol=1e-5) or (column and flipped)
    after = everything(model)
    for path, value in before.items():
        np.testing.assert_array_equal(after[path], value, err_msg=path)


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("x", {"x": X[:, :5]}),
        ("x", {"x": X[0]}),
        ("x", {"x": X[:0]}),
        ("images", {"images": 0}),
        ("copies", {"copies": 0}),
        ("model", {"model": models.cnn((6, 7, 3), task="binary")}),
        ("model", {"model": keras.layers.RandomFlip()}),
    ],
)
def test_refused(invalid, argument, given):
    model = models.cnn((6, 7, 3), task="binary", filters=2, augment="flip")
    with invalid(argument):
        plots.augmentation(**{"model": model, "x": X, **given})
