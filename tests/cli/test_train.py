"""`kerasnn train`: from a CSV file or a folder of images to a served model."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.metrics import log_loss

from kerasnn import InvalidArgument, data, serving, training
from kerasnn.__main__ import main
from kerasnn._core.optimizers import schedule_of
from kerasnn._core.random_state import derived
from kerasnn.cli import errors_in_flags
from kerasnn.cli.training import (
    compare,
    images,
    options,
    output,
    rivals,
    scores,
    steps,
    table,
)
from kerasnn.cli.training.networks import choice, mlp, pack, tabular
from kerasnn.cli.training.networks.rows import Rows
from kerasnn.cli.training.networks.trained import Settings
from kerasnn.doctor.rules.finding import Finding
from kerasnn.models.ensembles.pack_model import Pack
from kerasnn.report.sections.scores import comparison as section
from kerasnn.tasks import Task

COLOURS = ("blue", "grün", "red")


def say(*words):
    return main([str(word) for word in words])


def fruit(path):
    """Writes a table: number, name, boolean, date, and columns that nobody can learn from."""
    random = np.random.default_rng(0)
    lines = ["id,grams,colour,is ripe,picked,farm,code,kind"]
    for i in range(90):
        kind = ("apple", "pear", "plum")[i % 3]
        grams = "" if i % 11 == 5 else f"{(150, 120, 40)[i % 3] + 10 * random.normal():.1f}"
        colour = "" if i % 13 == 7 else COLOURS[(i + int(random.random() < 0.2)) % 3]
        ripe, code = ("true", "false")[i % 2], "".join(random.choice([*"abcdefgh"], 8))
        day = f"2024-{1 + i % 12:02}-{1 + i % 28:02}"
        lines.append(f"{i},{grams},{colour},{ripe},{day},Hill,{code},{kind}")
    lines.append("90,100,red,true,2024-01-01,Hill,abc,")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    return fruit(tmp_path_factory.mktemp("table") / "fruit.csv")


@pytest.fixture(scope="module")
def trained(csv, tmp_path_factory):
    """A table, trained once: the directory, and what was printed."""
    folder = tmp_path_factory.mktemp("trained") / "fruit"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        # The intervals of the report, which its own tests look at, take a quarter of the time.
        patch.setattr("kerasnn.report.sections.metrics._RESAMPLES", 5)
        target = ("--target", "kind", "--output", folder)
        assert say("train", csv, *target, "--folds", "2", "--epochs", "30", "--compare", "mlp") == 0
    return folder, printed.getvalue()


def raw_rows(split):
    return [
        {name: values[i] for name, values in split.raw_test.items()}
        for i in range(len(split.y_test))
    ]


def test_writes_everything_and_nothing_else(trained):
    folder, _ = trained
    assert sorted(path.name for path in folder.iterdir()) == [
        *("encoder.keras", "model", "model.keras", "report.html")
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["fruit"]
    assert (folder / "model" / "1" / "saved_model.pb").exists()
    assert (folder / "model" / "models.config").read_text().count(str(folder / "model")) == 1
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not any(b".kerasnn-train-" in path.read_bytes() for path in files)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("grün") > 0
    for words in ("logistic regression", "seconds a fold", "the first model, mlp,"):
        assert words in page


def test_says_what_it_takes_and_leaves_out(trained):
    _, printed = trained
    for words in (
        *("grams", "category of 3", "a category of its own", "boolean", "date, from 2024-"),
        *("'id', for it counts the rows", "'farm', for all rows have 'Hill'", "--keep code"),
        *("1 of 91 rows have no 'kind'", "multiclass of 3 classes: 72 rows to train on, 18"),
        *("docker run", "curl -d", "kerasnn predict", "--ignore code farm id kind"),
    ):
        assert words in printed, words


def test_names_the_worst_rows_by_their_place_in_the_table(trained):
    folder, _ = trained
    page = (folder / "report.html").read_text(encoding="utf-8")
    section = page.partition('<section id="worst"')[2].partition("</section>")[0]
    rows = re.findall(r'<th scope="row"[^>]*>(\d+)</th>\s*<td[^>]*>(\w+)</td>', section)
    assert len(rows) == 10
    # In the file the kinds follow each other.
    assert [kind for _, kind in rows] == [("apple", "pear", "plum")[int(i) % 3] for i, _ in rows]
    assert max(int(i) for i, _ in rows) > len(rows) + 10
    assert "Row 0 is the first of the table: line 2 of a file with a header." in section
    assert "--overwrite" in page.partition('<section id="repetition"')[2]


def test_compares_with_scikit_learn(trained):
    _, printed = trained
    names = ("mlp", "most frequent class", "logistic regression", "gradient boosting")
    lines = {name: line for line in printed.splitlines() for name in names if line.startswith(name)}
    assert set(lines) == set(names)
    accuracy = {name: float(line[len(name) :].split()[0]) for name, line in lines.items()}
    assert accuracy["most frequent class"] == pytest.approx(1 / 3, abs=0.01)
    assert accuracy["mlp"] > 0.9


def test_answers_raw_rows_by_name_as_the_model_does(trained, csv):
    folder, _ = trained
    model = keras.saving.load_model(folder / "model.keras")
    encoder = keras.saving.load_model(folder / "encoder.keras")
    split = data.from_csv(
        csv, "kind", missing="indicator", drop=("id", "farm", "code"), drop_missing_target=True
    )
    rows = raw_rows(split)
    expected = model.predict(encoder.predict(split.raw_test, verbose=0), verbose=0)
    np.testing.assert_allclose(encoder.predict(split.raw_test, verbose=0), split.x_test, atol=1e-6)
    predictor = serving.Predictor(folder / "model")
    backwards = [dict(reversed(row.items())) for row in rows]
    for given in (rows, backwards, split.raw_test):
        np.testing.assert_allclose(predictor(given)["probabilities"], expected, atol=1e-6)
    labels = np.array([b"apple", b"pear", b"plum"])[expected.argmax(axis=1)]
    np.testing.assert_array_equal(predictor(rows)["labels"], labels)


def test_command_line_answers_the_same(trained, csv, capsys):
    folder, printed = trained
    words = printed.splitlines()[-1].split()
    assert words[:2] == ["kerasnn", "predict"]
    assert say("predict", folder / "model", csv, *words[words.index("--ignore") :]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert len(found) == 91
    row = {"grams": 151.2, "colour": "blue", "is ripe": True, "picked": "2024-03-05"}
    [of_row] = serving.Predictor(folder / "model")([row])["labels"]
    assert of_row == b"apple"


def test_same_seed_same_bits():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)).astype("float32"), random.integers(0, 2, 60)
    rows = Rows(x=x, y=y, task=Task.BINARY, outputs=1)
    settings = Settings(hidden=(4,), epochs=2, dropout=0.5)
    weights = [mlp.train(rows, settings, seed=s).model.get_weights() for s in (3, 3, 4)]
    for first, again, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, again)
        assert first.ndim < 3 or not np.array_equal(first, other)


def test_losses_are_means_over_the_rows_of_each_network():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(50, 3)).astype("float32"), random.integers(0, 2, 50)
    rows = Rows(x=x, y=y, task=Task.BINARY, outputs=1)
    trained = mlp.train(rows, Settings(hidden=(4,), epochs=5, l2=0.0), seed=3)
    scores = trained.model.get_layer("mean_of_networks").input
    each = tf.sigmoid(keras.Model(trained.model.input, scores)(x)).numpy()[:, :, 0]
    parts = rows.parts(4, derived(3, 0))
    # The weights are those of the best epoch.
    losses = [log_loss(y[part], each[part, i]) for i, part in enumerate(parts)]
    sizes = [len(part) for part in parts]
    assert min(trained.history["val_loss"]) == pytest.approx(
        np.average(losses, weights=sizes), abs=1e-4
    )
    # Five epochs move the network little, and a mean over all cells would be 3/4 of this.
    learned = [
        log_loss(y[rest], each[rest, i])
        for i, rest in enumerate(np.setdiff1d(np.arange(50), part) for part in parts)
    ]
    assert trained.history["loss"][-1] == pytest.approx(np.mean(learned), rel=0.1)


def test_folds_that_lack_a_class(tmp_path):
    """Neither their area under the curve nor a model of one class ends the comparison."""
    path = tmp_path / "times.csv"
    lines = [f"{i},{i % 5},{'ab'[i % 2 if i > 30 else 0]}" for i in range(60)]
    path.write_text("\n".join(["time,size,kind", *lines]))
    given = options.Options(data=path, target="kind", output=tmp_path / "no", split_by="time")
    problem = table.read(given)
    settings = Settings(hidden=(2,), epochs=1)
    found = compare.compare(problem, settings, folds=problem.folds(3, 0), seed=0, verbose=0)
    assert np.isnan(found.scores["mlp"]["ROC AUC"]).any()
    for line in str(found).splitlines()[1:]:
        assert "nan" not in line
        assert " -   " in line
    assert found.ranked()[0] in found.scores
    assert "ROC AUC" in str(section(found.scores))


def test_names_flags_in_errors():
    """Whatever a function calls its argument, and however its value is written."""
    text = "`task` must fit; got task='count'. Give categorical=(\"it's\",). Did you mean `task`?"
    names = {"task": "--task", "categorical": "--categorical"}
    assert errors_in_flags.in_flags(text, names) == (
        "`--task` must fit; got --task count. Give --categorical 'it'\"'\"'s'. Did you mean `task`?"
    )


def test_errors_in_words_of_the_command(csv, tmp_path, capsys):
    new = ("--output", tmp_path / "new", "--quiet")
    assert say("train", csv, "--target", "kind", "--task", "binary", *new) == 1
    assert "got --task binary." in capsys.readouterr().err
    assert say("train", tmp_path / "no.csv", "--target", "kind", *new) == 1
    assert "`DATA` must be a CSV file" in capsys.readouterr().err
    (tmp_path / "latin.csv").write_bytes("größe,kind\n1,a\n2,b\n".encode("cp1252"))
    assert say("train", tmp_path / "latin.csv", "--target", "kind", *new) == 1
    error = capsys.readouterr().err
    assert "--encoding cp1252" in error
    assert "sig" not in error


@pytest.mark.parametrize(
    ("written", "formats"),
    [
        ("{day:02}/{month:02}/2024", ["%d/%m/%Y"]),
        ("{day:02}.{month:02}.2024", ["%d.%m.%Y"]),
        ("{month:02}/{month:02}/20{day:02}", ["%d/%m/%Y", "%m/%d/%Y"]),
        ("no {day} of {month}", []),
    ],
)
def test_dates_that_are_left_out_are_told_with_their_format(written, formats, tmp_path):
    path = tmp_path / "days.csv"
    days = [written.format(day=1 + i % 28, month=1 + i // 28) for i in range(84)]
    lines = [f"{day},{i % 7},{i % 2}" for i, day in enumerate(days)]
    path.write_text("\n".join(["on,number,kind", *lines]))
    given = options.Options(data=path, target="kind", output=tmp_path / "no", quiet=True)
    reason = table.read(given).left_out["on"]
    assert re.findall(r"--dates on=(\S+)", reason) == formats
    if formats:
        dated = dataclasses.replace(given, dates={"on": formats[0]})
        assert not table.read(dated).left_out


def test_boosting_splits_small_tables(tmp_path):
    x = np.arange(40.0)[:, np.newaxis]
    rows = Rows(x=x, y=(x[:, 0] > 19).astype(int), task=Task.BINARY, outputs=1)
    boosting = rivals.rivals(Task.BINARY)["gradient boosting"](0, 40)
    assert (rivals.predict(boosting, rows, x, 0)[:, 0] > 0.5).tolist() == rows.y.tolist()


@pytest.mark.parametrize(
    ("task", "y_train", "y_test", "good", "bad", "name"),
    [
        ("binary", [0, 0, 1], [0, 1], (0.8, 0.4), (0.5, 0.8), "most frequent class"),
        ("multiclass", [0, 1, 2, 2], [2, 1], (0.8, 0.4), (0.5, 1.2), "most frequent class"),
        ("regression", [1.0, 3.0], [0.0, 4.0], (0.1, 1.9), (-0.1, 2.1), "mean"),
    ],
)
def test_no_better_than_guessing(task, y_train, y_test, good, bad, name):
    y_train, y_test = np.array(y_train), np.array(y_test)
    classes = ("a", "b", "c")[: len(set(y_train))] if task != "regression" else None
    split = data.Split(y_train[:, None], y_train, y_test[:, None], y_test, task, classes)
    first, *_, last = scores.metric_names(split.task)

    def found(test, folds, constant):
        models = {"net": folds, name: constant}
        compared = scores.Comparison(
            task=split.task,
            scores={m: {first: [a], last: [b]} for m, (a, b) in models.items()},
            seconds={},
        )
        measured = dict(zip((first, last), test, strict=True))
        return scores.no_better_than_guessing(split, "net", measured, compared)

    assert found(good, good, bad) is None
    # Better by one of the two.
    assert found((good[0], bad[1]), (bad[0], good[1]), (bad[0], bad[1])) is None
    assert "On the 2 test rows its" in found(bad, good, bad).explanation
    finding = found(good, bad, good)
    assert "On the folds of the training part its" in finding.explanation
    assert "test rows" not in finding.explanation
    assert finding.name == "no better than guessing"


def test_dead_units_are_a_note_where_no_rival_is_better():
    dead = Finding("dying ReLU", "hidden_2", 0.6, "60% of its units.", "Standardise.")

    def told(network, linear, found=dead):
        compared = scores.Comparison(
            task=Task.REGRESSION,
            scores={"mlp": {"R2": network}, "linear": {"R2": linear}},
            seconds={},
        )
        return scores.in_terms_of_the_command(found, "mlp", compared)

    finding = told([0.3, 0.5, 0.4], [0.6, 0.8, 0.8])
    assert finding.name == "dying ReLU"
    assert "`--learning-rate`" in finding.hint
    assert told([0.3, 0.5, 0.4], [0.2, 0.6, 0.5]).name == "note"
    assert scores.in_terms_of_the_command(dead, "mlp", None).name == "dying ReLU"
    dead_layer = dataclasses.replace(dead, number=1.0)
    assert told([0.3, 0.5, 0.4], [0.2, 0.6, 0.5], dead_layer).name == "dying ReLU"
    other = dataclasses.replace(dead, name="vanishing gradients")
    assert scores.in_terms_of_the_command(other, "mlp", None) is other


@pytest.mark.slow
def test_same_command_same_bits(csv, tmp_path, capsys):
    outputs, results = [], []
    for name in ("first", "second"):
        flags = ("--output", tmp_path / name, "--folds", "0", "--epochs", "3", "--json")
        assert say("train", csv, "--target", "kind", *flags) == 0
        results.append(json.loads(capsys.readouterr().out))
        assert results[-1]["export"]["path"] == str(tmp_path / name / "model" / "1")
        outputs.append(keras.saving.load_model(tmp_path / name / "model.keras").get_weights())
    for first, second in zip(*outputs, strict=True):
        np.testing.assert_array_equal(first, second)
    assert results[0]["test_scores"] == results[1]["test_scores"]
    assert results[0]["folds"] is None


@pytest.mark.slow
def test_numbers_and_a_search(csv, tmp_path, capsys):
    flags = ("--search", "2", "--folds", "2", "--epochs", "3", "--hidden", "8")
    target = ("--target", "grams", "--ignore", "kind", "--report", tmp_path / "grams.html")
    assert say("train", csv, *target, "--output", tmp_path / "grams", *flags) == 0
    printed = capsys.readouterr().out
    assert "linear regression" in printed
    assert "The best: hidden layers of (" in printed
    assert (tmp_path / "grams.html").exists()
    assert not (tmp_path / "grams" / "report.html").exists()
    served = serving.Predictor(tmp_path / "grams" / "model")
    assert "kind" not in served.inputs
    row = {"colour": "", "is ripe": "true", "picked": "2024-03-05"}
    assert served([row])["predictions"].shape == (1, 1)


@pytest.mark.parametrize(
    ("rows", "task", "outputs"),
    [(40, Task.REGRESSION, 1), (40, Task.COUNT, 1), (60, Task.MULTICLASS, 3)],
)
def test_network_of_tables(rows, task, outputs):
    """Numbers in their own units, and columns of indices and windows of steps as inputs."""
    random = np.random.default_rng(0)
    x = np.stack([random.normal(size=(rows, 2)), random.integers(0, 3, (rows, 2))], axis=-1)
    y = 1000 + 100 * x[:, 0, 0] if task is Task.REGRESSION else x[:, 0, 1].astype("int64")
    given = Rows(
        x=x.astype("float32"), y=y, task=task, outputs=outputs, embeddings={1: 3}, ordered=True
    )
    trained = mlp.train(given, Settings(hidden=(8,), epochs=60), seed=0)
    predicted = training.predict(trained.model, given.x, verbose=0)
    assert predicted.shape == (rows, outputs)
    if task is Task.MULTICLASS:
        assert np.mean(predicted.argmax(axis=1) == y) > 0.9
    else:
        assert np.mean((predicted[:, 0] - y) ** 2) < 0.5 * y.var()
    assert trained.epochs == len(trained.history["val_loss"])


def rows_of_groups(count, task):
    """Rows of two numbers, a column of indices of three names, and groups of five."""
    random = np.random.default_rng(0)
    x = np.stack([*random.normal(size=(2, count)), random.integers(0, 3, count)], axis=1)
    y = 100 * x[:, 0] if task is Task.REGRESSION else x[:, 2].astype("int64")
    groups = np.arange(count) // 5
    outputs = 1 if task is Task.REGRESSION else 3
    return Rows(
        x=x.astype("float32"), y=y, task=task, outputs=outputs, embeddings={2: 3}, groups=groups
    )


def test_tabular_validates_on_whole_groups(monkeypatch):
    rows = rows_of_groups(120, Task.MULTICLASS)
    given = {}
    fit = training.fit

    def seen(model, x, y, **arguments):
        given.update(x=x, validation_data=arguments["validation_data"])
        given.update(rate=schedule_of(model.optimizer).max_lr)
        return fit(model, x, y, **arguments)

    monkeypatch.setattr(training, "fit", seen)
    trained = tabular.train(rows, Settings(hidden=(16,), epochs=30, learning_rate=0.05), seed=0)
    assert given["rate"] == 0.05
    first, second = (
        {int(rows.groups[np.flatnonzero((rows.x == row).all(axis=1))[0]]) for row in part}
        for part in (given["x"], given["validation_data"][0])
    )
    assert not first & second
    assert len(first | second) == 24
    predicted = training.predict(trained.model, rows.x, verbose=0)
    assert np.mean(predicted.argmax(axis=1) == rows.y) > 0.9
    assert len(trained.history["val_loss"]) == trained.epochs


def test_a_pack_of_a_table(monkeypatch):
    """Its networks leave out whole groups, and all have the hidden layers that were asked for."""
    rows = rows_of_groups(80, Task.REGRESSION)
    given = {}
    fit = Pack.fit

    def seen(model, *args, **arguments):
        given.update(arguments)
        return fit(model, *args, **arguments)

    monkeypatch.setattr(Pack, "fit", seen)
    monkeypatch.setattr(pack, "_NETWORKS", 4)
    trained = pack.train(rows, Settings(hidden=(8,), epochs=3, learning_rate=0.05), seed=0)
    assert set(given["folds"].tolist()) == {0, 1, 2, 3}
    for group in range(16):
        assert len(set(given["folds"][rows.groups == group].tolist())) == 1
    assert {tuple(setting["hidden"]) for setting in trained.model.members_} == {(8,)}
    assert {setting["learning_rate"] for setting in trained.model.members_} == {0.05}
    assert trained.epochs == 3


@pytest.mark.parametrize(
    ("rows", "given", "names"),
    [
        (80, {}, ["mlp"]),
        (500, {}, ["mlp", "tabular", "pack"]),
        (501, {}, ["pack", "mlp", "tabular"]),
        (20_000, {}, ["pack", "mlp"]),
        (501, {"search": 3}, ["mlp", "tabular", "pack"]),
        (501, {"network": "tabular", "compare": ("pack",)}, ["tabular", "pack"]),
    ],
)
def test_networks_by_the_number_of_rows(rows, given, names):
    asked = options.Options(data=pathlib.Path("x.csv"), target="y", output=pathlib.Path(), **given)
    assert list(choice.compared(np.zeros((rows, 2)), asked)) == names


@pytest.mark.parametrize(
    ("shape", "given", "argument"),
    [
        ((600, 3, 2), {"network": "pack"}, "--network"),
        ((600, 3, 2), {"compare": ("mlp", "tabular")}, "--compare"),
        ((600, 2), {"network": "pack", "search": 3}, "--search"),
        ((600, 2), {"learning_rate": 0.1, "search": 3}, "--learning-rate"),
    ],
)
def test_networks_that_do_not_suit(shape, given, argument):
    asked = options.Options(data=pathlib.Path("x.csv"), target="y", output=pathlib.Path(), **given)
    with pytest.raises(InvalidArgument) as error:
        choice.compared(np.zeros(shape), asked)
    assert error.value.argument == argument
    windows = options.Options(data=pathlib.Path("x.csv"), target="y", output=pathlib.Path())
    assert choice.compared(np.zeros((600, 3, 2)), windows) == ("mlp",)


def test_the_learning_rate_of_mlp():
    """Its default is the same whether it is given or not."""
    rows = rows_of_groups(40, Task.MULTICLASS)
    rates = [mlp.single(rows, Settings(learning_rate=rate)) for rate in (None, 0.01, 0.2)]
    np.testing.assert_allclose(
        [float(model.optimizer.learning_rate) for model in rates], [0.01, 0.01, 0.2], rtol=1e-6
    )


@pytest.mark.slow
def test_a_pack_is_compared_exported_and_reported(csv, tmp_path, capsys):
    flags = ("--network", "pack", "--compare", "tabular", "--folds", "2", "--epochs", "3")
    assert say("train", csv, "--target", "kind", "--output", tmp_path / "pack", *flags) == 0
    printed = capsys.readouterr().out
    page = (tmp_path / "pack" / "report.html").read_text(encoding="utf-8")
    for name in ("pack", "tabular", "logistic regression", "gradient boosting"):
        assert re.search(rf"^{name}  .*\d\.\d$", printed, flags=re.M)
        assert name in page
    assert not re.search("^mlp  ", printed, flags=re.M)
    model = keras.saving.load_model(tmp_path / "pack" / "model.keras")
    encoder = keras.saving.load_model(tmp_path / "pack" / "encoder.keras")
    split = data.from_csv(
        csv, "kind", missing="indicator", drop=("id", "farm", "code"), drop_missing_target=True
    )
    expected = model.predict(encoder.predict(split.raw_test, verbose=0), verbose=0)
    found = serving.Predictor(tmp_path / "pack" / "model")(split.raw_test)["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_encodes_folds_by_their_training_rows(csv):
    """No mean, category or first date of a fold's test rows is known to its encoder."""
    problem = table.read(options.Options(data=csv, target="kind", output=csv.with_name("no")))
    raw = problem.split.raw_train
    train = np.flatnonzero(raw["colour"] != "red")
    test = np.flatnonzero(raw["colour"] == "red")
    fold = problem.fold(train, test)
    names = problem.split.features
    red, grams = names.index("colour=red"), names.index("grams")
    assert fold.rows.x.shape[1] == len(names) - 1
    kept = np.delete(problem.split.x_test[:0], red, axis=1)
    assert fold.x_test.shape[1:] == kept.shape[1:]
    absent = np.isnan(raw["grams"])
    mean = np.nanmean(raw["grams"][train].astype("float64"))
    filled = np.concatenate([fold.rows.x[:, grams], fold.x_test[:, grams]])
    missing = np.concatenate([absent[train], absent[test]])
    np.testing.assert_allclose(filled[missing], mean, rtol=1e-6)


