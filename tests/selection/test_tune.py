import functools
import json
import re
import threading

import keras
import numpy as np
import pandas as pd
import pytest
from selection_helpers import blobs, build, count_traces

from kerasnn import models, selection
from kerasnn._core.lock import path_lock
from kerasnn._core.progress import Progress
from kerasnn.optimizers import SGD
from kerasnn.selection import choice, integers, log_uniform, uniform
from kerasnn.selection.folds.fold import FoldResult
from kerasnn.selection.folds.metrics import chosen, directions
from kerasnn.selection.search import strategies, study
from kerasnn.selection.search.journal import Journal
from kerasnn.selection.search.sampling import drawn, grid

QUICK = {"cv": 2, "epochs": 2}
NO_OPTUNA = "method='bayes' needs Optuna, of the extra `tune`"


def table(found):
    """All of a table but times, as text: NaN is not equal to itself."""
    columns = found.cv_results_.items()
    return {k: repr(np.ma.asarray(v, object)) for k, v in columns if not k.endswith("_time")}


def with_momentum(momentum, learning_rate=0.01, dropout=0.2):
    model = models.mlp(2, 3, task="multiclass", hidden=(4,), dropout=dropout, l2=0.01)
    model.compile(SGD(learning_rate, momentum=momentum), loss=model.loss, metrics=["accuracy"])
    return model


def test_one_trace_serves_all_settings_and_each_scores_as_alone(monkeypatch):
    x, y = blobs(31)
    space = {"learning_rate": [0.01, 0.1], "momentum": [0.5, 0.9], "dropout": [0.1, 0.5]}
    traces = count_traces(monkeypatch)
    found = selection.tune(with_momentum, space, x, y, **QUICK)
    assert len(traces) == 1
    for i in (0, 7):
        params = found.cv_results_["params"][i]
        alone = selection.cross_validate(functools.partial(with_momentum, **params), x, y, **QUICK)
        for j in range(2):
            loss = found.cv_results_[f"split{j}_test_loss"][i]
            assert loss == pytest.approx(alone.scores["loss"][j], rel=1e-5)
    # A parameter that was not read would leave pairs of equal losses.
    assert len(set(found.cv_results_["mean_test_loss"])) == 8


@pytest.mark.slow
def test_penalties_are_read_when_a_program_runs(monkeypatch):
    x, y = blobs()
    traces = count_traces(monkeypatch)
    found = selection.tune(build, {"l2": [1e-4, 1.0], "l1": [1e-4, 1.0]}, x, y, **QUICK)
    assert len(traces) == 1
    for i, params in enumerate(found.cv_results_["params"]):
        alone = selection.cross_validate(functools.partial(build, **params), x, y, **QUICK)
        np.testing.assert_allclose(
            found.cv_results_["mean_test_loss"][i], alone.mean["loss"], rtol=1e-6
        )


