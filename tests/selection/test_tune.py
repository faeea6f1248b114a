import contextlib
import dataclasses
import functools
import io
import json
import threading

import keras
import numpy as np
import pandas as pd
import pytest

from kerasnn import models, selection
from kerasnn._core.process.lock import path_lock
from kerasnn.optimizers import SGD
from kerasnn.selection import choice, integers, log_uniform, uniform
from kerasnn.selection.folds.fold import FoldSettings
from kerasnn.selection.folds.metrics import chosen, directions
from kerasnn.selection.result import Trial
from kerasnn.selection.search import strategies
from kerasnn.selection.search.journal import Journal
from kerasnn.selection.search.sampling import drawn, grid
from kerasnn.selection.search.study import Deadline
from tests.selection.selection_helpers import blobs, build

QUICK = {"cv": 2, "epochs": 2}
NO_OPTUNA = "method='bayes' needs Optuna, of the extra `tune`"


def assert_equal_tables(found, wanted):
    """Tables are equal but for times, and for rounding, which depends on what trains at once."""
    ours, theirs = found.cv_results_, wanted.cv_results_
    assert ours.keys() == theirs.keys()
    for name in theirs:
        if "_test_" in name:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)
        elif not name.endswith("_time"):
            assert repr(np.ma.asarray(ours[name], object)) == repr(
                np.ma.asarray(theirs[name], object)
            )


def stacked(learning_rate, l2):
    penalty = {"kernel_regularizer": keras.regularizers.L2(l2)}
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(3, **penalty)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return model


class Idle(keras.callbacks.Callback):
    """A callback that lets a model train alone."""


def test_folds_that_train_at_once_score_as_alone():
    x, y = blobs(62)
    weights = np.linspace(1, 2, 62)
    given = {"cv": 2, "epochs": 4, "patience": 1, "metric": "data_loss", "sample_weight": weights}
    space = {"learning_rate": [0.05], "l2": [0.0, 0.1]}
    found = selection.tune(stacked, space, x, y, **given)
    space["l2"] = [0.1]
    alone = selection.tune(stacked, space, x, y, **given, callbacks=[Idle()])
    for name, [value] in alone.cv_results_.items():
        if "_test_" in name and not name.startswith("rank_"):
            np.testing.assert_allclose(found.cv_results_[name][1], value, rtol=1e-4, atol=1e-6)
    assert found.cv_results_["best_epochs"][1:] == alone.cv_results_["best_epochs"]


def counted_start(l2, scale=1.0):
    BUILT.append(l2)
    model = stacked(0.05, l2)
    kernel = model.layers[0].kernel
    kernel.assign(scale * kernel)
    return model


def test_settings_that_start_alike_share_their_start():
    """One model is built for all folds of a setting that starts as another one."""
    x, y = blobs(62)
    BUILT.clear()
    space = {"scale": [1.0, 2.0], "l2": [0.0, 0.1]}
    found = selection.tune(counted_start, space, x, y, cv=2, epochs=2, metric="data_loss")
    # One to check the data; for each scale two folds of the first, and one of the other.
    assert len(BUILT) == 1 + 2 * (2 + 1)
    alone = selection.cross_validate(
        functools.partial(counted_start, **found.cv_results_["params"][-1]), x, y, cv=2, epochs=2
    )
    losses = [found.cv_results_[f"split{i}_test_loss"][-1] for i in range(2)]
    np.testing.assert_allclose(losses, alone.scores["loss"], rtol=1e-5)


def with_momentum(momentum, learning_rate=0.01, dropout=0.2):
    model = models.mlp(2, 3, task="multiclass", hidden=(4,), dropout=dropout, l2=0.01)
    model.compile(SGD(learning_rate, momentum=momentum), loss=model.loss, metrics=["accuracy"])
    return model


BUILT = []


def counted(hidden):
    """A builder that counts its calls in a global variable, which is not compared."""
    BUILT.append(hidden)
    return build(hidden=hidden)