def test_many_integers_are_numbers(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(["size,price", *(f"{i % 7},{100 + 3 * i}" for i in range(40))]))
    given = options.Options(data=path, target="price", output=tmp_path / "no")
    problem = table.read(given)
    assert problem.split.task is Task.REGRESSION
    assert "40 different integers" in problem.notes[0]
    again = table.read(dataclasses.replace(given, task="count"))
    assert (again.split.task, again.notes) == (Task.COUNT, ())


def test_numbers_are_printed_in_one_way(tmp_path):
    path = tmp_path / "incomes.csv"
    incomes = [f"{'' if i == 3 else 11648.6 + 1e4 * (i % 9)},{i % 2}" for i in range(90)]
    path.write_text("\n".join(["income,y", *incomes]))
    given = options.Options(
        data=path, target="y", output=tmp_path / "no", missing="mean", test_size=0.1
    )
    printed = table.read(given).described()
    assert "number, 11,649 to 91,649" in printed
    assert re.search(r"1: the mean, 5\d,\d{3} ", printed)


def test_doubtful_columns_are_notes(tmp_path):
    path = tmp_path / "doubts.csv"
    rows = [f"0{i % 7}1,{1 + i % 14:02}/05/2024,{'no' if i % 2 else 'No '},3" for i in range(90)]
    path.write_text("\n".join(["zip,on,y,x", *rows]))
    given = options.Options(data=path, target="y", output=tmp_path / "no")
    spelt, dates, zeros = table.read(given).notes
    assert "'y' holds 'No' and 'no'" in spelt
    assert "--dates on=%d/%m/%Y. If they are names, give --categorical on." in dates
    assert "'zip' holds '001', which is read as the number 1." in zeros
    assert zeros.endswith("give --categorical zip.")
    again = dataclasses.replace(given, categorical=("zip", "on"))
    assert table.read(again).notes == (spelt,)


