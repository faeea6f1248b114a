"""Reports: their numbers, their sections, and that they need no other file."""

import dataclasses
import errno
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib import pyplot as plt
from sklearn import metrics

from kerasnn import data, doctor, models, report, serving
from kerasnn._core.display.blocks import Best, Code
from kerasnn.report.sections import network as network_section
from kerasnn.report.sections.scores import comparison, less_is_better
from tests.helpers.html_page import Page

HOSTILE = '<script>alert("1")</script> & $x'


def network(rows, activation, outputs):
    """A network with fixed weights, so that its predictions are known."""
    inputs = keras.Input((rows.shape[1],))
    model = keras.Model(inputs, keras.layers.Dense(outputs, activation, name="output")(inputs))
    weights = np.linspace(-1, 1, rows.shape[1] * outputs).reshape(rows.shape[1], outputs)
    model.get_layer("output").set_weights([weights, np.linspace(0.2, 0.4, outputs)])
    return model


def table_split(task, y, **kwargs):
    rows = np.random.default_rng(0).normal(size=(len(y), 3)).astype("float32")
    half = len(y) // 2
    return data.Split(rows[:half], y[:half], rows[half:], y[half:], task, **kwargs)


def written(path, split, model, **kwargs):
    file = report.write(path / "report.html", split=split, model=model, **kwargs)
    return Page(file.read_text(encoding="utf-8"))


def numbers_of(cell):
    return [float(number) for number in re.findall(r"-?\d[\d,]*\.?\d*", cell.replace(",", ""))]


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Spares time in all tests that do not look at intervals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kerasnn.report.sections.metrics._RESAMPLES", 5)
        yield


@pytest.fixture(scope="module")
def three_classes():
    y = np.random.default_rng(1).integers(0, 3, 60)
    split = table_split("multiclass", y, classes=("ant", "bee", HOSTILE), features=("a", "b", "c"))
    return split, network(split.x_test, "softmax", 3)


@pytest.fixture(scope="module")
def page_of_three(three_classes, tmp_path_factory):
    split, model = three_classes
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    folder = tmp_path_factory.mktemp("report")
    scores = {
        "network": {"accuracy": [0.5, 0.7], "log_loss": [1.0, 1.2]},
        "boosting": {"accuracy": [0.8, 0.9], "log_loss": [1.3, 1.5]},
    }
    exported = serving.export(model, folder / "insects", warmup=False)
    return written(
        folder / "new",
        split,
        model,
        target="insect",
        history={"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 0.9, 1.1], "accuracy": [0.1, 0.2, 0.3]},
        scores=scores,
        findings=doctor.diagnose(model, split.x_train, split.y_train),
        export=exported,
        columns=[report.Column("a", "number", "the mean, 0.1")],
        dropped={HOSTILE: "the same in every row"},
        notes=["2 rows were left out."],
        command="kerasnn train insects.csv --target insect",
        seed=17,
        names=[f"insect {i}" for i in range(30)],
        n_worst=4,
        importance_repeats=2,
    )


def test_all_sections_of_a_full_report(page_of_three):
    assert page_of_three.sections == [
        *("data", "changes", "comparison", "curves", "results", "worst", "importance"),
        *("diagnosis", "network", "serving", "repetition"),
    ]
    links = [v for tag, k, v in page_of_three.attributes if (tag, k) == ("a", "href")]
    assert links == [f"#{name}" for name in page_of_three.sections]


def test_the_file_needs_no_other_and_is_well_formed(page_of_three):
    page = page_of_three
    assert page.open == []
    for tag, name, value in page.attributes:
        if name in ("src", "href", "xlink:href", "poster", "action", "srcset"):
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name, value[:80])
        assert not name.startswith("on")
        assert name == "content" or "://" not in value, (tag, name, value)
    assert not re.search(r"url\((?!#)|@import", page.source)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    named = {v[5:-1] for _, k, v in page.attributes if k == "clip-path"}
    assert named <= set(ids)


def test_the_file_is_for_light_and_dark_screens_phones_and_paper(page_of_three):
    for rule in ("(prefers-color-scheme: dark)", "@media print", "(max-width: "):
        assert rule in page_of_three.source
    figures = re.findall(r'<svg class="plot".*?</svg>', page_of_three.source, re.DOTALL)
    assert len(figures) == 7
    for figure in figures:
        assert "#000000" not in figure
        assert "currentColor" in figure
        assert 'role="img" aria-label="' in figure