@dataclasses.dataclass
class Search:
    """A search of two settings in two folds, with all that it left behind."""

    given: dict
    found: object
    printed: str
    built: int
    journal: bytes


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    x, y = blobs()
    space = {"hidden": [(4,), (2, 2)]}
    given = {"build": counted, "space": space, "x": x, "y": y, "scoring": "f1_macro", **QUICK}
    path = tmp_path_factory.mktemp("search") / "journal"
    BUILT.clear()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        found = selection.tune(**given, journal=path, verbose=1)
    return Search(given, found, printed.getvalue(), len(BUILT), path.read_bytes())


def test_each_setting_scores_as_alone():
    x, y = blobs(31)
    given = {"cv": [(np.arange(21), np.arange(21, 31))], "epochs": 2}
    found = selection.tune(with_momentum, {"momentum": [0.5, 0.9]}, x, y, **given)
    alone = selection.cross_validate(functools.partial(with_momentum, 0.9), x, y, **given)
    losses = found.cv_results_["split0_test_loss"]
    assert losses[1] == pytest.approx(alone.scores["loss"][0], rel=1e-5)
    assert losses[0] != losses[1]


def test_the_table_has_scikit_learns_keys(search):
    found = search.found
    keys = {
        "params",
        "param_hidden",
        "split0_test_score",
        "split1_test_score",
        "mean_test_score",
        "std_test_score",
        "rank_test_score",
        "mean_fit_time",
        "std_fit_time",
        "mean_score_time",
        "std_score_time",
        "mean_test_f1_macro",
    }
    assert keys <= set(found.cv_results_)
    results = found.cv_results_
    splits = np.stack([results["split0_test_score"], results["split1_test_score"]])
    np.testing.assert_allclose(results["mean_test_score"], splits.mean(0))
    np.testing.assert_allclose(results["std_test_score"], splits.std(0))
    assert found.best_index_ == results["mean_test_score"].argmax()
    assert results["rank_test_score"][found.best_index_] == 1
    assert found.best_params_ == results["params"][found.best_index_]
    assert isinstance(found.to_frame(), pd.DataFrame)
    assert found.metric_ == "f1_macro" in repr(found)
    assert found.plot(parameter="hidden").get_xlabel() == "hidden"
    assert len(found.plot()) == 1


@pytest.mark.slow
def test_the_score_is_the_negative_loss_and_refit_trains_on_all_rows():
    x, _ = blobs()
    y = x @ [1.0, -2.0]
    make = functools.partial(models.mlp, 2, task="regression", hidden=())
    found = selection.tune(make, {"learning_rate": [1e-6, 0.05]}, x, y, cv=2, epochs=20)
    assert found.metric_ == "data_loss"
    assert found.best_params_ == {"learning_rate": 0.05}
    assert found.best_score_ == -found.cv_results_["mean_test_loss"].min()
    # What is printed is the loss.
    assert f"best data_loss {-found.best_score_:.4f} after" in repr(found)
    model = found.refit()
    assert int(model.get_layer("standardize").count) == 60
    assert found.best_epochs_ == 20
    again = found.refit()
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


def test_a_trial_that_fails_is_recorded():
    x, y = blobs()
    space = {"learning_rate": [0.01, 1e30], "activation": ["relu", "rleu"]}
    found = selection.tune(build, space, x, y, **QUICK)
    errors = found.cv_results_["error"]
    assert errors[0] == ""
    assert "Did you mean `relu`" in errors[1]
    assert errors[2].startswith("FloatingPointError: Training left the finite numbers")
    assert found.cv_results_["rank_test_score"].tolist() == [1, 2, 2, 2]
    assert found.best_index_ == 0