def test_the_table_has_scikit_learns_keys():
    x, y = blobs()
    found = selection.tune(build, {"hidden": [(4,), (2, 2)]}, x, y, scoring="f1_macro", **QUICK)
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
def test_a_loss_counts_as_its_negative_and_refit_trains_on_all_rows():
    x, _ = blobs()
    y = x @ [1.0, -2.0]
    make = functools.partial(models.mlp, 2, task="regression", hidden=())
    found = selection.tune(make, {"learning_rate": [1e-6, 0.05]}, x, y, cv=2, epochs=20)
    assert found.metric_ == "data_loss"
    assert found.best_params_ == {"learning_rate": 0.05}
    assert found.best_score_ == -found.cv_results_["mean_test_loss"].min()
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
    """A model whose programs no folds share, so that Keras counts on in their names."""
    layers = [keras.layers.Lambda(lambda x: x), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential([keras.Input((2,)), *layers])
    model.compile("sgd", "binary_crossentropy", metrics=list(metrics))
    return model


def accuracy_drop(y, outputs):
    return keras.ops.mean(outputs, axis=-1)


@pytest.mark.slow
def test_metrics_without_names_are_called_alike_in_all_folds():
    x, y = blobs(20, classes=2)
    kinds = (keras.metrics.AUC, keras.metrics.AUC, keras.metrics.BinaryIoU)

    found = selection.cross_validate(
        lambda: with_metrics(*(kind() for kind in kinds)), x, y, cv=2, epochs=1
    )
    assert set(found.scores) == {"loss", "auc", "auc_1", "binary_io_u"}
    assert set(found.scores) == set(found.histories[0]) == set(found.histories[1])


def test_which_way_a_metric_counts():
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
    with pytest.raises(ValueError, match=r"`metric` must be one of which it is known.*\+accur"):
        chosen("accuracy_drop", known, [])


def test_a_grid_follows_its_conditions():
    space = {"a": choice(["x", "y"]), "b": lambda p: [1, 2] if p["a"] == "y" else None}
    assert grid(space) == [{"a": "x"}, {"a": "y", "b": 1}, {"a": "y", "b": 2}]


@pytest.mark.slow
def test_halving_trains_the_best_for_longer():
    x, y = blobs()
    space = {"learning_rate": log_uniform(1e-5, 0.3)}
    found = selection.tune(build, space, x, y, cv=2, epochs=9, method="halving", trials=9)
    epochs = found.cv_results_["epochs"]
    assert sorted(epochs) == [1] * 6 + [3] * 2 + [9]
    assert epochs[found.best_index_] == 9
    assert found.cv_results_["rank_test_score"][found.best_index_] == 1


@pytest.mark.slow
def test_bayes_repeats_itself_and_goes_on(tmp_path):
    pytest.importorskip("optuna", reason=NO_OPTUNA)
    x, y = blobs()
    space = {"learning_rate": log_uniform(1e-5, 0.3), "hidden": choice([(4,), (3,)])}
    given = {**QUICK, "method": "bayes", "trials": 3, "journal": tmp_path / "journal"}
    first = selection.tune(build, space, x, y, **given)
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal").write_bytes(b"".join(lines[:4]))
    assert table(selection.tune(build, space, x, y, **given)) == table(first)


@pytest.mark.slow
def test_nested_scores_are_those_of_rows_that_no_search_has_seen():
    x, y = blobs()
    found = selection.tune(build, {"learning_rate": [1e-5, 0.1]}, x, y, nested=True, **QUICK)
    assert found.nested_scores_.shape == (2,)
    assert found.nested_score_ == found.nested_scores_.mean()
    assert "unbiased" in repr(found)


@pytest.mark.slow
def test_a_journal_goes_on_wherever_it_was_cut(tmp_path, monkeypatch):
    x, y = blobs()
    path = tmp_path / "journal.jsonl"
    space = {"learning_rate": [0.01, 0.1, 1e30]}
    whole = selection.tune(build, space, x, y, **QUICK, journal=path)
    data = path.read_bytes()
    lengths = [0, 10, data.index(b"\n") + 1, len(data) // 2, len(data) - 1, len(data)]
    for length in lengths:
        path.write_bytes(data[:length])
        assert table(selection.tune(build, space, x, y, **QUICK, journal=path)) == table(whole)
    traces = count_traces(monkeypatch)
    selection.tune(build, space, x, y, **QUICK, journal=path)
    assert traces == []


def test_a_journal_in_use_is_refused(tmp_path):
    path = tmp_path / "journal.jsonl"
    message = "`journal` must be used by one run at a time; .* is in use by process"
    with path_lock(path), pytest.raises(BlockingIOError, match=message):
        selection.tune(build, {"learning_rate": [0.01]}, *blobs(), **QUICK, journal=path)


def test_a_journal_of_something_else_is_refused(tmp_path):
    x, y = blobs()
    path = tmp_path / "journal.jsonl"
    space = {"learning_rate": [0.01]}
    selection.tune(build, space, x, y, **QUICK, journal=path)
    before = path.read_bytes()
    for change in ({"seed": 1}, {"epochs": 1}, {"x": x + 1}):
        given = {"x": x, "y": y, **QUICK, "journal": path, **change}
        with pytest.raises(ValueError, match="`journal` must be of this search"):
            selection.tune(build, space, given.pop("x"), given.pop("y"), **given)
    assert path.read_bytes() == before
    path.write_text("my notes")
    with pytest.raises(ValueError, match="must be a file that `tune` has written"):
        selection.tune(build, space, x, y, **QUICK, journal=path)
    assert path.read_text() == "my notes"


def test_a_journal_without_a_fold_runs_it_again(tmp_path, monkeypatch):
    x, y = blobs()
    path = tmp_path / "journal.jsonl"
    given = {"cv": 3, "epochs": 2, "journal": path}
    whole = selection.tune(build, {"learning_rate": [0.05]}, x, y, **given)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[3]]))
    assert table(selection.tune(build, {"learning_rate": [0.05]}, x, y, **given)) == table(whole)
    # What was run again is noted at the end.
    assert [json.loads(line)["key"] for line in path.read_bytes().splitlines()[1:]] == [
        [0, 0, fold, 2] for fold in (0, 2, 1)
    ]
    result = json.loads(lines[2])
    for damaged in (
        [],
        {**result, "key": 5},
        {**result, "scores": {}},
        {**result, "scores": 5},
        {**result, "best_epoch": "1"},
        {name: value for name, value in result.items() if name != "scores"},
        "\0",
    ):
        path.write_bytes(b"".join([*lines[:2], json.dumps(damaged).encode(), b"\n", lines[3]]))
        with pytest.raises(ValueError, match=r"line 3 of `.*journal.jsonl` is damaged, or someth"):
            selection.tune(build, {"learning_rate": [0.05]}, x, y, **given)
    path.write_bytes(b"".join([*lines[:3], b"\0\n"]))
    with pytest.raises(ValueError, match=r"line 4 of `.*journal.jsonl` is damaged, or someth"):
        selection.tune(build, {"learning_rate": [0.05]}, x, y, **given)


