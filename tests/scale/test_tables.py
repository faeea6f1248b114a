"""`scale.fit` on tables, of which each worker has a share of the rows."""

import keras
import numpy as np
import pytest

from kerasnn import scale
from kerasnn.scale._columns import choose_columns
from kerasnn.scale._files import table_files
from tests.scale.fit_runs import DATA, build
from tests.scale.test_fit import check_equal, run

NAMES = ["a", "b", "kind", "weight"]
TABLE = {
    "a": np.arange(4),
    "b": np.arange(4) / 2,
    "kind": np.array([0, 1, 0, 1]),
    "weight": np.ones(4, "float32"),
    "text": np.array(["x", None, "y", "z"], object),
    "image": np.ones((4, 3, 3)),
}


def several_inputs(structure):
    inputs = {name: keras.Input((1,), name=name) for name in "ba"}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    given = inputs if structure is dict else list(inputs.values())
    return keras.Model(given, keras.layers.Dense(1)(joined))


@pytest.mark.slow
def test_workers_train_on_each_row_once(tmp_path):
    found = run("table", tmp_path)
    check_equal(found["workers"], found["alone"])
    # Each weight has seen its row once: 3 batches of 23 rows, and one of 1.
    wanted = [2 / 23] * 69 + [2.0]
    np.testing.assert_allclose(np.sort(found["counted"]), wanted, rtol=1e-6)
    np.testing.assert_allclose(found["loss"], [1.0], rtol=1e-6)
    np.testing.assert_allclose(np.sort(found["counted by one"]), wanted, rtol=1e-6)


@pytest.mark.slow
def test_a_killed_worker_gets_its_share_again(tmp_path):
    found = run("killed table", tmp_path)
    assert found["was killed"]
    assert found["killed"] == found["whole"]
    # Other rows are those of another run, which the path of the state belongs to.
    assert [each["argument"] for each in found["wrong"].values()] == ["directory", "target"]


class TestColumns:
    """What a model receives of a table."""

    def test_side_by_side(self):
        columns = choose_columns(build(), NAMES, "kind", "weight")
        x, y, weight = columns.arrays(TABLE)
        np.testing.assert_array_equal(x, np.stack([TABLE["a"], TABLE["b"]], axis=1))
        assert y is TABLE["kind"]
        assert weight is TABLE["weight"]

    def test_one_column_of_arrays(self):
        x, _, weight = choose_columns(build(), ["image", "kind"], "kind", None).arrays(TABLE)
        assert x is TABLE["image"]
        assert weight is None

    def test_by_name(self):
        given = choose_columns(several_inputs(dict), NAMES, "kind", None).arrays(TABLE)[0]
        assert given == {"b": TABLE["b"], "a": TABLE["a"]}
        given = choose_columns(several_inputs(list), NAMES, "kind", None).arrays(TABLE)[0]
        assert given == [TABLE["b"], TABLE["a"]]

    def test_of_another_table(self, invalid):
        columns = choose_columns(build(), NAMES, "kind", None)
        x = columns.of_table("validation_data", NAMES[::-1]).arrays(TABLE)[0]
        np.testing.assert_array_equal(x, columns.arrays(TABLE)[0])
        with invalid("validation_data", "b"):
            columns.of_table("validation_data", ["a", "kind", "weight"])

    def test_of_a_file_that_lacks_one(self, invalid):
        columns = choose_columns(build(), NAMES, "kind", None)
        assert list(columns.copied(TABLE)) == ["a", "b", "weight", "kind"]
        with invalid("data", "weight"):
            columns.copied({name: TABLE[name] for name in ("b", "a", "kind")})

    def test_that_are_missing(self, invalid):
        with invalid("target", "kin") as caught:
            choose_columns(build(), NAMES, "kin", None)
        assert caught.value.hint == "Did you mean `kind`?"
        with invalid("sample_weight", "w"):
            choose_columns(build(), NAMES, "kind", "w")
        with invalid("data", "a"):
            choose_columns(several_inputs(dict), ["b", "kind"], "kind", None)
        with invalid("data", ["kind"]):
            choose_columns(build(), ["kind"], "kind", None)

    def test_of_text(self, invalid):
        with invalid("data", "text"):
            choose_columns(build(), ["a", "text", "kind"], "kind", None).arrays(TABLE)
        with invalid("data", "text"):
            choose_columns(build(), ["a", "text"], "text", None).arrays(TABLE)

    def test_of_arrays_beside_others(self, invalid):
        with invalid("data", "image"):
            choose_columns(build(), ["a", "image", "kind"], "kind", None).arrays(TABLE)


class TestFiles:
    """Files by a path, a folder, a pattern or a list."""

    def test_that_exist(self, tmp_path):
        for name in ("b.csv", "a.csv", "c.txt", "d.parquet"):
            (tmp_path / name).touch()
        a, b = (str(tmp_path / name) for name in ("a.csv", "b.csv"))
        assert table_files("data", tmp_path / "a.csv") == [a]
        assert table_files("data", f"{tmp_path}/*.csv") == [a, b]
        assert table_files("data", [b, tmp_path / "a.csv"]) == [b, a]
        (tmp_path / "d.parquet").unlink()
        assert table_files("data", tmp_path) == [a, b]

    def test_that_are_none(self, tmp_path, monkeypatch, invalid):
        monkeypatch.chdir(tmp_path)
        with invalid("data", "rows-*.csv"):
            table_files("data", "rows-*.csv")
        for name in ("a.csv", "b.parquet", "c.txt"):
            (tmp_path / name).touch()
        with invalid("data", ["a.csv", "b.parquet"]):
            table_files("data", ["a.csv", "b.parquet"])
        with invalid("data", "c.txt"):
            table_files("data", "c.txt")


class TestArguments:
    """What is wrong is known before Ray starts."""

    @pytest.mark.parametrize(
        ("argument", "given"),
        [
            ("data", {"target": "kind"}),
            ("target", {}),
            ("sample_weight", {"target": "kind", "sample_weight": 3}),
            ("validation_split", {"target": "kind", "validation_split": 0.2}),
            ("class_weight", {"target": "kind", "class_weight": {0: 1.0}}),
        ],
    )
    def test_of_a_table(self, argument, given, invalid, tmp_path, monkeypatch):
        pytest.importorskip("ray")
        monkeypatch.chdir(tmp_path)
        with invalid(argument):
            scale.fit(build, "missing.csv", **given)

    def test_of_validation(self, invalid, tmp_path, monkeypatch):
        pytest.importorskip("ray")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "rows.csv").touch()
        with invalid("validation_data", "missing.csv"):
            scale.fit(build, "rows.csv", target="kind", validation_data="missing.csv")
        with invalid("validation_data", "rows.csv"):
            scale.fit(build, DATA, validation_data="rows.csv")

    def test_of_arrays(self, invalid):
        with invalid("target", "kind"):
            scale.fit(build, DATA, target="kind")
