import socket
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kerasnn import data
from kerasnn.data import _tfds
from kerasnn.tasks import Task

FEATURES = tfds.features
LEVELS = {"train": range(60), "test": range(100, 112)}


def _prepare(data_dir, name, features, keys, examples):
    """Prepares a set of one's own: the builder is forgotten, its files stay."""

    def info(self):
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=keys)

    def generate(self, _):
        return {part: enumerate(rows) for part, rows in examples.items()}

    members = {
        "VERSION": tfds.core.Version("1.0.0"),
        "_info": info,
        "_split_generators": generate,
        "_generate_examples": None,
        "__module__": __name__,
    }
    bases = (tfds.core.GeneratorBasedBuilder,)
    builder: Any = type(name, bases, members, skip_registration=True)
    builder(data_dir=data_dir).download_and_prepare()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    root = tmp_path_factory.mktemp("tfds")
    label = FEATURES.ClassLabel(names=["red", "green", "blue"])

    def images(level):
        return {"image": np.full((4, 4, 3), level, np.uint8), "label": level % 3}

    image = FEATURES.FeaturesDict({"image": FEATURES.Image(shape=(4, 4, 3)), "label": label})
    keys = ("image", "label")
    both = {part: [images(i) for i in levels] for part, levels in LEVELS.items()}
    _prepare(root, "Squares", image, keys, both)
    _prepare(root, "OnlyTrain", image, keys, {"train": both["train"]})
    _prepare(root, "Unsupervised", image, None, {"train": both["train"][:2]})
    _prepare(root, "Parts", image, keys, {"first": both["train"], "second": both["test"]})

    ragged = FEATURES.FeaturesDict({"image": FEATURES.Image(shape=(None, None, 3)), "label": label})
    sizes = [{"image": np.full((4 + i % 2, 5, 3), i, np.uint8), "label": i % 3} for i in range(12)]
    _prepare(root, "Ragged", ragged, keys, {"train": sizes, "test": sizes})

    table = FEATURES.FeaturesDict(
        {
            "age": np.float32,
            "rooms": np.int64,
            "kind": label,
            "name": FEATURES.Text(),
            "stars": np.int64,
            "price": np.float32,
        }
    )
    rows = [
        {
            "age": i / 2,
            "rooms": i,
            "kind": i % 3,
            "name": f"n{i}",
            "stars": 3 + i % 2,
            "price": i * 1.5,
        }
        for i in range(20)
    ]
    inputs = {name: name for name in ("rooms", "age", "kind")}
    _prepare(root, "Houses", table, (inputs, "price"), {"train": rows})
    _prepare(root, "Stars", table, (inputs, "stars"), {"train": rows})
    _prepare(root, "Named", table, ({"name": "name"}, "price"), {"train": rows[:4]})
    _prepare(root, "Texts", table, ("name", "stars"), {"train": rows})
    hidden = [{**row, "kind": -1} for row in rows]
    _prepare(root, "Hidden", table, ("age", "kind"), {"train": rows, "test": hidden})
    return root


def _unbatched(stream):
    xs, ys = zip(*stream.as_numpy_iterator(), strict=True)
    return np.concatenate(xs), np.concatenate(ys)


def test_train_and_test_are_the_sets_own(data_dir):
    split = data.from_tfds("squares", data_dir=data_dir)
    assert sorted(split.x_train[:, 0, 0, 0]) == list(LEVELS["train"])
    assert sorted(split.x_test[:, 0, 0, 0]) == list(LEVELS["test"])
    np.testing.assert_array_equal(split.y_train, split.x_train[:, 0, 0, 0] % 3)
    assert split.x_train.dtype == np.uint8
    assert split.y_train.dtype == np.int64
    assert split.classes == ("red", "green", "blue")
    assert split.task is Task.MULTICLASS


def test_slices_are_the_rows_that_tfds_gives(data_dir):
    parts = ("train[:50%]", "train[80%:]+test")
    split = data.from_tfds("squares", split=parts, data_dir=data_dir)
    for part, x, y in zip(
        parts, (split.x_train, split.x_test), (split.y_train, split.y_test), strict=True
    ):
        rows = tfds.load("squares", split=part, data_dir=data_dir, as_supervised=True)
        images, labels = zip(*tfds.as_numpy(rows), strict=True)
        np.testing.assert_array_equal(x, images)
        np.testing.assert_array_equal(y, labels)


@pytest.mark.parametrize(
    ("name", "split"), [("only_train", None), ("squares", "train"), ("squares", ["train"])]
)
def test_one_split_is_divided(data_dir, name, split):
    first = data.from_tfds(name, split=split, data_dir=data_dir, test_size=0.25, seed=5)
    levels = [*first.x_train[:, 0, 0, 0], *first.x_test[:, 0, 0, 0]]
    assert sorted(levels) == list(LEVELS["train"])
    assert np.bincount(first.y_test).tolist() == [5, 5, 5]
    other = data.from_tfds(name, split=split, data_dir=data_dir, test_size=0.25, seed=6)
    assert first.x_test.tolist() != other.x_test.tolist()


