"""The best model on disk: the right one, and whole at any time."""

import os
import re
import time

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn.callbacks import BestModel, Resume
from tests.callbacks.epochs import epoch_weights, run_epochs
from tests.helpers.engine_cases import X, Y, classifier


def run(callback, values):
    run_epochs([callback], values, name="score")


def saved_epoch(path):
    return epoch_weights(keras.models.load_model(path))


def test_the_best_is_kept(tmp_path):
    path = tmp_path / "{odd}" / "best.keras"
    path.parent.mkdir()
    best = BestModel(path, "score", mode="max", min_delta=0.1)
    run(best, [np.nan, 1.0, 3.0, 3.05, 2.0])
    assert [file.name for file in path.parent.iterdir()] == ["best.keras"]
    assert saved_epoch(path) == 2


def test_it_prints_where_the_model_is(tmp_path, capsys):
    path = tmp_path / "best.keras"
    run(BestModel(path, "score", mode="max", verbose=1), [1.0, np.nan, 3.0, 2.0])
    assert capsys.readouterr().out.split("\n") == [
        "",
        f"Epoch 1: score is 1.00000, the best so far; the model was saved to {path}.",
        "",
        f"Epoch 3: score is 3.00000, the best so far; the model was saved to {path}.",
        "",
    ]


def test_old_drafts_of_a_killed_process_are_removed(tmp_path):
    old, new = (tmp_path / f".best.{digit * 32}.keras" for digit in "01")
    for draft, age_s in ((old, 4000), (new, 60)):
        draft.write_bytes(b"half a model")
        os.utime(draft, (time.time() - age_s,) * 2)
    run(BestModel(tmp_path / "best.keras", "score", mode="min"), [1.0])
    assert {path.name for path in tmp_path.iterdir()} == {"best.keras", new.name}


def test_a_link_stays_one(tmp_path):
    (tmp_path / "kept").mkdir()
    target, link = tmp_path / "kept" / "best.keras", tmp_path / "link.keras"
    link.symlink_to(target)
    run(BestModel(link, "score", mode="min"), [2.0, 1.0])
    assert link.is_symlink()
    assert not target.is_symlink()
    assert saved_epoch(target) == 1


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
    run(best, [2.0, 1.0, np.inf])
    run(best, [1.5, 1.2, 1.1])
    assert saved_epoch(path) == 1
    run(best, [0.5])
    assert saved_epoch(path) == 0


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails(tmp_path, monkeypatch, error):
    """The former file is still there, and nothing else."""

    def save(model, path, **arguments):
        with open(path, "wb") as file:
            file.write(b"half a model")
        raise error

    path = tmp_path / "best.keras"
    best = BestModel(path, "score", mode="min")
    run(best, [2.0])
    monkeypatch.setattr(keras.Model, "save", save)
    message = f"after epoch 1 could not be written to {str(path)!r}: No space left on device."
    with pytest.raises(type(error), match=re.escape(message) if error.args else None):
        run(best, [1.5, 1.0])
    assert [file.name for file in tmp_path.iterdir()] == ["best.keras"]
    assert saved_epoch(path) == 0
    assert best.best == 2.0


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("path", "best.h5"),
        ("path", 3),
        ("mode", "least"),
        ("min_delta", -1),
        ("min_delta", 1e300),
        ("verbose", "loud"),
        ("monitor", 5),
    ],
)
def test_wrong_arguments(invalid, argument, value):
    with invalid(argument, value):
        BestModel(**{"path": "a.keras", argument: value})
