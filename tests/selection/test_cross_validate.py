import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold

from kerasnn import callbacks, data, models, selection
from kerasnn._core.random_state import derived, seeded
from kerasnn.optimizers import SGD
from tests.selection.selection_helpers import blobs, build


def by_hand(build, x, y, fold, split, *, epochs, seed=0):
    """Predictions of a fold's model that was trained outside of cross-validation."""
    seed = derived(seed, 1, fold)
    with seeded(seed):
        model = build()
    train, test = split
    model.fit(x[train], y[train], epochs=epochs, batch_size=32, verbose=0, seed=seed)
    return model.predict(x[test], verbose=0)


def line():
    return models.mlp(2, task="regression", hidden=())


def with_everything():
    """Weights, penalties, dropout and momentum."""
    model = models.mlp(2, 3, task="multiclass", hidden=(4,), dropout=0.3, l1=1e-3, l2=0.01)
    model.compile(SGD(0.05, momentum=0.9), loss=model.loss, metrics=["accuracy"])
    return model


def test_folds_are_those_of_newly_built_models():
    x, y = blobs(62)
    found = selection.cross_validate(with_everything, x, y, cv=2, epochs=2)
    outputs = by_hand(with_everything, x, y, 1, found.splits[1], epochs=2)
    predicted = found.predictions[found.splits[1].test]
    np.testing.assert_allclose(predicted, outputs, rtol=1e-4, atol=1e-6)


def test_scores_are_those_of_the_predictions():
    x, y = blobs()
    found = selection.cross_validate(build, x, y, cv=3, epochs=2, scoring=["f1_macro", "accuracy"])
    predicted = found.predictions.argmax(axis=1)
    scores = [accuracy_score(y[test], predicted[test]) for _, test in found.splits]
    np.testing.assert_allclose(found.scores["accuracy"], scores)
    assert found.mean["accuracy"] == pytest.approx(np.mean(scores))
    assert found.standard_error["accuracy"] == pytest.approx(np.std(scores, ddof=1) / 3**0.5)
    assert all(
        np.bincount(y[test]).tolist() == [7, 7, 6] or len(test) == 20 for _, test in found.splits
    )
    assert list(found.to_frame().columns[:3]) == ["accuracy", "loss", "f1_macro"]
    assert "f1_macro" in repr(found)
    assert found.plot(metric="accuracy").get_ylabel() == "accuracy"


def test_normalisation_is_learned_from_the_training_rows_alone():
    """The standardised feature of a test row would else depend on that row."""
    x, y = blobs()
    halves = (np.arange(0, 60, 2), np.arange(1, 60, 2))
    [first] = selection.cross_validate(build, x, y, cv=[halves], epochs=1).histories
    moved = x.copy()
    moved[halves[1]] = 1e3
    both = selection.cross_validate(build, moved, y, cv=[halves, halves[::-1]], epochs=1).histories
    assert both[0] == first
    assert both[1] != first


def test_early_stopping_never_sees_the_test_rows():
    x, y = blobs()
    seen = []

    class Spy(callbacks.Callback):
        def set_data(self, train, validation):
            seen.append((train[0], validation[0]))

    found = selection.cross_validate(
        build, x, y, cv=2, epochs=30, patience=2, callbacks=lambda: [Spy()]
    )
    rows = {tuple(row): i for i, row in enumerate(x.tolist())}
    for (train, validation), (whole, _) in zip(seen, found.splits, strict=True):
        used = [rows[tuple(row)] for row in [*train.tolist(), *validation.tolist()]]
        assert sorted(used) == sorted(whole)
        assert len(validation) == 3
    lengths = [len(history["loss"]) for history in found.histories]
    for best, length in zip(found.best_epochs, lengths, strict=True):
        assert best == (length if length == 30 else length - 2) or length == 30


def test_callbacks_are_copied_and_the_users_stay_unused():
    x, y = blobs()
    stopping = callbacks.EarlyStopping("loss", patience=0, min_delta=1e9)
    found = selection.cross_validate(build, x, y, cv=2, epochs=9, callbacks=[stopping])
    assert [len(history["loss"]) for history in found.histories] == [2, 2]
    assert stopping.best_ is None


def test_the_best_epoch_is_that_of_keras_early_stopping():
    x, y = blobs()
    stopping = keras.callbacks.EarlyStopping("loss", mode="max", restore_best_weights=True)
    found = selection.cross_validate(build, x, y, cv=2, epochs=4, callbacks=[stopping])
    assert found.best_epochs == [1 + int(np.argmax(h["loss"])) for h in found.histories] == [1, 1]


def test_without_restored_weights_the_epochs_are_those_that_were_trained():
    """Else `refit` would train another model than that which was scored."""

    def diverging():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
        model.compile(SGD(0.1, maximize=True), "sparse_categorical_crossentropy")
        return model

    x, y = blobs()
    given = {"cv": [(np.arange(50), np.arange(50, 60))], "epochs": 4, "validation_fraction": 0.2}
    found = selection.cross_validate(diverging, x, y, **given)
    assert found.histories[0]["val_loss"] == sorted(found.histories[0]["val_loss"])
    assert found.best_epochs == [4]
    stopping = keras.callbacks.EarlyStopping(patience=1)
    found = selection.cross_validate(diverging, x, y, **given, callbacks=[stopping])
    assert found.best_epochs == [2]


@pytest.mark.slow
def test_threads_give_the_same():
    x, y = blobs()
    one = selection.cross_validate(build, x, y, cv=3, epochs=2)
    two = selection.cross_validate(build, x, y, cv=3, epochs=2, n_jobs=2)
    np.testing.assert_array_equal(one.predictions, two.predictions)