def test_groups_and_times_divide_folds(csv):
    common = {"data": csv, "target": "kind", "output": csv.with_name("no")}
    problem = table.read(options.Options(**common, groups="picked"))
    groups = problem.training_rows().groups
    for train, test in problem.folds(2, 0):
        assert not np.intersect1d(groups[train], groups[test]).size
    problem = table.read(options.Options(**common, split_by="picked"))
    for train, test in problem.folds(2, 0):
        assert train.max() < test.min()


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (("--target", "knid"), "--target"),
        (("--target", "kind", "--keep", "colours"), "--keep"),
        (("--target", "kind", "--ignore", "kind"), "--ignore"),
        (("--target", "kind", "--folds", "1000"), "--folds"),
        ((), "--target"),
    ],
)
def test_wrong_names(csv, tmp_path, capsys, words, argument):
    assert say("train", csv, *words, "--output", tmp_path / "new") == 1
    assert f"`{argument}` must" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("--folds", "1"),
        ("--epochs", "0"),
        ("--search", "few"),
        ("--learning-rate", "0"),
        ("--learning-rate", "fast"),
    ],
)
def test_wrong_numbers(csv, tmp_path, words):
    with pytest.raises(SystemExit) as exit_:
        say("train", csv, "--target", "kind", "--output", tmp_path / "new", *words)
    assert exit_.value.code == 2