def test_a_journal_that_cannot_identify_the_search_is_refused(tmp_path, invalid):
    class Locked(keras.callbacks.Callback):
        def __deepcopy__(self, memo):
            return keras.callbacks.Callback()

    stopping = Locked()
    stopping.lock = threading.Lock()
    with invalid("journal", value=[stopping]):
        selection.tune(
            build,
            {"learning_rate": [0.05]},
            *blobs(),
            **QUICK,
            callbacks=[stopping],
            journal=tmp_path / "a",
        )


def test_the_bar_shows_folds_and_the_best(capsys):
    x, y = blobs()
    selection.tune(build, {"learning_rate": [0.01, 0.1]}, x, y, **QUICK, verbose=1)
    shown = capsys.readouterr().out
    assert "4/4" in shown
    assert "best" in shown
    assert "epoch" not in shown.lower()


class Slow:
    """Stands in for a crew on whose clock each fold takes as many seconds as it has epochs."""

    def __init__(self, monkeypatch):
        self.now, self.ran = 0.0, []
        monkeypatch.setattr(strategies.time, "monotonic", lambda: self.now)

    def run(self, tasks, epochs):
        for params, _, _ in tasks:
            self.now += epochs
            self.ran.append(epochs)
            yield FoldResult({"loss": params["a"]}, None, {}, epochs, 0.0, 0.0)

    def halving(self, settings, ends):
        how = {"metric": "loss", "sign": -1, "folds": 1, "seed": 0, "part": 0}
        one = strategies.Search(self, Journal(None, {}), **how, bar=Progress(9, 0), ends=ends)
        return one.halving([{"a": a} for a in range(settings)], 9)


def test_each_round_of_halving_has_a_share_of_the_budget(monkeypatch):
    slow = Slow(monkeypatch)
    found = slow.halving(200, ends=60)
    assert slow.ran == [1] * 21 + [3] * 7 + [9] * 2
    assert [trial.params["a"] for trial in found if trial.epochs == 9] == [0, 1]
    assert len(found) == 21


@pytest.mark.slow
def test_nested_searches_share_the_budget(monkeypatch):
    x, y = blobs()
    notes = []

    class Noted(strategies.Search):
        def __init__(self, *args, ends, **more):
            super().__init__(*args, ends=ends, **more)
            notes.append(ends)

    monkeypatch.setattr(study, "Search", Noted)
    monkeypatch.setattr(strategies.time, "monotonic", lambda: 0.0)
    given = {"cv": 2, "epochs": 1, "nested": True, "budget_s": 60.0}
    selection.tune(build, {"learning_rate": [0.05]}, x, y, **given)
    assert notes == [20.0, 30.0, 60.0]


@pytest.mark.slow
def test_the_budget_ends_a_search():
    x, y = blobs()
    space = {"learning_rate": uniform(0.01, 0.1)}
    found = selection.tune(build, space, x, y, **QUICK, method="random", trials=50, budget_s=1e-6)
    assert len(found.cv_results_["params"]) == 1


