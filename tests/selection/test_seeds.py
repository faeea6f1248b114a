"""What is drawn for one setting and fold is the same whatever was drawn before."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection_helpers import blobs, build

from kerasnn import selection
from kerasnn.selection.folds import dataset as problems


def compiled(*layers, rate=0.1):
    model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    return model


def drawing(draw):
    """Returns a `build` that draws weights by itself, where it is told to."""

    def build(rate=0.1, drawn=True):
        model = compiled(rate=rate)
        if drawn:
            model.layers[0].kernel.assign(draw((2, 3)))
        return model

    return build


def read(make, **params):
    def first():
        return problems.first(make, params, x)

    x, y = blobs()
    return problems.read(first(), x, y, first)


def hidden(shape):
    """Draws by a name that no code mentions."""
    return getattr(tf, "ran" + "dom").normal(shape)


@pytest.mark.parametrize(
    ("draw", "plain"),
    [
        (lambda shape: keras.random.normal(shape), False),
        (lambda shape: tf.random.normal(shape), False),
        (hidden, False),
        (lambda shape: np.random.normal(size=shape), True),
        (lambda shape: keras.initializers.GlorotUniform()(shape), True),
    ],
    ids=["keras", "tensorflow", "hidden", "numpy", "initializer"],
)
def test_what_build_draws_follows_from_the_seed(draw, plain):
    """Whether TensorFlow's seed is set is decided before the folds, alike in each search."""
    x = blobs()[0]
    make = drawing(draw)
    problem = read(make)
    assert problem.plain == plain

    def weights(seed):
        return problems.built(make, {}, seed, x, plain=problem.plain).get_weights()[0]

    one, other, again = weights(1), weights(2), weights(1)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_draw_of_later_settings_is_foreseen():
    make = drawing(lambda shape: tf.random.normal(shape))
    assert not read(make, drawn=False).plain
    assert read(build).plain


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
    assert table(jobs=2) == full
    assert table([0.2]) == [scores[1:] for scores in full]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert table(journal=path) == full


class Noise(keras.layers.Layer):
    def call(self, inputs, training=False):
        if training:
            inputs += keras.random.normal(keras.ops.shape(inputs))
        return inputs


@pytest.mark.slow
def test_a_layer_that_draws_without_a_seed_draws_the_same_again():
    x, y = blobs()

    def losses(jobs):
        found = selection.cross_validate(lambda: compiled(Noise()), x, y, cv=3, epochs=2, jobs=jobs)
        return found.scores["loss"].tolist()

    first = losses(1)
    assert losses(1) == losses(2) == first