@pytest.mark.slow
def test_groups_stay_together():
    x, y = blobs()
    groups = np.arange(60) // 6
    found = selection.cross_validate(build, x, y, cv=2, groups=groups, epochs=1)
    for train, test in found.splits:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.slow
def test_the_global_generators_are_unchanged():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    x, y = blobs()
    selection.cross_validate(build, x, y, cv=2, epochs=1)
    assert np.random.get_state()[1].tolist() == before


# A fold takes a third of the time of three.
ONE = [(np.arange(40), np.arange(40, 60))]
GROUPS = np.where(np.arange(60), 1.0, np.nan)
REFUSED = [
    ("cv", {"cv": 1}),
    ("cv", {"cv": 21}),
    ("cv", {"cv": "five"}),
    ("cv", {"cv": [([0, 1], [1, 2])]}),
    ("cv", {"cv": [([0, 1], [99])]}),
    ("cv", {"cv": KFold(99)}),
    ("cv", {"groups": np.arange(60) // 2, "cv": [(np.arange(1, 60), [0])]}),
    ("groups", {"groups": [1, 2]}),
    ("groups", {"groups": GROUPS}),
    ("groups", {"groups": [None, *"a" * 59]}),
    ("sample_weight", {"sample_weight": np.zeros(60)}),
    ("sample_weight", {"sample_weight": np.arange(60) >= 20, "cv": KFold(3)}),
    ("scoring", {"scoring": {"accuracy"}}),
    ("scoring", {"scoring": "acuracy"}),
    ("scoring", {"scoring": "neg_log_loss", "y": np.arange(60.0), "build": line, "cv": ONE}),
    ("scoring", {"scoring": [max, max]}),
    ("scoring", {"scoring": {"undefined": lambda *_: np.nan}, "cv": ONE}),
    ("scoring", {"scoring": {"accuracy": lambda *_: 0.5}, "cv": ONE}),
    ("batch_size", {"batch_size": np.ones(2)}),
    ("epochs", {"epochs": 0}),
    ("build", {"build": lambda: None}),
    ("build", {"build": lambda: build(compile=False)}),
    ("build", {"build": 3}),
    ("build", {"build": lambda units: build()}),
    ("y", {"y": np.zeros(60, int)}),
    ("class_weight", {"class_weight": "balanced"}),
    ("class_weight", {"class_weight": {0: 0, 1: 0, 2: 0}}),
    ("callbacks", {"callbacks": [keras.callbacks.CSVLogger("a.csv")]}),
    ("callbacks", {"callbacks": ["stop"]}),
    ("callbacks", {"callbacks": [keras.callbacks.TensorBoard("a")]}),
]


@pytest.mark.parametrize(("argument", "given"), REFUSED)
def test_wrong_arguments_are_refused(argument, given, invalid):
    x, y = blobs()
    given = {"build": build, "x": x, "y": y, "cv": 3, "epochs": 1, **given}
    with invalid(argument):
        selection.cross_validate(given.pop("build"), given.pop("x"), given.pop("y"), **given)


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        selection.cross_validate(build, np.full((60, 2), np.nan), blobs()[1])


def test_a_model_that_was_returned_before_is_refused(invalid):
    """A new optimizer does not make it a new one, nor does a new model around its layers."""
    x, y = blobs(30)
    model = build()
    with invalid("build", value=model):
        selection.cross_validate(model, x, y)

    def compiled_again():
        model.compile("adam", model.loss)
        return model

    def around_the_same_layers():
        again = keras.Model(model.inputs, model.outputs, name="again")
        again.compile("adam", model.loss)
        return again

    for same in (compiled_again, around_the_same_layers):
        with invalid("build"):
            selection.cross_validate(same, x, y, cv=3, epochs=1)
    model.optimizer.iterations.assign(5)
    with invalid("build", value=model):
        selection.cross_validate(lambda: model, x, y, cv=3, epochs=1)


def test_data_of_other_forms_is_refused(invalid):
    for search in ((selection.cross_validate, build), (selection.tune, build, {"l2": [0.1]})):
        function, *arguments = search
        with invalid("x"):
            function(*arguments, data.load("iris"))
        with invalid("y", value=None):
            function(*arguments, blobs()[0])
        ragged = tf.ragged.constant([[1.0], [1.0, 2.0]])
        with invalid("x"):
            function(*arguments, ragged, [0, 1])


def test_a_misspelt_argument_is_named():
    with pytest.raises(TypeError, match="Did you mean `epochs`"):
        selection.cross_validate(build, *blobs(), epoch=3)


@pytest.mark.slow
def test_permuted_labels_score_at_chance():
    """20 repetitions; within 2 standard errors of 1/3, as a leak would not be.

    Folds are stratified: else a class that training saw more of is rarer in the test, and the
    score falls below chance.
    """
    x, y = blobs(90)
    generator = np.random.default_rng(7)
    means = []
    for _ in range(20):
        shuffled = generator.permutation(y)
        found = selection.cross_validate(build, x, shuffled, cv=3, epochs=5, patience=2)
        means.append(found.mean["accuracy"])
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means) - 1 / 3) < 2 * error


def test_scorers_receive_the_probabilities_of_logits():
    x, y = blobs(classes=2)

    def logits():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
        return model

    halves = (np.arange(30), np.arange(30, 60))
    found = selection.cross_validate(logits, x, y, cv=[halves], epochs=1, scoring=["neg_log_loss"])
    np.testing.assert_allclose(found.scores["neg_log_loss"], -found.scores["loss"], rtol=1e-4)


def test_refuses_models_that_train_several_networks(invalid):
    x, y = blobs()
    with invalid("build"):
        selection.cross_validate(lambda: models.ensemble(build, 2), x, y, cv=2, epochs=1)
