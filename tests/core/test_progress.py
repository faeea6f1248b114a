"""Progress bars: who sees one, and when."""

import sys
import time

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import data, lr_find, models, selection, serving, transfer
from kerasnn._core.display import progress
from kerasnn._core.display.progress import Bar, Progress
from tests.helpers.fake_notebook import fake_notebook


def run(bar):
    with bar:
        for loss in (2.0, 1.0):
            bar.step(loss=loss)


def a_model():
    return models.mlp(2, 1, task="binary", hidden=(2,))


def a_network():
    cnn = models.cnn((8, 8, 1), 2, task="multiclass", filters=(2,), hidden=(), normalize=False)
    # Trained, so that no warning says that its features are noise.
    cnn.fit(np.ones((2, 8, 8, 1)), [0, 1], verbose=0)
    return cnn


def fine_tuned(verbose):
    x, y = np.zeros((6, 8, 8, 1)), np.arange(6) % 2
    return transfer.fine_tune(a_network(), x, y, regime="small", epochs=2, verbose=verbose)


X, Y = np.random.default_rng(0).normal(size=(32, 2)), np.arange(32) % 2


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,y\n" + "1,x\n2,z\n" * 50, encoding="utf-8")
    return path


@pytest.fixture
def photos(tmp_path):
    for name, level in (("day", 250), ("night", 5)):
        (tmp_path / name).mkdir()
        for number in range(4):
            file = tmp_path / name / f"{number}.png"
            keras.utils.save_img(file, np.full((4, 4, 3), level - number), scale=False)
    return tmp_path


def test_a_bar_is_shown_at_once_if_asked_for(capsys):
    run(Bar("Cooking", 2, 1, unit="egg"))
    out = capsys.readouterr().out
    assert out.startswith("Cooking\n")
    assert "2/2" in out
    assert "egg" in out
    assert "loss: 1.0" in out
    run(Bar("Cooking", 2, 0))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("watched", "seconds"), [(True, 0), (True, 1e9), (False, 0)])
def test_auto_shows_what_takes_long_to_whoever_watches(watched, seconds, monkeypatch, capsys):
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", seconds)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: watched, raising=False)
    run(Bar("Cooking", 2, "auto"))
    assert bool(capsys.readouterr().out) == (watched and seconds == 0)


def test_a_bar_that_shows_late_counts_from_the_start(monkeypatch, capsys):
    """A second an egg: the third egg is the first that shows."""
    seconds = 1000.0
    for clock in ("time", "perf_counter"):
        monkeypatch.setattr(time, clock, lambda: seconds)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with Bar("Cooking", 10, "auto", unit="egg") as bar:
        for _ in range(3):
            seconds += 1
            bar.step()
    out = capsys.readouterr().out
    assert " 3/10" in out
    assert "1s/egg" in out
    assert "us/egg" not in out


@pytest.mark.parametrize(("sign", "best"), [(1, 3.0), (-1, 2.0)])
def test_the_best_score_is_shown_as_it_is(sign, best, capsys):
    with Progress("Search", 2, 1) as bar:
        for score in (2.0, 3.0):
            bar.note("data_loss", score, sign=sign)
            bar.step()
    assert f"best data_loss: {best}" in capsys.readouterr().out


def test_a_bar_in_a_notebook_is_one_output_that_replaces_itself(monkeypatch, capsys):
    notebook = fake_notebook(monkeypatch)
    monkeypatch.setattr("kerasnn._core.display.cell.INTERVAL_SECONDS", 0)
    run(Bar("Cooking", 2, 1, unit="egg"))
    assert capsys.readouterr().out == ""
    assert notebook.outputs == 1
    assert " s left" in notebook.shown[0]
    assert notebook.shown[-1].startswith("Cooking\n2/2 ")
    assert notebook.shown[-1].endswith("egg/s) - loss: 1")


@pytest.mark.parametrize("engine", ["auto", "keras"])
def test_the_epochs_of_fit_in_a_notebook_are_lines_of_one_output(engine, monkeypatch, capsys):
    notebook = fake_notebook(monkeypatch)
    monkeypatch.setattr("kerasnn._core.display.cell_epochs.INTERVAL_SECONDS", 0)
    kerasnn.fit(a_model(), X, Y, epochs=3, validation_data=(X, Y), verbose=1, engine=engine)
    assert capsys.readouterr().out == ""
    assert notebook.outputs == 1
    assert notebook.shown[0].startswith("Epoch 1/3 - step 1/1 - ")
    lines = notebook.shown[-1].splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    assert all(" - loss: " in line and " - val_loss: " in line for line in lines)
    kerasnn.fit(a_model(), X, Y, verbose=2, engine=engine)
    assert "1/1 - " in capsys.readouterr().out
    assert notebook.outputs == 1


