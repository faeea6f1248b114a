"""`data.pad` against Keras's `pad_sequences`, and what it refuses."""

import keras
import numpy as np
import pytest

from kerasnn import data, models

RNG = np.random.default_rng(0)
SEQUENCES = [RNG.normal(size=(steps, 2)).astype("float32") for steps in (3, 1, 5)]


@pytest.mark.parametrize("padding", ["post", "pre"])
@pytest.mark.parametrize(
    ("maxlen", "truncating"), [(None, None), (7, None), (2, "pre"), (2, "post")]
)
def test_it_pads_as_keras_does(padding, maxlen, truncating):
    x, mask = data.pad(
        SEQUENCES, mask_value=-9, maxlen=maxlen, padding=padding, truncating=truncating
    )
    wanted = keras.utils.pad_sequences(
        SEQUENCES,
        maxlen=maxlen,
        dtype="float32",
        padding=padding,
        truncating=truncating or "pre",
        value=-9,
    )
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, wanted)
    np.testing.assert_array_equal(mask, (wanted != -9).all(axis=-1))


@pytest.mark.parametrize(
    ("sequences", "dtype", "wanted"),
    [
        ([[0.5], [1.5, 2.5]], None, "float64"),
        ([np.ones(1, "float32"), np.ones(2, "float32")], None, "float32"),
        ([[1], [2, 3]], None, "int64"),
        ([[1], [2.5, 3]], "float32", "float32"),
    ],
)
def test_numbers_keep_their_type(sequences, dtype, wanted):
    x, _ = data.pad(sequences, mask_value=-9, dtype=dtype)
    assert x.dtype == wanted
    np.testing.assert_array_equal(x[1, :, 0], sequences[1])


def test_a_network_predicts_a_padded_sequence_as_alone():
    x, _ = data.pad(SEQUENCES, mask_value=-0.1)
    model = models.rnn(
        (None, 2), task="regression", units=3, cell="gru", mask_value=-0.1, normalize=False, seed=0
    )
    alone = [model.predict(sequence[None], verbose=0)[0] for sequence in SEQUENCES]
    np.testing.assert_allclose(model.predict(x, verbose=0), alone, atol=1e-6)


@pytest.mark.parametrize(
    ("argument", "sequences", "arguments"),
    [
        ("sequences", [], {}),
        ("sequences", "abc", {}),
        ("sequences", [[1.0, 2.0], [3.0]], {"maxlen": 1}),
        ("sequences", [[[1.0, 2.0]], [[1.0]]], {}),
        ("sequences[1]", [[1.0], []], {}),
        ("sequences[0]", [[[1.0, 2.0], [3.0]]], {}),
        ("sequences[0]", [["a", "b"]], {}),
        ("sequences[0]", [1.0, 2.0], {}),
        ("mask_value", [[1.0, 2.0]], {"mask_value": 2}),
        ("mask_value", [[1, 2]], {"mask_value": 0.5}),
        ("mask_value", [[1.0]], {"mask_value": -0.1, "dtype": "float16"}),
        ("mask_value", [[1.0]], {"mask_value": float("nan")}),
        ("dtype", [[1.5]], {"dtype": "int32"}),
        ("dtype", [[1.5]], {"dtype": "decimal"}),
        ("maxlen", [[1.5]], {"maxlen": 0}),
        ("padding", [[1.5]], {"padding": "left"}),
        ("truncating", [[1.5]], {"truncating": "left"}),
    ],
)
def test_refused(invalid, argument, sequences, arguments):
    with invalid(argument):
        data.pad(sequences, **arguments)


def test_a_step_counts_as_padding_only_where_all_features_are(invalid):
    data.pad([[[0.0, 1.0]]])
    with invalid("mask_value", 0.0) as caught:
        data.pad([[[0.0, 1.0], [0.0, 0.0]]])
    assert "step 1 of sequence 0" in str(caught.value)
    assert caught.value.hint == "No step has mask_value=-1."
