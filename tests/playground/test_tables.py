"""A user's own table: read, drawn through a plane, trained on, and exported with its columns."""

import io
import json
import zipfile

import numpy as np
import polars
import pytest

from kerasnn import serving
from kerasnn.playground.configuration import Configuration
from kerasnn.playground.points.data import read
from kerasnn.playground.points.tables import read_table
from kerasnn.playground.server.exports import read_file
from tests.playground.page import page
from tests.playground.test_training import assert_same, ran, weights_of

ROWS = 120


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of four columns and two targets, in the current directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    height, weight = rng.normal(170, 10, ROWS), rng.normal(70, 8, ROWS)
    colour = rng.choice(["red", "green", "blue"], ROWS)
    kind = np.where(height + 2 * weight > 310, "large", "small")
    frame = polars.DataFrame(
        {
            "height": height.round(2),
            "weight": [None if i == 7 else w for i, w in enumerate(weight.round(2))],
            "age": rng.integers(18, 80, ROWS),
            "colour": colour,
            "kind": kind,
            "price": (1000 * height + 500 * (colour == "red")).round(),
        }
    )
    frame.write_csv(tmp_path / "people.csv")
    return read_table(tmp_path / "people.csv", "C:\\data\\people.csv")


def configuration(table, **given):
    return {"dataset": "table", "table": table.identifier, "target": "kind", **given}


def test_a_table_says_what_it_holds(table):
    assert table.name == "people.csv"
    assert table.rows == ROWS
    assert table.column("weight").kind == "numeric"
    assert (table.column("colour").kind, table.column("colour").values) == ("categorical", 3)


def test_other_columns_have_their_mean(table):
    tables = {table.identifier: table}
    given = configuration(table, plot_x="age", plot_y="height")
    data = read(Configuration.from_dict(given), tables)
    split, plane = data.split, data.plane
    grid, features = plane.grid(), list(split.features)
    assert plane.axes == ("age", "height")
    drawn = [features.index("age"), features.index("height")]
    others = [i for i in range(len(features)) if i not in drawn]
    np.testing.assert_allclose(
        grid[:, others], np.tile(split.x_train.mean(axis=0)[others], (10000, 1)), rtol=1e-5
    )
    np.testing.assert_allclose(plane.project(split.x_train), split.x_train[:, drawn], rtol=1e-5)
    # The first pixel is at the top left, and shows what a row there would.
    (left, _), (_, top) = plane.ranges
    assert grid[0, drawn[0]] == pytest.approx(left, abs=0.5)
    assert grid[0, drawn[1]] == pytest.approx(top, abs=0.5)
    np.testing.assert_allclose(plane.project(grid[[0, -1]]), grid[[0, -1]][:, drawn], rtol=1e-4)


def test_principal_components(table):
    given = configuration(table, plot_x="pca", plot_y="pca")
    data = read(Configuration.from_dict(given), {table.identifier: table})
    x = data.split.x_train.astype(float)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    _, _, components = np.linalg.svd(z, full_matrices=False)
    places = data.plane.project(x)
    np.testing.assert_allclose(np.abs(places), np.abs(z @ components[:2].T), atol=1e-4)
    grid = data.plane.grid()[:7]
    back = data.plane.origin + data.plane.project(grid) @ data.plane.directions
    np.testing.assert_allclose(back, grid, rtol=1e-3, atol=1e-3)


def test_the_code_reads_the_same_table(table):
    tables = {table.identifier: table}
    with page(tables, **configuration(table, optimizer="adam"), train_ratio=70) as opened:
        state = opened.messages[0]
        assert state["classes"] == ["large", "small"]
        assert state["inputs"][:3] == ["height", "weight", "age"]
        assert state["axes"] == ["height", "weight"]
        assert state["tables"][0]["name"] == "people.csv"
        assert_same(opened, opened.train(2))
        # Another plane leaves the network as it is, but begins anew.
        opened.configure(**configuration(table, optimizer="adam", plot_x="age"), train_ratio=70)
        opened.wait(lambda: len(opened.points) == 2 and opened.frames)
        assert opened.messages[-1]["axes"] == ["age", "height"]
        assert_same(opened, opened.train(1))


def test_numbers_to_predict_are_trained_on_in_standard_units(table, tmp_path):
    tables = {table.identifier: table}
    given = configuration(table, target="price", hidden="4", learning_rate=0.05)
    with page(tables, **given) as opened:
        frame = opened.train(3)
        assert_same(opened, frame)
        assert opened.messages[0]["task"] == "regression"
        mean, deviation = opened.messages[0]["units"]
        folds = opened.ask("k_fold", folds=2, epochs=1)
        assert folds["metric"] == "mean error of price"
        assert 0.1 * deviation < folds["mean"] < 2 * deviation
        script = ran(opened.ask("code")["code"])
        packed = zipfile.ZipFile(io.BytesIO(read_file(opened.session, "saved_model.zip")))
    packed.extractall(tmp_path / "served")
    # What is served takes raw rows, and predicts in the units of the table.
    predictor = serving.Predictor(tmp_path / "served" / "playground")
    split = script["split"]
    rows = {name: values[:5] for name, values in split.raw_test.items()}
    expected = script["model"](split.x_test[:5]).numpy() * deviation + mean
    np.testing.assert_allclose(predictor(rows)["predictions"], expected, rtol=1e-4)