@pytest.mark.parametrize(
    ("space", "arguments", "message"),
    [
        ({"lr": [0.1]}, {}, "it has no `lr`. Did you mean `learning_rate`?"),
        ({"l2": 0.1}, {}, "`space['l2']` must be a list of values"),
        ({"l2": "0.1"}, {}, "`space['l2']` must be a list of values"),
        ({"l2": b"x"}, {}, "`space['l2']` must be a list of values"),
        ({"l2": []}, {}, "`space['l2']` must be a list of values"),
        ({}, {}, "`space` must be a dictionary"),
        ({"l2": uniform(0, 1)}, {}, "`space['l2']` must be a list for method='grid'"),
        ({"l2": [0.1]}, {"method": "randon"}, "Did you mean `random`?"),
        ({"l2": [0.1]}, {"cv": 1}, "`cv` must be a whole number of at least 2"),
        ({"l2": [0.1]}, {"metric": "acc"}, "`metric` must be one of"),
        ({"l2": [0.1, 1.0]}, {"trials": 1}, "`trials` must be at least 2, the size of the grid"),
        ({"l2": [0.1]}, {"journal": "/nowhere/x"}, "`journal` must be a file in a folder"),
        ({"l2": [0.1]}, {"nested": "no"}, "`nested` must be True or False; got nested='no'"),
        ({"l2": [0.1]}, {"nested": True, "cv": [([0], [1])]}, "`cv` must be a number of folds or"),
        ({"l2": [0.1]}, {"storage": "sqlite://"}, "`storage` must go with method='bayes'"),
        (
            {"l2": [0.1]},
            {"method": "bayes", "storage": 5},
            "`storage` must be a URL; got storage=5",
        ),
        (
            {"l2": [0.1]},
            {"method": "bayes", "storage": "sqlite:///a.db", "journal": "a"},
            "`journal` must be left out beside `storage`; got journal='a'. The storage has",
        ),
        ({"l2": [0.1]}, {"journal": 5}, "`journal` must be a file name; got journal=5"),
        ({1: [0.1]}, {}, "`space` must have names of arguments as keys; got space=1"),
        (
            {"l2": lambda values: values["l1"], "l1": [0.1]},
            {},
            "`space['l2']` must be a function of the dictionary of the values before it; for {} it "
            "raised KeyError: 'l1'. Arguments that it reads come first in the space.",
        ),
        (
            {"l2": [0.1]},
            {"scoring": {"score": "f1_macro"}, "metric": "loss"},
            "`scoring` must leave the name `score` to the metric that counts",
        ),
        ({"l2": [0.1]}, {"nested": True, "cv": np.int64(1)}, "`cv` must be a whole number of at"),
        ({"l2": [0.1]}, {"class_weight": {0: 0, 1: 0, 2: 0}}, "`class_weight` must not be zero"),
        ({"l2": [0.1]}, {"budget_s": 0}, "`budget_s` must be a finite number above 0"),
    ],
)
def test_what_cannot_be_right_is_refused(space, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        selection.tune(build, space, *blobs(), **{**QUICK, **arguments})


def test_where_all_fails_the_first_error_is_told():
    x, y = blobs()
    with pytest.raises(RuntimeError, match=r"Every trial has failed.*FloatingPointError"):
        selection.tune(build, {"learning_rate": [1e30, 1e31]}, x, y, **QUICK)
    with pytest.raises(RuntimeError, match=r"Every trial.*'rleu'.*ValueError.*Did you mean `relu`"):
        selection.tune(build, {"activation": ["rleu"]}, x, y, **QUICK)


def test_one_model_is_enough_to_check_the_data():
    made = []

    def counted(learning_rate):
        made.append(learning_rate)
        return build(learning_rate=learning_rate)

    x, y = blobs()
    selection.tune(counted, {"learning_rate": [0.05]}, x, y, cv=2, epochs=1)
    assert len(made) == 1 + 2


def test_ranges_refuse_what_is_none():
    for make in (uniform, log_uniform, integers):
        with pytest.raises(ValueError, match="`high` must be"):
            make(2, 1)
    with pytest.raises(ValueError, match="`low` must be a finite number above 0"):
        log_uniform(0, 1)
    for values in ("relu", b"relu"):
        with pytest.raises(ValueError, match="`values` must be a list"):
            choice(values)
