"""A version is there whole or not at all, and two exporters get two."""

import os
import resource
import stat
import subprocess
import sys
import textwrap
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving

DAY_S = 24 * 3600


def versions(path):
    return sorted(name for name in os.listdir(path) if name.isdigit())


def hidden(path):
    return sorted(name for name in os.listdir(path) if name.startswith("."))


@pytest.fixture
def export(classifier):
    """Exports the fewest files that make a version."""
    quick = {"verify": False, "warmup": False, "signatures": ["serving_default"]}
    return lambda path, **arguments: serving.export(classifier, path, **(quick | arguments))


def test_versions_count_on_from_the_largest(export, tmp_path):
    path = tmp_path / "not" / "there" / "yet"
    assert export(path).version == 1
    (path / "009").mkdir()
    (path / "notes").mkdir()
    (path / "12.txt").write_text("")
    report = export(str(path))
    assert (report.version, report.path) == (10, path / "10")
    assert export(path, version=4).version == 4
    assert versions(path) == ["009", "1", "10", "4"]


def test_others_may_read_it(export, tmp_path):
    umask = os.umask(0o022)
    try:
        report = export(tmp_path, labels=list("abc"))
    finally:
        os.umask(umask)
    for file in [report.path, *report.path.rglob("*")]:
        wanted = 0o755 if file.is_dir() else 0o644
        assert stat.S_IMODE(file.stat().st_mode) == wanted, file


