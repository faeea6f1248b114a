"""Models and calls that are unusual, and right."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers import engine_cases
from tests.helpers.engine_cases import CLASSES, FEATURES, X, Y, assert_close, classifier, train_both
from tests.helpers.seeds import set_seeds


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights:UserWarning")
def test_nothing_to_train():
    def build():
        model = classifier()
        model.trainable = False
        model.compile("adam", loss="sparse_categorical_crossentropy")
        return model

    ours, _ = train_both(build, X, Y, epochs=2)
    assert_close(ours.get_weights(), build().get_weights(), tolerance=0)


def test_a_sequential_model_without_an_input():
    def build():
        set_seeds(1)
        layers = [keras.layers.Dense(4, "relu"), keras.layers.BatchNormalization()]
        model = keras.Sequential([*layers, keras.layers.Dense(CLASSES, "softmax")])
        model.compile("sgd", loss="sparse_categorical_crossentropy")
        return model

    train_both(build, X, Y, epochs=2)


class Duel(keras.Model):
    """Two nets and two optimizers, as adversarial training has them, and noise of its own."""

    def __init__(self):
        super().__init__()
        self.maker = keras.Sequential([keras.Input((2,)), keras.layers.Dense(FEATURES)])
        self.judge = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(1)])
        self.noise = keras.random.SeedGenerator(3)

    def compile(self):
        super().compile()
        self.maker_optimizer = keras.optimizers.Adam(0.01)
        self.judge_optimizer = keras.optimizers.Adam(0.02)
        self.loss_of_judge = keras.losses.BinaryCrossentropy(from_logits=True)

    def call(self, x):
        return self.judge(x)

    def train_step(self, real):
        count = tf.shape(real)[0]
        truth = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], axis=0)
        with tf.GradientTape(persistent=True) as tape:
            made = self.maker(keras.random.normal((count, 2), seed=self.noise))
            answers = self.judge(tf.concat([real, made], axis=0))
            judged = self.loss_of_judge(truth, answers)
            fooled = self.loss_of_judge(tf.ones((count, 1)), answers[count:])
        for net, optimizer, loss in (
            (self.judge, self.judge_optimizer, judged),
            (self.maker, self.maker_optimizer, fooled),
        ):
            optimizer.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
        return {"judged": judged, "fooled": fooled}


@pytest.mark.slow
def test_two_optimizers():
    """As a graph: XLA draws other noise from the same seed."""

    def build():
        set_seeds(1)
        model = Duel()
        model.compile()
        return model

    ours, theirs = build(), build()
    arguments = {"epochs": 3, "shuffle": False, "verbose": 0}
    wanted = keras.Model.fit(theirs, X, **arguments)
    got = kerasnn.fit(ours, X, engine="graph", **arguments)
    engine_cases.assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())


def test_models_in_threads():
    """Each thread trains a model of its own, to the same numbers as alone."""
    alone = classifier()
    kerasnn.fit(alone, X, Y, epochs=3, shuffle=False, verbose=0)
    models, failures = [classifier() for _ in range(3)], []

    def train(model):
        try:
            kerasnn.fit(model, X, Y, epochs=3, shuffle=False, verbose=0)
        except Exception as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=train, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for model in models:
        assert_close(model.get_weights(), alone.get_weights(), tolerance=0)


def test_dropout_draws_anew_in_each_step():
    """Its seeds are variables: each step has a mask of its own, the same as in Keras's loop."""
    train_both(
        lambda: classifier(hidden=lambda: [kerasnn.layers.Dropout(0.5, seed=4)]), X, Y, epochs=2
    )


def test_a_layer_that_counts_its_steps():
    """Whatever a layer assigns in training is kept, as BatchNormalization's statistics are."""

    class Counter(keras.layers.Layer):
        def build(self, shape):
            self.steps = self.add_weight(
                shape=(), initializer="zeros", dtype="int32", trainable=False, name="steps"
            )

        def call(self, x, training=False):
            if training:
                self.steps.assign_add(1)
            return x

    ours, theirs = train_both(lambda: classifier(hidden=lambda: [Counter()]), X, Y, epochs=2)
    assert int(ours.layers[0].steps.numpy()) == int(theirs.layers[0].steps.numpy()) == 6


def test_sequences_cut_to_the_longest_of_a_batch():
    """Batches of a stream may have sizes of their own, without tracing each."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(1, 9, rng.integers(2, 7)) for _ in range(20)]

    def batches():
        padded = keras.utils.pad_sequences(rows, padding="post")
        data = tf.data.Dataset.from_tensor_slices((padded, Y[:20] == 0)).batch(6)
        longest = lambda x: tf.reduce_max(tf.math.count_nonzero(x, axis=1))  # noqa: E731
        return data.map(lambda x, y: (x[:, : longest(x)], y))

    def build():
        set_seeds(1)
        words = keras.Input((None,), dtype="int32")
        vectors = keras.layers.Embedding(9, 4, mask_zero=True)(words)
        pooled = keras.layers.GlobalAveragePooling1D()(vectors)
        model = keras.Model(words, keras.layers.Dense(1, "sigmoid")(pooled))
        model.compile("sgd", loss="binary_crossentropy")
        return model

    ours, theirs = build(), build()
    keras.Model.fit(theirs, batches(), epochs=2, verbose=0, shuffle=False)
    assert kerasnn.fit(ours, batches(), epochs=2, verbose=0).engine == "graph"
    assert_close(ours.get_weights(), theirs.get_weights())
