"""Transfer learning on digits with few labels is better than training from scratch."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from kerasnn import models, transfer


def network(seed):
    """Returns a VGG-style network for the digits."""
    return models.cnn(
        (8, 8, 1),
        10,
        task="multiclass",
        filters=(16, 32),
        convolutions=2,
        hidden=(32,),
        seed=seed,
    )


def gained(seed):
    """Returns the difference of test accuracy between transfer and training from scratch."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = load_digits(return_X_y=True)
    x, y = x.reshape(-1, 8, 8, 1), y.astype(int)
    known, new = np.array_split(rng.permutation(len(x)), 2)
    source = network(seed)
    copies = np.concatenate([x[known] + rng.normal(0, 2, x[known].shape) for _ in range(3)])
    source.fit(copies, np.tile(y[known], 3), epochs=8, verbose=0)
    labelled = np.concatenate([new[y[new] == digit][:3] for digit in range(10)])
    test = np.setdiff1d(new, labelled)
    few, labels = x[labelled], y[labelled]
    model = transfer.from_backbone(
        source, outputs=10, task="multiclass", head=(), learning_rate=0.01, seed=seed
    )
    transfer.fine_tune(model, few, labels, epochs=100, batch_size=10, verbose=0)
    scratch = network(seed)
    scratch.fit(few, labels, epochs=100, batch_size=10, verbose=0)
    with_transfer, without = (
        m.evaluate(x[test], y[test], verbose=0, return_dict=True)["accuracy"]
        for m in (model, scratch)
    )
    return with_transfer - without


@pytest.mark.slow
def test_transfer_is_better_with_thirty_labels():
    gains = [gained(seed) for seed in range(5)]
    assert np.mean(gains) >= 0.08, gains
    assert min(gains) > 0, gains