@pytest.mark.parametrize("engine", ["auto", "keras"])
def test_a_cell_shows_all_epochs_before_an_interrupt(engine, monkeypatch):
    notebook = fake_notebook(monkeypatch)
    monkeypatch.setattr("kerasnn._core.display.cell_epochs.INTERVAL_SECONDS", 1e9)

    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    callback = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(KeyboardInterrupt):
        kerasnn.fit(a_model(), X, Y, epochs=9, verbose=1, engine=engine, callbacks=[callback])
    lines = notebook.shown[-1].splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/9", "Epoch 2/9"]


@pytest.mark.parametrize("callbacks", [None, keras.callbacks.Callback()])
def test_evaluation_and_prediction_in_a_notebook_are_one_output_each(
    callbacks, monkeypatch, capsys
):
    """With callbacks it is Keras that runs them."""
    notebook = fake_notebook(monkeypatch)
    model = a_model()
    kerasnn.training.evaluate(model, X, Y, verbose=1, callbacks=callbacks)
    assert notebook.shown[-1].startswith("1/1 ")
    assert " - loss: " in notebook.shown[-1]
    kerasnn.training.predict(model, X, verbose=1, callbacks=callbacks)
    assert notebook.shown[-1].startswith("1/1 ")
    assert notebook.outputs == 2
    assert capsys.readouterr().out == ""
    kerasnn.training.evaluate(model, X, Y, verbose=2, callbacks=callbacks)
    assert "1/1 - " in capsys.readouterr().out


def test_a_bar_of_work_that_breaks_off_ends_its_line(capsys):
    def break_off():
        with Bar("Cooking", 10, 1) as bar:
            bar.step(3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    out = capsys.readouterr().out
    assert " 3/10" in out
    assert out.endswith("\n")


def test_verbose_is_zero_one_or_auto(invalid):
    with invalid("verbose", 2):
        Bar("Cooking", 10, 2)


def test_nothing_of_many_models_or_a_network_is_written_into_a_file(capsys):
    kerasnn.fit_many([a_model(), a_model()], X, Y, epochs=2)
    fine_tuned("auto")
    assert capsys.readouterr().out == ""
    fine_tuned(2)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Epoch")] == ["Epoch 1/2", "Epoch 2/2"]


def test_a_pack_writes_a_line_an_epoch_into_a_file(capsys):
    models.pack(2, task="binary", n=2, folds=2).fit(X, Y, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Epoch")] == ["Epoch 1/2", "Epoch 2/2"]


@pytest.mark.parametrize(
    ("what", "title"),
    [
        (lambda table, **_: data.from_csv(table, "y", verbose=1), "Reading the table"),
        (
            lambda photos, **_: data.from_directory(photos, image_size=(4, 4), verbose=1),
            "Reading the images",
        ),
        (lambda **_: lr_find(a_model(), X, Y, steps=10, high=1e3, verbose=1), "Sweep of learning"),
        (
            lambda tmp_path, **_: serving.export(a_model(), tmp_path / "m", verbose=1),
            "Export: trace",
        ),
        (
            lambda **_: selection.cross_validate(a_model, X, Y, cv=2, epochs=1, verbose=1),
            "Cross-validation",
        ),
        (
            lambda **_: kerasnn.fit_many([a_model(), a_model()], X, Y, epochs=2, verbose=1),
            "Training of 2 models",
        ),
        (
            lambda **_: transfer.features(a_network(), np.zeros((5, 8, 8, 1)), verbose=1),
            "Features of x",
        ),
        (lambda **_: fine_tuned(verbose=1), "Regime small"),
    ],
)
@pytest.mark.filterwarnings("ignore:The loss has not risen")
def test_what_takes_long_has_a_bar(what, title, table, photos, tmp_path, capsys):
    what(table=table, photos=photos, tmp_path=tmp_path)
    assert capsys.readouterr().out.startswith(title)