def test_mixed_columns_stay_an_error(csv, tmp_path, capsys):
    path = tmp_path / "mixed.csv"
    path.write_text(csv.read_text(encoding="utf-8").replace("40.", "40,5.", 1), encoding="utf-8")
    text = csv.read_text(encoding="utf-8").splitlines()
    cells = text[1].split(",")
    path.write_text("\n".join([text[0], ",".join([cells[0], "heavy", *cells[2:]]), *text[2:]]))
    assert say("train", path, "--target", "kind", "--output", tmp_path / "new", "--quiet") == 1
    assert "'grams'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_refuses_what_is_there(trained, csv, capsys):
    folder, _ = trained
    before = (folder / "report.html").read_bytes()
    assert say("train", csv, "--target", "kind", "--output", folder) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (folder / "report.html").read_bytes() == before


def test_only_what_a_training_wrote_is_replaced(tmp_path, invalid):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "report.html").write_text("old")
    output.check(folder, overwrite=True)
    (folder / "thesis.txt").write_text("mine")
    with invalid("--output", str(folder)):
        output.check(folder, overwrite=True)
    with invalid("--output", "."):
        output.check(pathlib.Path(), overwrite=True)


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="`--output` must be a directory that can be"):
        output.check(tmp_path / "file" / "new", overwrite=False)