def test_text_from_data_is_escaped(page_of_three):
    assert "<script" not in page_of_three.source
    assert HOSTILE in page_of_three.table("Classes")
    assert page_of_three.table("Columns left out") == {HOSTILE: {"reason": "the same in every row"}}
    # A figure has the start of a long name.
    assert f"{HOSTILE[:19]}…" in page_of_three.text


def test_metrics_of_classes_are_those_of_scikit_learn(three_classes, page_of_three):
    split, model = three_classes
    p = model.predict(split.x_test, verbose=0).astype(float)
    y, predicted = split.y_test, p.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced accuracy": metrics.balanced_accuracy_score(y, predicted),
        "F1, mean over classes": metrics.f1_score(y, predicted, average="macro"),
        "ROC AUC": metrics.roc_auc_score(y, p, multi_class="ovr"),
        "average precision": metrics.average_precision_score(np.eye(3)[y], p),
        "log loss": metrics.log_loss(y, p / p.sum(axis=1, keepdims=True)),
    }
    table = page_of_three.table("Metrics on 30 test rows")
    assert {name: float(row["value"]) for name, row in table.items()} == pytest.approx(
        expected, abs=6e-4
    )
    low, high = numbers_of(table["accuracy"]["95% interval"])
    assert low < expected["accuracy"] < high
    commonest = np.bincount(split.y_train).argmax()
    constant = float(table["accuracy"]["constant prediction"])
    assert constant == pytest.approx((y == commonest).mean(), abs=6e-4)
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        y, predicted, zero_division=0
    )
    for i, row in enumerate(page_of_three.table("By class").values()):
        assert int(row["rows"]) == rows[i]
        # A class that is never predicted has no precision.
        assert [float(row[k] or 0) for k in ("precision", "recall", "F1")] == pytest.approx(
            [precision[i], recall[i], f1[i]], abs=6e-4
        )
        area = metrics.roc_auc_score(y == i, p[:, i])
        assert float(row["ROC AUC"]) == pytest.approx(area, abs=6e-4)
    classes = page_of_three.table("Classes")
    assert [int(row["test rows"]) for row in classes.values()] == np.bincount(y).tolist()


def test_the_worst_rows_are_those_with_the_largest_losses(three_classes, page_of_three):
    split, model = three_classes
    p = model.predict(split.x_test, verbose=0)
    of_true = p[np.arange(30), split.y_test]
    order = np.argsort(of_true)[:4]
    rows = page_of_three.table("Largest losses first")
    assert list(rows) == [f"insect {i}" for i in order]
    for i, row in zip(order, rows.values(), strict=True):
        assert row["true"] == split.classes[split.y_test[i]]
        assert row["predicted"] == split.classes[p[i].argmax()]
        assert float(row["probability of the true class"]) == pytest.approx(of_true[i], abs=6e-4)
        assert float(row["a"]) == pytest.approx(split.x_test[i, 0], abs=1e-3)


def test_the_best_model_is_marked_even_if_it_is_not_the_network(page_of_three):
    table = page_of_three.table("Mean over 2 folds")
    assert table == {
        "network": {"accuracy": "0.600 ± 0.100", "log loss": "1.10 ± 0.10 best"},
        "boosting": {"accuracy": "0.850 ± 0.050 best", "log loss": "1.40 ± 0.10"},
    }
    # The differences are 0.3 and 0.2.
    assert "behind it by 0.250 ± 0.050, fold by fold." in page_of_three.text


def test_what_is_said_of_training_serving_and_repetition(page_of_three):
    text = page_of_three.text
    assert "3 epochs. The validation loss was lowest, 0.9, in epoch 2." in text
    assert "2 rows were left out." in text
    assert "kerasnn train insects.csv --target insect" in text
    assert "docker run" in text
    assert "curl -d" in text
    assert page_of_three.table("Layers")["output"]["parameters"] == "12"
    assert page_of_three.table("Missing values") == {
        "a": {"in place of a missing value": "the mean, 0.1"}
    }
    assert page_of_three.table("Measurements by layer").keys() == {"output"}


