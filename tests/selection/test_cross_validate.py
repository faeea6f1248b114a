import keras
import numpy as np
import pytest
from selection_helpers import blobs, build, count_traces
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold

from kerasnn import callbacks, models, selection
from kerasnn._core.random_state import derived, seeded
from kerasnn.optimizers import SGD


def by_hand(build, x, y, fold, split, *, epochs, seed=0):
    """Trains the model of a fold without anything that folds share."""
    seed = derived(seed, 1, fold)
    with seeded(seed):
        model = build()
    train, test = split
    model.fit(x[train], y[train], epochs=epochs, batch_size=32, verbose=0, seed=seed)
    return model.predict(x[test], verbose=0)


def line():
    return models.mlp(2, task="regression", hidden=())


def with_everything():
    """Weights, penalties, dropout and momentum that all folds share a program for."""
    model = models.mlp(2, 3, task="multiclass", hidden=(4,), dropout=0.3, l1=1e-3, l2=0.01)
    model.compile(SGD(0.05, momentum=0.9), loss=model.loss, metrics=["accuracy"])
    return model


def test_folds_are_those_of_fresh_models(monkeypatch):
    x, y = blobs(62)
    traces = count_traces(monkeypatch)
    found = selection.cross_validate(with_everything, x, y, cv=4, epochs=3)
    assert len(traces) == 1
    assert {len(test) for _, test in found.splits} == {15, 16}
    for i in (0, 3):
        outputs = by_hand(with_everything, x, y, i, found.splits[i], epochs=3)
        np.testing.assert_allclose(
            found.predictions[found.splits[i][1]], outputs, rtol=1e-4, atol=1e-6
        )


def test_scores_are_those_of_the_predictions():
    x, y = blobs()
    found = selection.cross_validate(build, x, y, cv=3, epochs=5, scoring=["f1_macro", "accuracy"])
    guessed = found.predictions.argmax(axis=1)
    scores = [accuracy_score(y[test], guessed[test]) for _, test in found.splits]
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
    first = selection.cross_validate(build, x, y, cv=3, epochs=1)
    _, test = first.splits[0]
    moved = x.copy()
    moved[test] = 1e3
    again = selection.cross_validate(build, moved, y, cv=first.splits, epochs=1)
    assert first.histories[0] == again.histories[0]
    assert first.histories[1] != again.histories[1]


def test_early_stopping_never_sees_the_test_rows():
    x, y = blobs()
    seen = []

    class Spy(callbacks.Callback):
        def set_data(self, train, validation):
            seen.append((train[0], validation[0]))

    found = selection.cross_validate(
        build, x, y, cv=3, epochs=30, patience=2, callbacks=lambda: [Spy()]
    )
    rows = {tuple(row): i for i, row in enumerate(x.tolist())}
    for (train, held), (whole, _) in zip(seen, found.splits, strict=True):
        used = [rows[tuple(row)] for row in [*train.tolist(), *held.tolist()]]
        assert sorted(used) == sorted(whole)
        assert len(held) == 4
    lengths = [len(history["loss"]) for history in found.histories]
    for best, length in zip(found.best_epochs, lengths, strict=True):
        assert best == (length if length == 30 else length - 2) or length == 30


def test_callbacks_are_fresh_and_the_users_stay_unused():
    x, y = blobs()
    stopping = callbacks.EarlyStopping("loss", patience=0, min_delta=1e9)
    found = selection.cross_validate(build, x, y, cv=3, epochs=9, callbacks=[stopping])
    assert [len(history["loss"]) for history in found.histories] == [2, 2, 2]
    assert stopping.best_ is None


def test_the_best_epoch_is_that_of_keras_early_stopping():
    x, y = blobs()
    stopping = keras.callbacks.EarlyStopping("loss", mode="max", restore_best_weights=True)
    found = selection.cross_validate(build, x, y, cv=2, epochs=4, callbacks=[stopping])
    assert found.best_epochs == [1 + int(np.argmax(h["loss"])) for h in found.histories] == [1, 1]


def test_without_weights_put_back_the_epochs_are_those_that_were_trained():
    """Else `refit` would train another model than that which was scored."""

    def ever_worse():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
        model.compile(SGD(0.1, maximize=True), "sparse_categorical_crossentropy")
        return model

    x, y = blobs()
    given = {"cv": 2, "epochs": 4, "validation_fraction": 0.2}
    found = selection.cross_validate(ever_worse, x, y, **given)
    assert found.histories[0]["val_loss"] == sorted(found.histories[0]["val_loss"])
    assert found.best_epochs == [4, 4]
    stopping = keras.callbacks.EarlyStopping(patience=1)
    found = selection.cross_validate(ever_worse, x, y, **given, callbacks=[stopping])
    assert found.best_epochs == [2, 2]


@pytest.mark.slow
def test_threads_give_the_same():
    x, y = blobs()
    one = selection.cross_validate(build, x, y, cv=3, epochs=2)
    two = selection.cross_validate(build, x, y, cv=3, epochs=2, jobs=2)
    np.testing.assert_array_equal(one.predictions, two.predictions)


@pytest.mark.slow
def test_groups_stay_together():
    x, y = blobs()
    groups = np.arange(60) // 6
    found = selection.cross_validate(build, x, y, cv=2, groups=groups, epochs=1)
    for train, test in found.splits:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.slow