@pytest.mark.parametrize(
    "flags",
    [
        ("--backbone", "VGG16"),
        ("--image-size", "3", "3"),
        ("--color-mode", "grayscale"),
        ("--resize", "pad"),
        ("--folds", "0", "--compare", "mlp"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(csv, tmp_path, capsys, flags):
    target = ("--target", "kind", "--output", tmp_path / "new")
    assert say("train", csv, *target, *flags, "--quiet") == 1
    assert (
        f"`{flags[-2] if 'mlp' in flags else flags[0]}` must be left out" in capsys.readouterr().err
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path, overwrite):
    folder = tmp_path / "new"
    if overwrite:
        folder.mkdir()
        (folder / "old.txt").write_text("old")

    def interrupted():
        with output.created(folder) as directory:
            (directory / "model.keras").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == (["new", "old.txt"] if overwrite else [])
    with output.created(folder) as directory:
        assert (directory.name, directory.resolve() == folder.resolve()) == ("new", False)
        (directory / "model.keras").write_text("whole")
        (directory / "card.json").write_text(json.dumps([str(directory.resolve()), "grün"]))
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["card.json", "model.keras", "new"]
    assert json.loads((folder / "card.json").read_text()) == [str(folder.resolve()), "grün"]


_KILLED = """
import os, pathlib, signal, sys
from kerasnn.cli.training import output
with output.created(pathlib.Path(sys.argv[1])) as directory:
    (directory / "model.keras").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_kill_leaves_what_was_there(tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    command = [sys.executable, "-c", _KILLED, str(folder)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert [path.name for path in folder.iterdir()] == ["old.txt"]
    [hidden] = [path for path in tmp_path.iterdir() if path != folder]
    os.utime(hidden, (0, 0))
    with output.created(folder) as directory:
        (directory / "model.keras").write_text("whole")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["model.keras", "new"]


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError("full"), 1)])
def test_an_end_in_one_line(csv, tmp_path, capsys, monkeypatch, error, code):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(steps, "compare", fail)
    assert say("train", csv, "--target", "kind", "--output", tmp_path / "new", "--quiet") == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(csv, tmp_path):
    words = ("train", csv, "--target", "kind", "--output", tmp_path / "new", "--folds", "2")
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "kerasnn", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        for line in child.stdout or ():
            if line.startswith("Trains "):
                break
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=120)
    assert child.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("kerasnn: interrupted")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of bright and dark images."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, level in (("day", 200), ("night", 40)):
        (folder / name).mkdir()
        for i in range(20):
            pixels = np.clip(random.normal(level, 20, (12, 12, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.mark.slow
def test_a_folder_of_images(photos, tmp_path, capsys):
    folder = tmp_path / "photos"
    flags = ("--image-size", "32", "32", "--folds", "2", "--epochs", "5")
    assert say("train", photos, "--output", folder, *flags) == 0
    printed = capsys.readouterr().out
    assert (
        "40 images, stretched to 32x32 with 3 channels, of 2 classes: day (20), night (20)"
        in printed
    )
    assert "convolutional network" in printed
    request = printed.partition("Ask the server:\n")[2].splitlines()[0]
    assert "image_bytes" in request
    # The bytes of the image are not in it.
    assert len(request) < 250
    assert sorted(path.name for path in folder.iterdir()) == ["model", "model.keras", "report.html"]
    assert say("predict", folder / "model", photos / "night" / "3.png") == 0
    [found] = json.loads(capsys.readouterr().out)["predictions"]
    assert found["labels"] == "night"
    served = tf.saved_model.load(folder / "model" / "1").signatures["serving_default"]
    dark = np.full((1, 32, 32, 3), 30, "float32")
    assert served(image=tf.constant(dark))["labels"].numpy() == [b"night"]


def test_compares_models_of_images(photos, tmp_path):
    given = options.Options(
        data=photos, target=None, output=tmp_path / "no", image_size=(4, 8), resize="crop"
    )
    problem = images.read(given)
    assert "40 images, cropped to 4x8 with 3 channels" in problem.described()
    assert problem.split.resize == "crop"
    found = compare.compare(
        problem, Settings(epochs=1), folds=problem.folds(2, 0), seed=0, verbose=0
    )
    names = ["convolutional network", "most frequent class", "logistic regression on pixels"]
    assert list(found.scores) == names
    assert found.scores[names[2]]["accuracy"] == [1.0, 1.0]
    assert found.scores[names[1]]["accuracy"] == [0.5, 0.5]
    assert found.ranked()[0] != names[1]


def test_images_that_are_skipped_are_a_note(photos, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    (folder / "day" / "torn.png").write_bytes(b"no image")
    given = options.Options(data=folder, target=None, output=tmp_path / "no", errors="skip")
    [note] = images.read(given).notes
    assert note.startswith("Skipped: 1 of 41 files")
    assert "torn.png" in note


@pytest.mark.parametrize(
    "flag", [("--target", "kind"), ("--search", "3"), ("--windows", "2"), ("--network", "pack")]
)
def test_flags_of_tables_and_folders(photos, tmp_path, capsys, flag):
    assert say("train", photos, "--output", tmp_path / "new", *flag) == 1
    assert f"`{flag[0]}` must be left out" in capsys.readouterr().err


def test_a_path_that_does_not_exist(tmp_path, capsys):
    assert say("train", tmp_path / "none") == 1
    assert "`DATA` must be a CSV file, or a folder of images" in capsys.readouterr().err
