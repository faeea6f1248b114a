"""The best model on disk: the right one, whole at every moment."""

import os
import re
import time

import keras
import numpy as np
import pytest
from engine_cases import X, Y, assert_close, classifier

import kerasnn
from kerasnn.callbacks import BestModel, Resume


class Values(keras.callbacks.Callback):
    """Sets what is monitored, and keeps the weights."""

    def __init__(self, values):
        super().__init__()
        self.values, self.after = values, []

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.values[epoch]
        self.after.append(self.model.get_weights())


def fit(callback, values):
    watched = Values(values)
    plan = {"epochs": len(values), "verbose": 0, "callbacks": [watched, callback]}
    kerasnn.fit(classifier(), X, Y, **plan)
    return watched.after


def test_the_best_is_kept(tmp_path):
    path = tmp_path / "{odd}" / "best.keras"
    path.parent.mkdir()
    best = BestModel(path, "score", mode="max", min_delta=0.1)
    after = fit(best, [np.nan, 1.0, 3.0, 3.05, 2.0])
    assert [file.name for file in path.parent.iterdir()] == ["best.keras"]
    assert_close(keras.models.load_model(path).get_weights(), after[2], tolerance=0)


def test_it_says_where_the_model_is(tmp_path, capsys):
    path = tmp_path / "best.keras"
    fit(BestModel(path, "score", mode="max", verbose=1), [1.0, np.nan, 3.0, 2.0])
    assert capsys.readouterr().out.split("\n") == [
        "",
        f"Epoch 1: score is 1.00000, the best so far; the model was saved to {path}.",
        "",
        f"Epoch 3: score is 3.00000, the best so far; the model was saved to {path}.",
        "",
    ]


def test_what_a_kill_has_left_is_removed_once_nobody_can_be_writing_it(tmp_path):
    old, new = (tmp_path / f".best.{digit * 32}.keras" for digit in "01")
    for draft, age_s in ((old, 4000), (new, 60)):
        draft.write_bytes(b"half a model")
        os.utime(draft, (time.time() - age_s,) * 2)
    best = BestModel(tmp_path / "best.keras", "loss")
    kerasnn.fit(classifier(), X, Y, verbose=0, callbacks=[best])
    assert {path.name for path in tmp_path.iterdir()} == {"best.keras", new.name}


def test_a_link_stays_one(tmp_path):
    (tmp_path / "kept").mkdir()
    target, link = tmp_path / "kept" / "best.keras", tmp_path / "link.keras"
    link.symlink_to(target)
    after = fit(BestModel(link, "score", mode="min"), [2.0, 1.0])
    assert link.is_symlink()
    assert not target.is_symlink()
    assert_close(keras.models.load_model(target).get_weights(), after[1], tolerance=0)


@pytest.mark.parametrize("make", [lambda path: BestModel(path, "loss"), Resume])
@pytest.mark.parametrize("name", ["b" * 240 + ".keras", "gone/best.keras"])
def test_a_path_that_cannot_be_written_to(tmp_path, monkeypatch, refuses, make, name):
    """Too long a name, or a file system that refuses: known before training, and named."""
    model, path = classifier(), tmp_path / name
    if name.startswith("gone"):

        def touch(path, **arguments):
            raise OSError(30, "Read-only file system", str(path))

        monkeypatch.setattr("pathlib.Path.touch", touch)
    with refuses(model, f"`path` must be a file that can be written; {str(path)!r} can", OSError):
        kerasnn.fit(model, X, Y, verbose=0, callbacks=[make(path)])
    assert not list(tmp_path.iterdir())


def test_only_better_ones_are_written_and_over_all_calls_of_fit(tmp_path):
    path = tmp_path / "best.keras"
    best = BestModel(str(path), "score", mode="min")
    first = fit(best, [2.0, 1.0, np.inf])
    fit(best, [1.5, 1.2])
    assert_close(keras.models.load_model(path).get_weights(), first[1], tolerance=0)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails(tmp_path, monkeypatch, error):
    """What was there before is there still, and nothing else."""

    def save(model, path, **arguments):
        with open(path, "wb") as file:
            file.write(b"half a model")
        raise error

    path = tmp_path / "best.keras"
    best = BestModel(path, "score", mode="min")
    after = fit(best, [2.0])
    monkeypatch.setattr(keras.Model, "save", save)
    message = f"after epoch 1 could not be written to {str(path)!r}: No space left on device."
    with pytest.raises(type(error), match=re.escape(message) if error.args else None):
        fit(best, [1.0])
    assert [file.name for file in tmp_path.iterdir()] == ["best.keras"]
    assert_close(keras.models.load_model(path).get_weights(), after[0], tolerance=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"path": "best.h5"},
            "`path` must be a file name that ends in .keras; got path=",
        ),
        ({"path": 3}, "`path` must be a file name that ends in .keras; got path=3."),
        ({"path": "a.keras", "mode": "least"}, "`mode` must be one of 'auto', 'min', 'max'; got"),
        ({"path": "a.keras", "min_delta": -1}, "`min_delta` must be a finite number at least 0"),
        ({"path": "a.keras", "min_delta": 1e300}, "`min_delta` must fit into float32, at most 3.4"),
        ({"path": "a.keras", "verbose": "loud"}, "`verbose` must be 0 or 1; got verbose='loud'."),
        (
            {"path": "a.keras", "monitor": 5},
            "`monitor` must be the name of a metric; got monitor=5",
        ),
    ],
)
def test_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        BestModel(**arguments)