def test_importance_is_the_rise_of_the_loss(tmp_path):
    # Only the second column is used, so that the others have exactly none.
    y = np.tile([0, 1], 40)
    split = table_split("binary", y, features=("unused", "used", "noise"))
    split.x_test[:, 1] = split.y_test * 4.0 - 2.0
    model = network(split.x_test, "sigmoid", 1)
    model.get_layer("output").set_weights([np.array([[0.0], [2.0], [0.0]]), np.zeros(1)])
    table = written(tmp_path, split, model).table("Columns by importance")
    assert next(iter(table)) == "used"
    # Of a balanced column about half of the permuted values are wrong, which costs 4 each.
    assert float(table["used"]["rise of the loss"]) == pytest.approx(2.0, abs=0.7)
    assert float(table["unused"]["rise of the loss"]) == 0
    assert float(table["noise"]["rise of the loss"]) == 0


@pytest.fixture(scope="module")
def raw_table(tmp_path_factory):
    """A table of every kind of column, in which only the colour decides."""
    file = tmp_path_factory.mktemp("table") / "table.csv"
    generator = np.random.default_rng(7)
    lines = ["colour <b>,size,seen,fresh,kind"]
    for i in range(150):
        colour = ("red", "blue", "green")[i % 3]
        size = "" if i % 10 == 0 else f"{generator.normal(5, 2):.2f}"
        day = f"19{50 + i % 50}-0{1 + i % 9}-11"
        fresh = "" if i % 15 == 0 else str(bool(i % 2))
        lines.append(f"{colour},{size},{day},{fresh},{'warm' if colour == 'red' else 'cold'}")
    file.write_text("\n".join(lines))
    policies = {"size": "median", "fresh": "indicator"}
    return data.from_csv(file, "kind", missing=policies, test_size=0.4)


def test_raw_columns(raw_table, tmp_path):
    model = network(raw_table.x_test, "sigmoid", 1)
    weights = np.zeros((len(raw_table.features), 1))
    weights[raw_table.features.index("colour <b>=red")] = 6
    model.get_layer("output").set_weights([weights, np.array([-3.0])])
    page = written(tmp_path, raw_table, model, n_worst=60)
    raw = raw_table.raw_train
    columns = page.table("Columns in the training part")
    assert {name: row["kind"] for name, row in columns.items()} == {
        "colour <b>": "category",
        "size": "number",
        "seen": "date",
        "fresh": "boolean",
    }
    missing = np.isnan(raw["size"])
    assert columns["size"]["missing"] == f"{missing.sum()} ({missing.mean():.0%})"
    assert numbers_of(columns["size"]["values"]) == pytest.approx(
        [f(raw["size"]) for f in (np.nanmean, np.nanmin, np.nanmax)], rel=1e-3
    )
    names, counts = np.unique(raw["colour <b>"].astype(str), return_counts=True)
    listed = [f"{names[i]} {counts[i] / 90:.0%}" for i in np.argsort(-counts)]
    assert columns["colour <b>"]["values"] == ", ".join(listed)
    days = sorted(set(raw["seen"]))
    assert columns["seen"]["values"] == f"{len(days)} dates, from {days[0]} to {days[-1]}"
    filled = page.table("Missing values")
    assert set(filled) == {"size", "fresh"}
    [median] = numbers_of(filled["size"]["in place of a missing value"])
    assert median == pytest.approx(np.nanmedian(raw["size"]), rel=1e-3)
    assert "and an indicator" in filled["fresh"]["in place of a missing value"]
    importance = page.table("Columns by importance")
    assert next(iter(importance)) == "colour <b>"
    # Of 9 rows about 4 come to the other side, which costs 3 each.
    rise = float(importance["colour <b>"]["rise of the loss"])
    assert rise == pytest.approx(4 / 9 * 3, abs=0.4)
    assert {float(importance[name]["rise of the loss"]) for name in ("size", "seen", "fresh")} == {
        0
    }
    worst = page.table("Largest losses first")
    for i, row in worst.items():
        # By the row of the table.
        [place] = np.flatnonzero(raw_table.rows_test == int(i))
        assert row["colour <b>"] == raw_table.raw_test["colour <b>"][place]
        assert row["seen"] == raw_table.raw_test["seen"][place]