def test_random_search_repeats_itself_and_never_tries_twice():
    space = {
        "a": [1, 2, 3],
        "b": integers(0, 1),
        "c": lambda p: uniform(0, 1) if p["a"] == 1 else None,
    }
    settings = drawn(space, 30, 4)
    assert settings == drawn(space, 30, 4) != drawn(space, 30, 5)
    assert len({repr(s) for s in settings}) == len(settings) == 30
    assert {("c" in s) == (s["a"] == 1) for s in settings} == {True}
    assert len(drawn({"a": [1, 2, 3]}, 30, 0)) == 3
    rates = [s["r"] for s in drawn({"r": log_uniform(1e-4, 1)}, 200, 0)]
    assert 0.4 < np.mean(np.array(rates) < 1e-2) < 0.6


def with_metrics(*metrics):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=list(metrics), run_eagerly=True)
    return model


def accuracy_drop(y, outputs):
    return keras.ops.mean(outputs, axis=-1)


def test_directions_of_metrics(invalid):
    metrics = {
        keras.metrics.TruePositives(): 1,
        keras.metrics.FalsePositives(name="false_precision"): -1,
        keras.metrics.SensitivityAtSpecificity(0.5): 1,
        keras.metrics.MeanIoU(2): 1,
        keras.metrics.RootMeanSquaredError(): -1,
        "mse": -1,
        keras.losses.binary_focal_crossentropy: -1,
        accuracy_drop: None,
    }
    model = with_metrics(*metrics)
    model.evaluate(np.zeros((2, 2)), np.array([[0.0], [1.0]]), verbose=0)
    known = directions(model)
    assert list(known.values()) == [-1, *metrics.values()]
    assert chosen(None, known, []) == ("true_positives", 1)
    assert chosen(None, {"accuracy_drop": None, "loss": -1}, []) == ("loss", -1)
    assert chosen(None, known, ["f1"]) == ("f1", 1)
    assert chosen("-true_positives", known, []) == ("true_positives", -1)
    assert chosen("-accuracy_drop", known, []) == ("accuracy_drop", -1)
    assert chosen("+accuracy_drop", known, []) == ("accuracy_drop", 1)
    with invalid("metric", value="accuracy_drop") as caught:
        chosen("accuracy_drop", known, [])
    assert "+accuracy_drop" in caught.value.hint


def test_a_grid_follows_its_conditions():
    space = {"a": choice(["x", "y"]), "b": lambda p: [1, 2] if p["a"] == "y" else None}
    assert grid(space) == [{"a": "x"}, {"a": "y", "b": 1}, {"a": "y", "b": 2}]


@pytest.mark.slow
def test_halving_trains_the_best_for_longer():
    x, y = blobs()
    space = {"learning_rate": log_uniform(1e-5, 0.3)}
    found = selection.tune(build, space, x, y, cv=2, epochs=9, method="halving", n_trials=9)
    epochs = found.cv_results_["epochs"]
    assert sorted(epochs) == [1] * 6 + [3] * 2 + [9]
    assert epochs[found.best_index_] == 9
    assert found.cv_results_["rank_test_score"][found.best_index_] == 1


@pytest.mark.slow
def test_bayes_repeats_itself_and_resumes(tmp_path):
    pytest.importorskip("optuna", reason=NO_OPTUNA)
    x, y = blobs()
    space = {"learning_rate": log_uniform(1e-5, 0.3), "hidden": choice([(4,), (3,)])}
    given = {**QUICK, "method": "bayes", "n_trials": 3, "journal": tmp_path / "journal"}
    first = selection.tune(build, space, x, y, **given)
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal").write_bytes(b"".join(lines[:4]))
    assert_equal_tables(selection.tune(build, space, x, y, **given), first)


@pytest.mark.slow
def test_nested_scores_are_those_of_rows_that_no_search_has_used():
    x, y = blobs()
    found = selection.tune(build, {"learning_rate": [1e-5, 0.1]}, x, y, nested=True, **QUICK)
    assert found.nested_scores_.shape == (2,)
    assert found.nested_score_ == found.nested_scores_.mean()
    assert f"nested accuracy: {found.nested_score_:.4f} +- " in repr(found)


