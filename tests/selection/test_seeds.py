"""Random numbers of one setting and fold do not depend on those drawn before."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import selection
from kerasnn.selection.folds.model_builder import ModelBuilder
from tests.selection.selection_helpers import blobs


def compiled(*layers, rate=0.1):
    model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    return model


def drawing(draw):
    """Returns a `build` that draws weights by itself."""

    def build(rate=0.1):
        model = compiled(rate=rate)
        model.layers[0].kernel.assign(draw((2, 3)))
        return model

    return build


DRAWS = {
    "keras": lambda shape: keras.random.normal(shape),
    "tensorflow": lambda shape: tf.random.normal(shape),
    "numpy": lambda shape: np.random.normal(size=shape),
    "initializer": lambda shape: keras.initializers.GlorotUniform()(shape),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_what_build_draws_follows_from_the_seed(draw):
    x = blobs()[0]
    builder = ModelBuilder(drawing(draw))
    one, other, again = (builder({}, x, seed=seed).get_weights()[0] for seed in (1, 2, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("draw", [keras.random.normal, tf.random.normal], ids=["keras", "tf"])
def test_a_search_whose_build_draws_ends_with_the_same_table(draw, tmp_path):
    x, y = blobs()
    given = {"cv": 2, "epochs": 1}

    def table(rates=(0.1, 0.2), **more):
        found = selection.tune(drawing(draw), {"rate": list(rates)}, x, y, **given, **more)
        return [found.cv_results_[f"split{i}_test_loss"].tolist() for i in range(2)]

    path = tmp_path / "journal"
    full = table(journal=path)
    assert table(n_jobs=2) == full
    # What trains at once decides how it is rounded.
    np.testing.assert_allclose(table([0.2]), [scores[1:] for scores in full], rtol=1e-5)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    np.testing.assert_allclose(table(journal=path), full, rtol=1e-5)


class Noise(keras.layers.Layer):
    def call(self, inputs, training=False):
        if training:
            inputs += keras.random.normal(keras.ops.shape(inputs))
        return inputs


@pytest.mark.slow
def test_a_layer_that_draws_without_a_seed_draws_the_same_again():
    x, y = blobs()

    def losses(jobs):
        found = selection.cross_validate(
            lambda: compiled(Noise()), x, y, cv=3, epochs=2, n_jobs=jobs
        )
        return found.scores["loss"].tolist()

    first = losses(1)
    assert losses(1) == losses(2) == first