def test_a_report_of_the_least_has_only_what_is_known(raw_table, tmp_path):
    split = dataclasses.replace(
        raw_table, encoder=None, raw_train=None, raw_test=None, features=None
    )
    model = network(split.x_test, "sigmoid", 1)
    before = dict(plt.rcParams)
    page = written(tmp_path, split, model, n_worst=0, importance_repeats=0)
    assert page.sections == ["data", "results", "network", "repetition"]
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before
    areas = metrics.roc_auc_score(split.y_test, model.predict(split.x_test, verbose=0))
    found = page.table("Metrics on 60 test rows")
    assert float(found["ROC AUC"]["value"]) == pytest.approx(areas, abs=6e-4)


def test_regression(tmp_path):
    y = np.random.default_rng(2).normal(size=(80, 2)) * [1, 1000]
    split = table_split("regression", y)
    model = network(split.x_test, None, 2)
    page = written(tmp_path, split, model, target="yield", importance_repeats=1)
    p = model.predict(split.x_test, verbose=0)
    table = page.table("Metrics on 40 test rows")
    for name, function in (
        ("R2", metrics.r2_score),
        ("MAE", metrics.mean_absolute_error),
        ("RMSE", metrics.root_mean_squared_error),
    ):
        [value] = numbers_of(table[name]["value"])
        assert value == pytest.approx(function(split.y_test, p), rel=6e-3)
        by_output = page.table("By output")
        for i in range(2):
            [value] = numbers_of(by_output[f"yield {i}"][name])
            assert value == pytest.approx(function(split.y_test[:, i], p[:, i]), rel=6e-3)
    assert "Row 0 is the first of the test part." in page.text
    worst = int(((p - split.y_test) ** 2).mean(axis=1).argmax())
    assert next(iter(page.table("Largest losses first"))) == str(worst)
    assert "Predicted against true of yield 0" in page.text