def test_the_processes_own_generators_are_left_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    x, y = blobs()
    selection.cross_validate(build, x, y, cv=2, epochs=1)
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cv": 1}, "`cv` must be a whole number of at least 2; got cv=1"),
        ({"cv": 21}, "`cv` must be at most the number of rows of the smallest class, 20"),
        ({"cv": "five"}, "`cv` must be a number of folds"),
        ({"cv": [([0, 1], [1, 2])]}, "fold 0 has row 1 in both parts"),
        ({"cv": [([0, 1], [99])]}, "`cv` must give row numbers from 0 to 59"),
        ({"scoring": {"accuracy"}}, "`scoring` must be a list or a dictionary of scores; got scor"),
        (
            {"batch_size": np.ones(2)},
            "`batch_size` must be a whole number of at least 1; got batch",
        ),
        ({"scoring": "acuracy"}, "Did you mean `accuracy`?"),
        ({"scoring": "neg_log_loss", "y": np.arange(60.0), "build": line}, "must suit the model"),
        ({"scoring": [max, max]}, "`scoring` must have a name of its own for each"),
        (
            {"groups": np.arange(60) // 2, "cv": [(np.arange(1, 60), [0])]},
            "`cv` must keep each of `groups` in one part; fold 0 trains and tests on group",
        ),
        ({"groups": [1, 2]}, "`groups` must hold one group a row"),
        (
            {"groups": np.where(np.arange(60), 1.0, np.nan)},
            "`groups` must hold the group of each r",
        ),
        (
            {"groups": [None, *"a" * 59]},
            "`groups` must hold the group of each row; got None in row 0",
        ),
        ({"sample_weight": np.zeros(60)}, "`sample_weight` must not be zero for all 40 training r"),
        (
            {"sample_weight": np.arange(60) >= 20, "cv": KFold(3)},
            "`sample_weight` must not be zero for all 20 test rows of fold 0",
        ),
        ({"scoring": {"undefined": lambda *_: np.nan}}, "`scoring` must give finite numbers; 'und"),
        ({"scoring": {"accuracy": lambda *_: 0.5}}, "`scoring` must not hide a metric of the mode"),
        ({"epochs": 0}, "`epochs` must be a whole number of at least 1"),
        ({"build": lambda: None}, "`build` must return a compiled Keras model; it returned None"),
        ({"build": lambda: build(compile=False)}, "`build` must return a compiled model; `mlp`"),
        ({"build": build()}, "`build` must make a new model for each fold"),
        ({"build": 3}, "`build` must be a function that returns a compiled model"),
        ({"y": np.zeros(60, int)}, "`y` must hold at least two classes; all 60 rows"),
        ({"x": np.full((60, 2), np.nan)}, "`x` must hold finite numbers"),
        ({"cv": KFold(99)}, "`cv` must divide these rows.*It says: Cannot have number of splits"),
        ({"class_weight": "balanced"}, "`class_weight` must be a dictionary from class number"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, "`class_weight` must not be zero for all classes"),
        ({"build": lambda units: build()}, "`build` must be callable with no arguments; of its s"),
        (
            {"callbacks": [keras.callbacks.CSVLogger("a.csv")]},
            "`callbacks` must not share a file between folds, as copies of CSVLogger do",
        ),
        ({"callbacks": ["stop"]}, "`callbacks` must be callbacks, or a function"),
    ],
)
def test_what_cannot_be_right_is_refused(arguments, message):
    x, y = blobs()
    given = {"build": build, "x": x, "y": y, "cv": 3, "epochs": 1, **arguments}
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace("?", r"\?")):
        selection.cross_validate(given.pop("build"), given.pop("x"), given.pop("y"), **given)


def test_a_model_that_was_returned_before_is_refused():
    """A new optimizer does not make it a new one, nor does a new model around its layers."""
    x, y = blobs(30)
    model = build()

    def compiled_anew():
        model.compile("adam", model.loss)
        return model

    def around_the_same_layers():
        again = keras.Model(model.inputs, model.outputs, name="again")
        again.compile("adam", model.loss)
        return again

    with pytest.raises(ValueError, match="`build` must return a fresh model; `mlp`, or a model"):
        selection.cross_validate(compiled_anew, x, y, cv=3, epochs=1)
    with pytest.raises(ValueError, match=r"`again`.* was returned before: its weight `"):
        selection.cross_validate(around_the_same_layers, x, y, cv=3, epochs=1)
    model.optimizer.iterations.assign(5)
    with pytest.raises(ValueError, match="`mlp` has trained for 5 steps"):
        selection.cross_validate(lambda: model, x, y, cv=3, epochs=1)


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


def test_a_score_may_bear_the_name_of_a_metric_that_says_the_same():
    x, y = blobs()
    found = selection.cross_validate(build, x, y, cv=2, epochs=1, scoring="accuracy")
    predicted = found.predictions.argmax(axis=1)
    for score, (_, test) in zip(found.scores["accuracy"], found.splits, strict=True):
        assert score == pytest.approx((predicted == y)[test].mean())


def test_scores_are_of_what_the_loss_makes_of_logits():
    x, y = blobs(classes=2)

    def logits():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
        return model

    found = selection.cross_validate(logits, x, y, cv=2, epochs=1, scoring=["neg_log_loss"])
    np.testing.assert_allclose(found.scores["neg_log_loss"], -found.scores["loss"], rtol=1e-4)
