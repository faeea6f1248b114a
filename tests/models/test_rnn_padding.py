"""`models.rnn` with `mask_value` ignores padding."""

import keras
import numpy as np
import pytest

from kerasnn import models

RNG = np.random.default_rng(0)
SEQUENCES = [RNG.normal(5, 2, size=(steps, 2)).astype("float32") for steps in (1, 2, 4, 4, 5, 7)]
Y = np.arange(6.0)
# As it is in float64, in float32 it is another number.
MASK = -0.1


def padded(side="post", steps=None):
    return keras.utils.pad_sequences(
        SEQUENCES, maxlen=steps, dtype="float32", padding=side, value=MASK
    )


def network(**arguments):
    arguments = {"task": "regression", "units": (3, 2), "mask_value": MASK, "seed": 0, **arguments}
    return models.rnn((None, 2), **arguments)


@pytest.mark.parametrize(
    ("cell", "bidirectional", "normalize"),
    [("lstm", True, True), ("gru", False, True), ("simple", True, False)],
)
def test_a_sequence_is_predicted_the_same_with_padding_and_without(cell, bidirectional, normalize):
    model = network(cell=cell, bidirectional=bidirectional, normalize=normalize)
    if normalize:
        model.get_layer("standardize").adapt(np.concatenate(SEQUENCES)[:, None])
    # Weights far from their start, where the output is nearly 0.
    model.set_weights([w + 0.3 if w.ndim == 2 else w for w in model.get_weights()])
    wanted = np.concatenate([model(s[None]) for s in SEQUENCES])
    assert wanted.std() > 1e-3
    for x in (padded(), padded("pre"), padded("post", 12)):
        np.testing.assert_allclose(model.predict(x, verbose=0), wanted, atol=1e-5)


def test_padding_does_not_count_in_training():
    """More padding changes neither the statistics nor the weights."""
    steps = np.concatenate(SEQUENCES).astype("float64")
    found = []
    for x in (padded(), padded("post", 12)):
        model = network(cell="simple", units=2)
        model.fit(x, Y, epochs=2, shuffle=False, engine="graph", verbose=0)
        layer = model.get_layer("standardize")
        np.testing.assert_allclose(np.ravel(layer.mean), steps.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(np.ravel(layer.variance), steps.var(axis=0), rtol=1e-5)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_years_keep_their_digits_in_mixed_precision():
    """In bfloat16 2017 to 2023 are one number, and a mask would hide all of them."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = models.rnn((None, 1), task="binary", units=2, mask_value=2020)
    years = np.arange(2016.0, 2024.0, dtype="float32")[None, :, None]
    before = keras.Model(model.inputs, model.get_layer("masking").output)
    kept = np.where(years == 2020, 0, years)
    np.testing.assert_array_equal(before.predict(years, verbose=0), kept)
