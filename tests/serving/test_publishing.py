"""A version is there whole or not at all, and two exporters get two."""

import os
import pathlib
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
from kerasnn.serving.publishing import publish, staging
from kerasnn.serving.publishing.exchange import exchange


def versions(path):
    return sorted(name for name in os.listdir(path) if name.isdigit())


def test_versions_count_on_from_the_largest(classifier, tmp_path):
    path = tmp_path / "not" / "there" / "yet"
    assert serving.export(classifier, path, verify=False).version == 1
    (path / "009").mkdir()
    (path / "notes").mkdir()
    (path / "12.txt").write_text("")
    report = serving.export(classifier, str(path), verify=False)
    assert (report.version, report.path) == (10, path / "10")
    assert serving.export(classifier, path, version=4, verify=False).version == 4
    assert versions(path) == ["009", "1", "10", "4"]


def test_others_may_read_it(classifier, tmp_path):
    umask = os.umask(0o022)
    try:
        report = serving.export(classifier, tmp_path, labels=list("abc"), verify=False)
    finally:
        os.umask(umask)
    for file in [report.path, *report.path.rglob("*")]:
        wanted = 0o755 if file.is_dir() else 0o644
        assert stat.S_IMODE(file.stat().st_mode) == wanted, file


@pytest.mark.parametrize("place", ["tensorflow.saved_model.save", "os.fsync", "os.rename"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt("stop")])
def test_nothing_is_left_of_a_failure(place, error, classifier, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    serving.export(classifier, tmp_path, verify=False)
    with monkeypatch.context() as patch:
        patch.setattr(place, fail)
        with pytest.raises(type(error), match=str(error)):
            serving.export(classifier, tmp_path, verify=False)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    assert versions(tmp_path) == ["1"]
    assert serving.export(classifier, tmp_path, verify=False).version == 2


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
    assert kept.name.startswith(".export-")
    assert str(kept) in str(caught.value)
    assert "differs by 0.0" in (kept / "report.txt").read_text()
    assert (kept / "saved_model.pb").is_file()


def test_it_is_hidden_until_it_is_flushed_to_disk(classifier, tmp_path, monkeypatch):
    flushed, fsync, rename = set(), os.fsync, os.rename

    def note(descriptor):
        flushed.add(pathlib.Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def check(source, target):
        assert source.parent == target.parent
        assert source.name.startswith(".")
        assert flushed >= {source, *source.rglob("*")}
        rename(source, target)
        flushed.clear()

    monkeypatch.setattr("os.fsync", note)
    monkeypatch.setattr("os.rename", check)
    serving.export(classifier, tmp_path, labels=list("abc"), verify=False)
    assert flushed >= {tmp_path}


def test_a_version_that_another_exporter_took_meanwhile(classifier, tmp_path, monkeypatch):
    rename = os.rename

    def rename_late(source, target):
        monkeypatch.setattr("os.rename", rename)
        target.mkdir()
        (target / "saved_model.pb").write_text("theirs")
        rename(source, target)

    monkeypatch.setattr("os.rename", rename_late)
    assert serving.export(classifier, tmp_path, verify=False).version == 2
    monkeypatch.setattr("os.rename", rename_late)
    with pytest.raises(ValueError, match=r"`version` must be new in .*; got version=5"):
        serving.export(classifier, tmp_path, version=5, verify=False)
    assert versions(tmp_path) == ["1", "2", "5"]
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "theirs"


@pytest.fixture(params=["exchange", "two renames"])
def way(request, monkeypatch):
    """How a version is replaced; the second is for systems that cannot do it in one step."""
    if request.param == "two renames":
        monkeypatch.setattr(publish, "exchange", lambda *paths: False)
    return request.param


def test_overwriting_takes_the_place_of_a_version(way, classifier, tmp_path, monkeypatch, ask):
    ones = np.ones((1, 4), "float32")
    serving.export(classifier, tmp_path, version=3, verify=False)
    before = classifier.predict(ones, verbose=0)
    classifier.layers[-1].bias.assign([1.0, 0, 0])
    rename = os.rename

    def fail(source, target):
        if target.name == "3" and source.name.startswith(".export"):
            raise OSError("disk full")
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.rename", fail)
        if way == "exchange":
            patch.setattr(publish, "exchange", fail_at_once)
        with pytest.raises(OSError, match="disk full"):
            serving.export(classifier, tmp_path, version=3, verify=False, overwrite=True)
    old = serving.Predictor(tmp_path / "3")(ones)["probabilities"]
    np.testing.assert_allclose(old, before, atol=1e-6)
    report = serving.export(classifier, tmp_path, version=3, verify=False, overwrite=True)
    after = classifier.predict(ones, verbose=0)
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(ask(report, features=ones)["probabilities"], after, atol=1e-6)
    assert versions(tmp_path) == ["3"]
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def fail_at_once(*paths):
    raise OSError("disk full")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux replaces in one step")
def test_two_directories_change_places_in_one_step(classifier, tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "other").exists()
    assert (tmp_path / "other" / "one").exists()
    with pytest.raises(FileNotFoundError, match=r"other.* -> .*third"):
        exchange(tmp_path / "other", tmp_path / "third")
    # Nothing else moves the version that is overwritten.
    serving.export(classifier, tmp_path, verify=False)
    monkeypatch.setattr("os.rename", fail_at_once)
    serving.export(classifier, tmp_path, version=1, verify=False, overwrite=True)
    assert versions(tmp_path) == ["1"]


def test_a_version_comes_back_that_was_hidden_when_its_exporter_was_killed(classifier, tmp_path):
    serving.export(classifier, tmp_path, version=3, verify=False)
    program = """
        import os, pathlib, runpy, sys
        drafts = runpy.run_path(sys.argv[1])
        with drafts["set_aside"](pathlib.Path(sys.argv[2], "3")):
            os._exit(0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), staging.__file__, tmp_path]
    subprocess.run(command, check=True)
    assert versions(tmp_path) == []
    assert serving.export(classifier, tmp_path, verify=False).version == 4
    assert versions(tmp_path) == ["3", "4"]
    assert not list(tmp_path.glob(".*"))
    assert serving.Predictor(tmp_path / "3")(np.ones((2, 4)))["probabilities"].shape == (2, 3)


def test_a_version_with_zeros_before_it_and_a_link_are_replaced(way, classifier, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    path = tmp_path / "served"
    (path / "007").mkdir(parents=True)
    (path / "8").symlink_to(elsewhere)
    for version in (7, 8):
        serving.export(classifier, path, version=version, verify=False, overwrite=True)
    assert versions(path) == ["7", "8"]
    assert not (path / "8").is_symlink()
    assert (elsewhere / "mine").exists()
    assert not list(path.glob(".*"))


def test_exporters_at_once_get_versions_of_their_own(tmp_path, ask):
    models = [keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(4)]
    reports = {}

    def run(value, model):
        model.set_weights([np.zeros((1, 1)), np.array([value])])
        reports[value] = serving.export(model, tmp_path, verify=False)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(models)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.version for report in reports.values()) == [1, 2, 3, 4]
    assert versions(tmp_path) == ["1", "2", "3", "4"]
    for value, report in reports.items():
        assert ask(report, features=np.zeros((1, 1), "float32"))["predictions"].item() == value


def test_what_a_killed_exporter_left_goes_with_the_next_and_nothing_else(classifier, tmp_path):
    kept = tmp_path / ".export-kept"
    kept.mkdir()
    (kept / "report.txt").touch()
    # As an exporter does, without the seconds that importing Keras takes.
    program = """
        import pathlib, runpy, sys
        drafts = runpy.run_path(sys.argv[1])
        with drafts["owned"](pathlib.Path(sys.argv[2])) as directory:
            (directory / "saved_model.pb").touch()
            print(directory, flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), staging.__file__, tmp_path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as killed, subprocess.Popen(command, **pipes) as living:
        theirs = [pathlib.Path(process.stdout.readline().strip()) for process in (killed, living)]
        serving.export(classifier, tmp_path, verify=False)
        assert {*tmp_path.glob(".*")} == {kept, *theirs}
        killed.kill()
        killed.wait()
        serving.export(classifier, tmp_path, verify=False)
        assert {*tmp_path.glob(".*")} == {kept, theirs[1]}
        living.communicate()


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

        random.seed(0)
        for number in range(30):
            process = os.fork()
            if process == 0:
                export()
            # The first export is under way in the first seconds, others later.
            time.sleep(random.uniform(0.2, 6))
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            print([name for name in os.listdir({str(tmp_path)!r}) if name.startswith(".export-")])
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    left = [line for line in said.splitlines() if line != "[]"]
    assert len(left) > 5, "too few kills came in the middle of an export"
    # Each exporter removes what the one before it has left.
    assert all(line.count(".export-") == 1 for line in left)
    report = serving.export(classifier, tmp_path, labels=["a", "b", "c"])
    assert not list(tmp_path.glob(".*"))
    names = {file.relative_to(report.path) for file in report.path.rglob("*")}
    assert report.version == max(map(int, versions(tmp_path)))
    for version in versions(tmp_path):
        directory = tmp_path / version
        assert {file.relative_to(directory) for file in directory.rglob("*")} == names
        assert len(serving.Predictor(directory)(np.ones((2, 4)))["labels"]) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems end the process")
def test_a_disk_without_room_is_said_in_one_line(classifier, tmp_path):
    # What a process may write to one file ends as a disk does.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(
            OSError, match=rf"^{tmp_path}/new must be a place to write to: "
        ) as caught:
            serving.export(classifier, tmp_path / "new", verify=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "new").iterdir()) == []