@pytest.mark.parametrize("split", [None, "train"])
def test_a_stream_holds_the_same_rows_as_memory(data_dir, split):
    arguments = {"split": split, "data_dir": data_dir, "image_size": (2, 3), "seed": 1}
    memory = data.from_tfds("squares", **arguments)
    stream = data.from_tfds("squares", **arguments, in_memory=False, batch_size=10)
    assert len(stream.x_train) == np.ceil(len(memory.x_train) / 10)
    assert stream.input_shape == memory.input_shape == (2, 3, 3)
    assert stream.outputs == memory.outputs == 3
    for part, x, y in (
        (stream.x_train, memory.x_train, memory.y_train),
        (stream.x_test, memory.x_test, memory.y_test),
    ):
        rows, labels = _unbatched(part)
        order, given = np.argsort(rows[:, 0, 0, 0]), np.argsort(x[:, 0, 0, 0])
        np.testing.assert_array_equal(rows[order], x[given])
        np.testing.assert_array_equal(labels[order], y[given])


def test_images_that_differ_need_one_size(data_dir, invalid):
    with invalid("image_size", None):
        data.from_tfds("ragged", data_dir=data_dir)
    assert data.from_tfds("ragged", image_size=(3, 3), data_dir=data_dir).input_shape == (3, 3, 3)
    with invalid("image_size", (3, 3)):
        data.from_tfds("texts", image_size=(3, 3), data_dir=data_dir)


@pytest.mark.parametrize("in_memory", [True, False])
def test_named_numbers_become_columns(data_dir, in_memory):
    split = data.from_tfds("houses", data_dir=data_dir, in_memory=in_memory)
    assert split.task is Task.REGRESSION
    assert split.features is not None
    assert set(split.features) == {"age", "rooms", "kind=red", "kind=green", "kind=blue"}
    x, y = (split.x_train, split.y_train) if in_memory else _unbatched(split.x_train)
    assert (x.dtype, y.dtype) == (np.float32, np.float32)
    assert split.input_shape == (5,)
    column = dict(zip(split.features, x.T, strict=True))
    np.testing.assert_array_equal(column["age"], column["rooms"] / 2)
    np.testing.assert_array_equal(column["kind=green"], column["rooms"] % 3 == 1)
    np.testing.assert_allclose(y, column["rooms"] * 1.5)


@pytest.mark.parametrize("in_memory", [True, False])
def test_integer_targets_need_a_task(data_dir, invalid, in_memory):
    arguments = {"data_dir": data_dir, "in_memory": in_memory}
    with invalid("name", [3, 4]):
        data.from_tfds("stars", **arguments)
    split = data.from_tfds("stars", task="binary", **arguments)
    assert split.classes == ("3", "4")
    x, y = (split.x_train, split.y_train) if in_memory else _unbatched(split.x_train)
    assert y.dtype == np.int64
    assert split.features is not None
    np.testing.assert_array_equal(y, x[:, split.features.index("rooms")] % 2)


def test_text_stays_bytes(data_dir):
    split = data.from_tfds("texts", task="binary", data_dir=data_dir)
    assert {*split.x_train, *split.x_test} == {f"n{i}".encode() for i in range(20)}
    assert split.input_shape == ()


@pytest.mark.parametrize(
    ("name", "argument", "value", "hint"),
    [
        ("parts", "split", None, ""),
        ("squares", "split", "trian", ""),
        ("squares", "split", "train[:5", ""),
        ("squares", "split", ("train",) * 3, ""),
        ("squares", "split", ("train[:0%]", "test"), ""),
        ("squares", "split", ("train[:60%]", "train[50%:]"), "6 rows are in both."),
        ("squares", "split", ("train[50%:]", "train[:60%]"), "6 rows are in both."),
        ("squares", "task", Task.BINARY, ""),
        ("squares", "task", Task.COUNT, ""),
        ("squares", "test_size", 2, ""),
        ("squares", "image_size", "big", ""),
    ],
)
def test_wrong_arguments(data_dir, invalid, name, argument, value, hint):
    arguments: Any = {argument: value}
    with invalid(argument, value) as caught:
        data.from_tfds(name, data_dir=data_dir, **arguments)
    assert hint in caught.value.hint


def test_an_unknown_name(data_dir, invalid):
    with invalid("name", "mnits") as caught:
        data.from_tfds("mnits", data_dir=data_dir)
    assert "Did you mean `mnist`?" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("unsupervised", "name", "unsupervised"),
        ("named", "name", ["name"]),
        ("hidden", "split", "kind"),
    ],
)
def test_data_sets_that_do_not_fit(data_dir, invalid, name, argument, value):
    with invalid(argument, value):
        data.from_tfds(name, data_dir=data_dir)


def test_an_unprepared_set_without_a_network(tmp_path, monkeypatch):
    def no_network(*arguments, **named):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    message = (
        r"(?s)'mnist' is not prepared in .* cannot be downloaded: .*Name or service not known.*"
        r"tfds\.load\('mnist/3\.0\.1'\).*copy the folder 'mnist' .* `data_dir`"
    )
    with pytest.raises(ConnectionError, match=message):
        data.from_tfds("mnist", data_dir=tmp_path)


def test_an_unprepared_set_is_prepared_where_there_is_a_network(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(_tfds, "connection_error", lambda urls: None)
    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", lambda self: asked.append(self.name)
    )
    _tfds.prepared_builder("mnist", tmp_path)
    assert asked == ["mnist"]


def test_tfds_own_mock_needs_no_network():
    with tfds.testing.mock_data(num_examples=6):
        split = data.from_tfds("fashion_mnist")
    assert split.x_train.shape == split.x_test.shape == (6, 28, 28, 1)
    assert split.outputs == 10


def test_numbers_named_inside_one_feature_become_columns():
    with tfds.testing.mock_data(num_examples=6):
        split = data.from_tfds("wine_quality", split=("train[:1%]", "train"), task="regression")
    assert split.input_shape == (11,)
    assert split.features is not None
    assert "citric acid" in split.features