@pytest.mark.slow
def test_each_file_holds_the_network_shown(tmp_path):
    from kerasnn import load

    with page(dataset="rings", hidden="4", features=["x", "y", "xy"]) as opened:
        _, arrays = opened.train(2)
        (tmp_path / "network.keras").write_bytes(read_file(opened.session, "model.keras"))
        model = load(tmp_path / "network.keras")
        np.testing.assert_array_equal(weights_of(model), arrays["weights"])
        assert read_file(opened.session, "code.py").decode() == opened.ask("code")["code"]
        found = Configuration.from_dict(json.loads(read_file(opened.session, "configuration.json")))
        assert found.as_dict()["features"] == ("x", "y", "xy")
        packed = zipfile.ZipFile(io.BytesIO(read_file(opened.session, "saved_model.zip")))
        packed.extractall(tmp_path / "served")
    predictor = serving.Predictor(tmp_path / "served" / "playground")
    points = np.array([[1.0, 2.0], [-3.0, 0.5]], np.float32)
    found = predictor(points)
    np.testing.assert_allclose(found["probabilities"], model(points).numpy(), rtol=1e-5)
    assert set(found["labels"].astype(str)) <= {"0", "1", "2"}


def test_wrong_tables_and_columns_are_refused(table, tmp_path, invalid):
    tables = {table.identifier: table}
    wrong = ("", "a,b\n", "a\n1\n2\n", "a,b\n1,2,3\n4\n", "\x00\x01", "a,a,x\n1,2,3\n")
    for text in wrong:
        (tmp_path / "wrong.csv").write_text(text)
        with invalid("table", "wrong.csv"):
            read_table(tmp_path / "wrong.csv", "wrong.csv")
    for content, words in (
        (b'a,b\n1,2\n3,"x,7\n5,6\n', "Line 3 opens a quotation mark that is never closed."),
        (b"a,b\n1,2\n3,4,5\n", "Line 3 has 3 values, and the first line 2 columns."),
        (b"a,b\n1,2\n3,\xff\n", "Line 3 is not in UTF-8."),
    ):
        (tmp_path / "wrong.csv").write_bytes(content)
        with invalid("table", "wrong.csv") as caught:
            read_table(tmp_path / "wrong.csv", "wrong.csv")
        assert caught.value.hint == words
    (tmp_path / "wrong.csv").write_text("a,b\n" + "1,2\n" * 20_001)
    with invalid("table", "wrong.csv"):
        read_table(tmp_path / "wrong.csv", "wrong.csv")
    for name, value in (("target", "kinds"), ("plot_x", "colour"), ("table", "other")):
        with invalid(name, value):
            read(Configuration.from_dict(configuration(table) | {name: value}), tables)
    named = polars.DataFrame(
        {"a": range(60), "name": [f"n{i}" for i in range(60)], "one": [1] * 60}
    )
    named.write_csv(tmp_path / "named.csv")
    names = read_table(tmp_path / "named.csv", "named.csv")
    for target, hint in (
        ("a", "task='regression'"),
        ("name", "names rather"),
        ("one", "one value"),
    ):
        given = configuration(names, target=target, task="classification")
        with invalid("target", target) as caught:
            read(Configuration.from_dict(given), {names.identifier: names})
        assert hint in caught.value.hint
    with invalid("target", "colours"), page(tables) as opened:
        opened.configure(**configuration(table, target="colours"))
        error = opened.wait_for("error")
        assert error["argument"] == "target"
        # The network shown is the one before, and trains on.
        assert opened.train(1)[0]["epoch"] == 1
        read(Configuration.from_dict(configuration(table, target="colours")), tables)


def test_an_error_names_the_file_and_not_where_it_lies(tmp_path, invalid):
    (tmp_path / "x1.csv").write_text("a,b\n" + "1,2\ninf,3\n" * 20)
    table = read_table(tmp_path / "x1.csv", "people.csv")
    given = configuration(table, target="b")
    with invalid("path") as caught:
        read(Configuration.from_dict(given), {table.identifier: table})
    assert str(tmp_path) not in str(caught.value)


def test_a_table_of_two_columns_and_points_share_no_network(tmp_path):
    rows = "\n".join(f"{i * 3},{i * i % 50},{'ab'[i % 2]}" for i in range(40))
    (tmp_path / "t.csv").write_text(f"u,v,kind\n{rows}\n")
    table = read_table(tmp_path / "t.csv", "t.csv")
    with page({table.identifier: table}, **configuration(table, hidden="2")) as opened:
        assert opened.messages[0]["inputs"] == ["u", "v"]
        opened.configure(dataset="circle", hidden="2")
        opened.wait(lambda: len(opened.points) == 2 and opened.frames)
        assert opened.messages[-1]["inputs"] == ["x", "y"]
        assert_same(opened, opened.train(1))