def test_intervals_are_those_of_the_normal_distribution(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasnn.report.sections.metrics._RESAMPLES", 200)
    # Half of these rows are tested, more than are resampled.
    split = table_split("regression", np.random.default_rng(8).normal(size=12000))
    model = network(split.x_test, None, 1)
    page = written(tmp_path, split, model, n_worst=0, importance_repeats=0)
    errors = np.abs(model.predict(split.x_test, verbose=0)[:, 0] - split.y_test)
    low, high = numbers_of(page.table("Metrics on 6,000 test rows")["MAE"]["95% interval"])
    width = 2 * 1.96 * errors.std() / np.sqrt(6000)
    assert low < errors.mean() < high
    assert high - low == pytest.approx(width, rel=0.35)


def test_counts(tmp_path):
    y = np.random.default_rng(3).poisson(2.0, 80)
    split = table_split("count", y)
    model = network(split.x_test, "exponential", 1)
    page = written(tmp_path, split, model, importance_repeats=1)
    p = model.predict(split.x_test, verbose=0)[:, 0].astype(float)
    table = page.table("Metrics on 40 test rows")
    d2, deviance = (table[name]["value"] for name in ("D2", "mean Poisson deviance"))
    expected = metrics.d2_tweedie_score(split.y_test, p, power=1)
    assert float(d2) == pytest.approx(expected, rel=6e-3)
    expected = metrics.mean_poisson_deviance(split.y_test, p)
    assert float(deviance) == pytest.approx(expected, rel=6e-3)


def test_labels(tmp_path):
    y = np.random.default_rng(4).integers(0, 2, (80, 2))
    split = table_split("multilabel", y, classes=("wet", "cold"))
    model = network(split.x_test, "sigmoid", 2)
    page = written(tmp_path, split, model, importance_repeats=1)
    p = model.predict(split.x_test, verbose=0)
    predicted = (p > 0.5).astype(int)
    table = page.table("Metrics on 40 test rows")
    found = {name: float(row["value"]) for name, row in table.items()}
    assert found == pytest.approx(
        {
            "label accuracy": (predicted == split.y_test).mean(),
            "all labels right": metrics.accuracy_score(split.y_test, predicted),
            "F1, mean over labels": metrics.f1_score(split.y_test, predicted, average="macro"),
            "ROC AUC": metrics.roc_auc_score(split.y_test, p),
            "average precision": metrics.average_precision_score(split.y_test, p),
            "log loss": metrics.log_loss(split.y_test.ravel(), p.ravel()),
        },
        abs=6e-4,
    )
    assert list(page.table("By label")) == ["wet", "cold"]


def test_images_of_a_stream(tmp_path):
    images = np.zeros((12, 6, 200, 3), np.uint8)
    images[:, :, :, 0] = np.arange(12)[:, None, None] * 20
    y = np.tile([0, 1], 6)
    stream = tf.data.Dataset.from_tensor_slices((images, y)).batch(5)
    split = data.Split(stream, None, stream, None, "binary", ("day", "night"))
    inputs = keras.Input((6, 200, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x))
    names = [f"{'night' if label else 'day'}/{i}.jpg" for i, label in enumerate(y)]
    page = written(tmp_path, split, model, names=names, n_worst=3)
    assert page.sections == ["data", "results", "worst", "network", "repetition"]
    p = model.predict(images, verbose=0)[:, 0]
    order = np.argsort(np.where(y == 1, p, 1 - p))[:3]
    shown = [v for tag, k, v in page.attributes if (tag, k) == ("img", "alt")]
    assert shown == [f"test image {names[i]}" for i in order]
    files = [v for tag, k, v in page.attributes if (tag, k) == ("img", "src")]
    for file, i in zip(files, order, strict=True):
        encoded = file.removeprefix("data:image/png;base64,")
        padded = encoded.rstrip("=").translate(str.maketrans("+/", "-_"))
        pixels = tf.io.decode_png(tf.io.decode_base64(padded)).numpy()
        assert pixels.shape == (4, 128, 3)
        assert (pixels[:, :, 0] == i * 20).all()
    assert "3 batches" in page.text
    files = [f"/photos/{name}" for name in names]
    named = dataclasses.replace(split, files_train=files, files_test=files)
    page = written(tmp_path, named, model, n_worst=3)
    assert shown == [v for tag, k, v in page.attributes if (tag, k) == ("img", "alt")]


def test_only_the_first_rows_of_a_long_stream(three_classes, tmp_path, monkeypatch):
    monkeypatch.setattr("kerasnn.report.predicted_rows.MOST_STREAMED_ROWS", 12)
    split, model = three_classes
    whole = tf.data.Dataset.from_tensor_slices((split.x_test, split.y_test)).batch(6)
    streamed = dataclasses.replace(split, x_train=whole, y_train=None, x_test=whole, y_test=None)
    page = written(tmp_path, streamed, model, importance_repeats=1)
    table = page.table("Metrics on 12 test rows")
    predicted = model.predict(split.x_test[:12], verbose=0).argmax(axis=1)
    expected = (predicted == split.y_test[:12]).mean()
    assert float(table["accuracy"]["value"]) == pytest.approx(expected, abs=6e-4)
    assert "constant prediction" not in table["accuracy"]
    assert "the first 12 rows" in page.text


def test_windows_of_a_series(tmp_path):
    split = table_split("regression", np.random.default_rng(5).normal(size=40))
    steps = np.random.default_rng(6).normal(size=(40, 4, 2)).astype("float32")
    split = dataclasses.replace(split, x_train=steps[:20], x_test=steps[20:], features=("u", "v"))
    inputs = keras.Input((4, 2))
    x = keras.layers.GlobalAveragePooling1D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    page = written(tmp_path, split, model)
    assert set(page.table("Columns by importance")) == {"u", "v"}
    assert "4 x 2" in page.text


def test_a_full_disk_leaves_the_former_file(three_classes, tmp_path, monkeypatch):
    split, model = three_classes
    file = tmp_path / "report.html"
    file.write_text("former")

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        report.write(file, split=split, model=model, n_worst=0, importance_repeats=0)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert file.read_text() == "former"


def test_arguments_that_are_refused(three_classes, tmp_path, invalid):
    split, model = three_classes
    file = tmp_path / "report.html"

    def write(**kwargs):
        return report.write(file, **{"split": split, "model": model, **kwargs})

    with invalid("split"):
        write(split=split.x_test)
    with invalid("model"):
        write(model="iris.keras")
    with invalid("n_worst", value=-1):
        write(n_worst=-1)
    with invalid("names"):
        write(names=["only one"])
    with invalid("history"):
        write(history={"accuracy": [1.0]})
    with invalid("scores"):
        write(scores={"network": {"accuracy": [np.nan]}})
    with invalid("model"):
        write(model=network(split.x_test, None, 3))
    with invalid("model"):
        write(model=network(split.x_test, "softmax", 2))
    with invalid("path"):
        report.write(tmp_path, split=split, model=model)
    with pytest.raises(TypeError, match="Did you mean `history`"):
        write(histroy={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("metric", "less"),
    [
        *(("accuracy", False), ("r2", False), ("roc_auc", False), ("f1", False), ("d2", False)),
        *(("loss", True), ("mean_absolute_error", True), ("rmse", True), ("brier_score", True)),
    ],
)
def test_which_metrics_are_better_when_smaller(metric, less):
    assert less_is_better(metric) is less


def test_a_real_training(tmp_path):
    split = data.load("iris")
    model = models.mlp(4, outputs=3, task="multiclass", hidden=(8,))
    history = model.fit(split.x_train, split.y_train, validation_split=0.2, epochs=3, verbose=0)
    page = written(tmp_path, split, model, history=history, importance_repeats=1)
    assert "3 epochs." in page.text
    assert set(page.table("Columns by importance")) == set(split.features)


def test_the_settings_of_a_pack():
    model = models.pack(2, task="regression", n=4, folds=2, seed=0)
    model.networks.counts = (1, 3)
    table = network_section.network(model).blocks[-1]
    assert table.caption == "Settings in the mean, each of 2 networks"
    assert [row[0] for row in table.rows] == ["0.75", "0.25"]
    setting = model.networks.settings[1]
    assert table.rows[0][3] == f"{setting['learning_rate']:.2g}"


@pytest.mark.parametrize(
    ("folds", "verdict"),
    [
        ({"mlp": [0.5, 0.7], "linear": [0.7, 0.5]}, "mlp, is as good as linear, the best of the"),
        ({"mlp": [0.5, 0.7], "linear": [0.5, 0.5]}, "mlp, is best, ahead of linear by 0.100"),
        ({"mlp": [0.5, 0.7]}, "scored on the same folds of the training part"),
    ],
)
def test_the_verdict_of_a_comparison(folds, verdict):
    section = comparison({name: {"R2": values} for name, values in folds.items()})
    paragraph, table = section.blocks[:2]
    assert verdict in paragraph.text
    is_best = [isinstance(row[1], Best) for row in table.rows]
    assert any(is_best) == (len(folds) > 1)
    widths = {len(str(getattr(row[1], "text", row[1])).partition(".")[2]) for row in table.rows}
    assert len(widths) == 1


def test_no_time_is_the_best():
    folds = {"R2": [0.5, 0.7], "seconds a fold": [0.2, 0.1]}
    section = comparison({"mlp": folds, "mean": {**folds, "seconds a fold": [0.1, 0.1]}})
    rows = section.blocks[1].rows
    assert [row[2] for row in rows] == ["0.150 ± 0.050", "0.100 ± 0.000"]


def test_the_program_that_asks_the_model(three_classes, tmp_path):
    _, model = three_classes
    exported = serving.export(model, tmp_path / "insects", warmup=False)
    program = code_of(network_section.serving(exported), "Predict in Python")
    found = {}
    exec(program.replace("print(predictor(rows))", "found = predictor(rows)"), found)
    assert next(iter(found["found"].values())).shape == (1, 3)

    images = keras.Sequential([keras.Input((8, 8, 3), dtype="uint8"), keras.layers.Flatten()])
    exported = serving.export(images, tmp_path / "images", warmup=False, verify=False)
    assert 'signature="image_bytes"' in code_of(network_section.serving(exported), "Predict in Py")


def code_of(section, title):
    [block] = [b for b in section.blocks if isinstance(b, Code) and b.caption.startswith(title)]
    return block.text


def test_the_unit_of_a_packs_losses():
    history = {"loss": [0.5, 0.1], "val_loss": [0.6, 0.2]}
    for task, is_scaled in (("regression", True), ("binary", False)):
        model = models.pack(2, task=task, n=4, folds=2, seed=0)
        text = network_section.curves(history, model).blocks[0].text
        assert ("mean 0 and variance 1" in text) == is_scaled
