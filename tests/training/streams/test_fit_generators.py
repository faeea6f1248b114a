"""Generators of batches: read to their end, and no further epoch without data."""

import functools
import itertools

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import training
from tests.helpers.engine_cases import (
    X,
    Y,
    assert_close,
    assert_same_history,
    back_at_its_start,
    classifier,
    fit_by_keras,
)

BATCH = 10


def batches(count, *, endless=False):
    """Yields the first batches of the rows; again and again if `endless`."""
    numbers = range(count)
    for i in itertools.cycle(numbers) if endless else numbers:
        yield X[i * BATCH : (i + 1) * BATCH], Y[i * BATCH : (i + 1) * BATCH]


@functools.cache
def start():
    return back_at_its_start(classifier())


def network():
    """One network, as newly built."""
    return start()()


@functools.cache
def on_rows(count, epochs=1):
    """Keras's History and model for the same batches as arrays."""
    model = classifier()
    arguments = {"epochs": epochs, "batch_size": BATCH, "shuffle": False, "verbose": 0}
    return fit_by_keras(model, X[: count * BATCH], Y[: count * BATCH], **arguments), model


def test_one_epoch_goes_to_the_end_of_a_generator():
    wanted, theirs = on_rows(4)
    ours = network()
    got = kerasnn.fit(ours, batches(4), verbose=0)
    assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())


def test_epochs_end_with_the_generator():
    wanted, theirs = on_rows(4)
    ours = network()
    with pytest.warns(UserWarning, match="`x` ended after 4 batches, in epoch 1 of 3"):
        got = kerasnn.fit(ours, batches(4), epochs=3, verbose=0)
    assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())


def test_steps_per_epoch_divide_a_generator():
    wanted, theirs = on_rows(4, epochs=2)
    ours = network()
    got = kerasnn.fit(ours, batches(4, endless=True), epochs=2, steps_per_epoch=4, verbose=0)
    assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())


@pytest.mark.parametrize(("count", "epochs_run"), [(4, 2), (5, 3)])
def test_a_generator_that_ends_before_the_last_epoch(count, epochs_run):
    with pytest.warns(UserWarning, match=f"`x` ended after {count} batches, in epoch {epochs_run}"):
        history = kerasnn.fit(network(), batches(count), epochs=9, steps_per_epoch=2, verbose=0)
    assert history.epoch == list(range(epochs_run))


def test_a_generator_that_holds_just_enough_gives_no_warning():
    history = kerasnn.fit(network(), batches(6), epochs=3, steps_per_epoch=2, verbose=0)
    assert history.epoch == [0, 1, 2]


def test_several_steps_per_execution():
    model = classifier(steps_per_execution=3)
    with pytest.warns(UserWarning, match="`x` ended after 5 batches, in epoch 1 of 2"):
        history = kerasnn.fit(model, batches(5), epochs=2, verbose=0)
    assert history.epoch == [0]


def test_every_validation_is_on_all_batches_of_a_generator():
    arguments = {"epochs": 3, "shuffle": False, "verbose": 0}
    wanted = fit_by_keras(classifier(), X, Y, validation_data=(X[:30], Y[:30]), **arguments)
    got = kerasnn.fit(network(), X, Y, validation_data=batches(3), **arguments)
    assert_same_history(got, wanted)


def test_training_stops_where_no_batch_is_left_to_validate_on():
    with pytest.warns(UserWarning, match="`validation_data` has no batch left"):
        history = kerasnn.fit(
            network(), X, Y, epochs=9, validation_data=batches(2), validation_steps=1, verbose=0
        )
    assert history.epoch == [0, 1, 2]
    assert len(history.history["val_loss"]) == 2


def test_evaluate_and_predict_go_to_the_end_of_a_generator():
    model = network()
    wanted = keras.Model.evaluate(model, X[:30], Y[:30], batch_size=BATCH, verbose=0)
    assert training.evaluate(model, batches(3), verbose=0) == pytest.approx(wanted, rel=1e-5)
    outputs = training.predict(model, ((x,) for x, _ in batches(3)), verbose=0)
    np.testing.assert_allclose(outputs, model.predict(X[:30], verbose=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda m: kerasnn.fit(m, batches(0), verbose=0), "x"),
        (lambda m: training.evaluate(m, batches(0), verbose=0), "x"),
        (lambda m: training.predict(m, batches(0), verbose=0), "x"),
        (
            lambda m: kerasnn.fit(m, X, Y, validation_data=batches(0), verbose=0),
            "validation_data",
        ),
        (
            lambda m: kerasnn.fit(m, itertools.cycle([(X, Y)]), verbose=0),
            "steps_per_epoch",
        ),
    ],
)
def test_generators_without_batches_or_without_an_end(refuses, call, argument):
    model = network()
    with refuses(model, argument=argument):
        call(model)