@pytest.mark.parametrize("place", ["tensorflow.saved_model.save", "os.fsync", "os.rename"])
def test_nothing_is_left_of_a_failure(place, export, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt("stop")

    monkeypatch.setattr(place, fail)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        export(tmp_path)
    assert versions(tmp_path) == hidden(tmp_path) == []


def test_other_weights_on_disk_are_not_published(classifier, tmp_path, monkeypatch):
    save = tf.saved_model.save
    bias = classifier.layers[-1].bias

    def save_others(*args, **kwargs):
        before = bias.numpy()
        bias.assign_add([0.1, 0.0, 0.0])
        save(*args, **kwargs)
        bias.assign(before)

    monkeypatch.setattr("tensorflow.saved_model.save", save_others)
    with pytest.raises(ValueError, match=r"`probabilities` .* differs by 0\.0\d+ of its") as caught:
        serving.export(classifier, tmp_path)
    assert versions(tmp_path) == []
    [kept] = tmp_path.iterdir()
    assert str(kept) in str(caught.value)
    assert kept.name.startswith(".")
    assert "differs by 0.0" in (kept / "report.txt").read_text()
    assert (kept / "saved_model.pb").is_file()


def test_a_version_that_another_exporter_took_meanwhile(export, tmp_path, monkeypatch, invalid):
    rename = os.rename

    def rename_late(source, target):
        monkeypatch.setattr("os.rename", rename)
        target.mkdir()
        (target / "saved_model.pb").write_text("theirs")
        rename(source, target)

    monkeypatch.setattr("os.rename", rename_late)
    assert export(tmp_path).version == 2
    monkeypatch.setattr("os.rename", rename_late)
    with invalid("version", value=5):
        export(tmp_path, version=5)
    assert versions(tmp_path) == ["1", "2", "5"]
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "theirs"


def test_overwriting_takes_the_place_of_a_version(export, classifier, tmp_path, monkeypatch, ask):
    ones = np.ones((1, 4), "float32")
    export(tmp_path, version=3)
    before = classifier.predict(ones, verbose=0)
    classifier.layers[-1].bias.assign([1.0, 0, 0])
    rename = os.rename

    def fail(source, target):
        if target.name == "3" and not (source / "old").exists():
            raise OSError("disk full")
        rename(source, target)

    (tmp_path / "3" / "old").touch()
    with monkeypatch.context() as patch:
        patch.setattr("os.rename", fail)
        with pytest.raises(OSError, match="disk full"):
            export(tmp_path, version=3, overwrite=True)
    old = serving.Predictor(tmp_path / "3")(ones)["probabilities"]
    np.testing.assert_allclose(old, before, atol=1e-6)
    report = export(tmp_path, version=3, overwrite=True)
    after = classifier.predict(ones, verbose=0)
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(ask(report, features=ones)["probabilities"], after, atol=1e-6)
    assert versions(tmp_path) == ["3"]
    assert hidden(tmp_path) == []


def test_a_version_with_zeros_before_it_and_a_link_are_replaced(export, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    path = tmp_path / "served"
    (path / "007").mkdir(parents=True)
    (path / "8").symlink_to(elsewhere)
    for version in (7, 8):
        export(path, version=version, overwrite=True)
    assert versions(path) == ["7", "8"]
    assert not (path / "8").is_symlink()
    assert (elsewhere / "mine").exists()
    assert hidden(path) == []


def test_exporters_at_once_get_versions_of_their_own(tmp_path, ask):
    models = [keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(3)]
    reports = {}

    def run(value, model):
        model.set_weights([np.zeros((1, 1)), np.array([value])])
        reports[value] = serving.export(model, tmp_path, verify=False)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(models)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.version for report in reports.values()) == [1, 2, 3]
    assert versions(tmp_path) == ["1", "2", "3"]
    for value, report in reports.items():
        assert ask(report, features=np.zeros((1, 1), "float32"))["predictions"].item() == value


def test_stages_and_drafts_that_are_a_day_old_are_removed_and_nothing_else(export, tmp_path):
    export(tmp_path)
    old, new = tmp_path / ".export-old", tmp_path / ".export-new"
    others = [tmp_path / ".mine", tmp_path / "1"]
    for directory in (old, new, others[0]):
        directory.mkdir()
        (directory / "saved_model.pb").touch()
    # What a kill leaves that comes while a file of the server is written.
    draft, young = (tmp_path / f".models.{letter * 32}.config" for letter in "ab")
    for file in (draft, young):
        file.touch()
    for one in (old, draft, *others):
        past = one.stat().st_mtime - DAY_S - 60
        os.utime(one, (past, past))
    export(tmp_path)
    assert not old.exists()
    assert not draft.exists()
    assert all(one.exists() for one in (new, young, *others))


@pytest.mark.slow
def test_thirty_kills_leave_no_part_of_a_version(classifier, tmp_path):
    # A process that has imported everything starts each exporter at once, as a copy of itself.
    program = f"""
        import os, random, signal, time
        import keras
        from kerasnn import serving

        def export():
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
            while True:
                serving.export(model, {str(tmp_path)!r}, labels=["a", "b", "c"])
                serving.export(
                    model, {str(tmp_path)!r}, labels=["a", "b", "c"], version=1, overwrite=True
                )

        random.seed(0)
        for number in range(30):
            process = os.fork()
            if process == 0:
                export()
            # The first export is under way in the first seconds, others later.
            time.sleep(random.uniform(0.2, 6))
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            print(*(name for name in os.listdir({str(tmp_path)!r}) if name.startswith(".")))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    left = ran.stdout.splitlines()[-1].split()
    assert len(left) > 5, "too few kills came in the middle of an export"
    for stage in (tmp_path / name for name in left):
        past = stage.stat().st_mtime - DAY_S - 60
        os.utime(stage, (past, past))
    report = serving.export(classifier, tmp_path, labels=["a", "b", "c"])
    assert hidden(tmp_path) == []
    names = {file.relative_to(report.path) for file in report.path.rglob("*")}
    assert report.version == max(map(int, versions(tmp_path)))
    for version in versions(tmp_path):
        directory = tmp_path / version
        assert {file.relative_to(directory) for file in directory.rglob("*")} == names
        assert len(serving.Predictor(directory)(np.ones((2, 4)))["labels"]) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems end the process")
def test_a_full_disk_is_reported_in_one_line(export, tmp_path):
    # The limit on what a process may write to one file ends as a full disk does.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(
            OSError, match=rf"^{tmp_path}/new must be a place to write to: "
        ) as caught:
            export(tmp_path / "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "new").iterdir()) == []