@pytest.mark.slow
def test_a_journal_resumes_wherever_it_was_cut(search, tmp_path):
    path = tmp_path / "journal"
    data = search.journal
    for length in (0, 10, data.index(b"\n") + 1, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        assert_equal_tables(selection.tune(**search.given, journal=path), search.found)


def test_a_whole_journal_is_read_without_training(search, tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(search.journal)
    BUILT.clear()
    assert_equal_tables(selection.tune(**search.given, journal=path), search.found)
    # One model, against which the data is checked.
    assert len(BUILT) == 1


def test_a_journal_in_use_is_refused(search, tmp_path):
    path = tmp_path / "journal"
    message = "`journal` must be used by one run at a time; .* is in use by another process"
    with path_lock(path), pytest.raises(BlockingIOError, match=message):
        selection.tune(**search.given, journal=path)


def test_a_journal_of_another_search_is_refused(search, tmp_path, invalid):
    path = tmp_path / "journal"
    path.write_bytes(search.journal)
    for change in ({"seed": 1}, {"epochs": 1}, {"x": search.given["x"] + 1}):
        with invalid("journal", value=str(path)) as caught:
            selection.tune(**{**search.given, **change}, journal=path)
        assert f"{next(iter(change))}=" in caught.value.rule
    assert path.read_bytes() == search.journal
    path.write_text("my notes")
    with invalid("journal", value=str(path)):
        selection.tune(**search.given, journal=path)
    assert path.read_text() == "my notes"


def test_a_journal_without_a_fold_runs_it_again(search, tmp_path):
    path = tmp_path / "journal"
    lines = search.journal.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    assert_equal_tables(selection.tune(**search.given, journal=path), search.found)
    # The fold that was run again is at the end.
    keys = [json.loads(line)["key"] for line in path.read_bytes().splitlines()[1:]]
    assert keys == [[0, 0, 0, 2], [0, 1, 0, 2], [0, 1, 1, 2], [0, 0, 1, 2]]


def test_a_damaged_line_is_named(search, tmp_path, invalid):
    path = tmp_path / "journal"
    lines = search.journal.splitlines(keepends=True)
    result = json.loads(lines[2])
    damaged = (
        [],
        {**result, "key": 5},
        {**result, "scores": {}},
        {**result, "scores": 5},
        {**result, "best_epoch": "1"},
        {name: value for name, value in result.items() if name != "scores"},
        "\0",
    )
    for line in (*(json.dumps(each).encode() for each in damaged), b"\0"):
        path.write_bytes(b"".join([*lines[:2], line, b"\n", lines[3]]))
        with invalid("journal", value=str(path)) as caught:
            Journal(path, json.loads(lines[0])["kerasnn.selection.tune"])
        assert "line 3 of" in str(caught.value)


def test_a_journal_that_cannot_identify_the_search_is_refused(tmp_path, invalid):
    class Locked(keras.callbacks.Callback):
        def __deepcopy__(self, memo):
            return keras.callbacks.Callback()

    stopping = Locked()
    stopping.lock = threading.Lock()
    with invalid("callbacks", value=[stopping]):
        selection.tune(
            build,
            {"learning_rate": [0.05]},
            *blobs(),
            **QUICK,
            callbacks=[stopping],
            journal=tmp_path / "a",
        )


def test_the_bar_shows_folds_and_the_best(search):
    assert "4/4" in search.printed
    assert "best f1_macro: " in search.printed
    assert "epoch" not in search.printed.lower()


@dataclasses.dataclass
class SlowStudy:
    """A study on whose clock each trial takes as many seconds as it has epochs."""

    deadline: Deadline
    clock: list[float]
    ran: list[int]
    settings: FoldSettings = dataclasses.field(default_factory=lambda: FoldSettings(epochs=9))
    seed: int = 0

    def evaluate(self, candidates, epochs):
        trials = {}
        for number, params in candidates.items():
            if trials and self.deadline.is_over():
                break
            self.clock[0] += epochs
            self.ran.append(epochs)
            trials[number] = Trial(params=params, epochs=epochs, folds=[], score=-number)
        return trials


def test_rounds_of_halving_divide_the_time():
    clock = [0.0]
    study = SlowStudy(Deadline(60, lambda: clock[0]), clock, [])
    trials = strategies.halving(study, {"a": uniform(0, 1)}, 200)
    assert study.ran == [1] * 21 + [3] * 7 + [9] * 2
    assert [-trial.score for trial in trials if trial.epochs == 9] == [0, 1]
    assert len(trials) == 21


def test_parts_of_a_search_divide_the_time():
    now = 0.0
    deadline = Deadline(60.0, lambda: now)
    assert [deadline.share(parts).at for parts in (3, 2, 1)] == [20.0, 30.0, 60.0]
    now = 70.0
    assert deadline.is_over()
    assert deadline.share(2).at == 70.0
    assert not Deadline().share(2).is_over()


@pytest.mark.slow
def test_the_timeout_ends_a_search():
    x, y = blobs()
    space = {"learning_rate": uniform(0.01, 0.1)}
    found = selection.tune(
        build, space, x, y, **QUICK, method="random", n_trials=50, timeout_s=1e-6
    )
    assert len(found.cv_results_["params"]) == 1


L2 = {"l2": [0.1]}
REFUSED = [
    ("space", {"lr": [0.1]}, {}),
    ("space", {}, {}),
    ("space", {1: [0.1]}, {}),
    ("space['l2']", {"l2": 0.1}, {}),
    ("space['l2']", {"l2": "0.1"}, {}),
    ("space['l2']", {"l2": b"x"}, {}),
    ("space['l2']", {"l2": []}, {}),
    ("space['l2']", {"l2": uniform(0, 1)}, {}),
    ("space['l2']", {"l2": lambda values: values["l1"], "l1": [0.1]}, {}),
    ("method", L2, {"method": "randon"}),
    ("cv", L2, {"cv": 1}),
    ("cv", L2, {"nested": True, "cv": [([0], [1])]}),
    ("cv", L2, {"nested": True, "cv": np.int64(1)}),
    ("metric", L2, {"metric": "acc"}),
    ("n_trials", {"l2": [0.1, 1.0]}, {"n_trials": 1}),
    ("timeout_s", L2, {"timeout_s": 0}),
    ("nested", L2, {"nested": "no"}),
    ("journal", L2, {"journal": "/nowhere/x"}),
    ("journal", L2, {"journal": 5}),
    ("journal", L2, {"method": "bayes", "storage": "sqlite:///a.db", "journal": "a"}),
    ("storage", L2, {"storage": "sqlite://"}),
    ("storage", L2, {"method": "bayes", "storage": 5}),
    ("scoring", L2, {"scoring": {"score": "f1_macro"}, "metric": "loss"}),
    ("class_weight", L2, {"class_weight": {0: 0, 1: 0, 2: 0}}),
    ("timeout_s", L2, {"method": "halving", "timeout_s": 9, "storage": "postgresql://a/b"}),
]


@pytest.mark.parametrize(("argument", "space", "given"), REFUSED)
def test_wrong_arguments_are_refused(argument, space, given, invalid):
    with invalid(argument):
        selection.tune(build, space, *blobs(), **{**QUICK, **given})


def test_where_all_trials_fail_the_first_error_is_raised():
    x, y = blobs()
    with pytest.raises(RuntimeError, match=r"All trials failed.*FloatingPointError"):
        selection.tune(build, {"learning_rate": [1e30]}, x, y, **QUICK)
    with pytest.raises(RuntimeError, match=r"All trials.*'rleu'.*Did you mean `relu`"):
        selection.tune(build, {"activation": ["rleu"]}, x, y, **QUICK)


def test_one_model_is_enough_to_check_the_data(search):
    assert search.built == 1 + 4


def test_ranges_refuse_wrong_bounds(invalid):
    for make in (uniform, log_uniform, integers):
        with invalid("high", value=1):
            make(2, 1)
    with invalid("low", value=0):
        log_uniform(0, 1)
    for values in ("relu", b"relu"):
        with invalid("values", value=values):
            choice(values)
