import pathlib
import re
import subprocess
import sys

import pytest

TUTORIAL = pathlib.Path(__file__).parents[2] / "tutorials" / "quickstart.py"
# A guard against a script that hangs; other work on the machine may slow it down a lot.
TIMEOUT_S = 600


@pytest.mark.slow
def test_two_runs_write_two_versions(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for version in ("1", "2"):
        run = subprocess.run(
            [sys.executable, TUTORIAL],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        # Python's warnings, not TensorFlow's log.
        assert "Warning" not in run.stderr
        printed = re.search(r"Test accuracy: (0\.\d+) on 360 images", run.stdout)
        assert printed is not None
        assert float(printed[1]) > 0.97
        assert re.search(r"The first test image shows a (\d); the server reads a \1\n", run.stdout)
        assert f"Figures and model are in {tmp_path / 'outputs' / 'quickstart'}" in run.stdout
        assert published(tmp_path)[-1] == version

    made = tmp_path / "outputs" / "quickstart"
    assert [entry.name for entry in tmp_path.iterdir()] == ["outputs"]
    assert sorted(e.name for e in made.iterdir()) == [
        "confusion.png",
        "learning_curve.png",
        "model",
    ]
    for figure in made.glob("*.png"):
        assert figure.read_bytes().startswith(b"\x89PNG")
    assert published(tmp_path) == ["1", "2"]
    labels = (made / "model" / "2" / "assets.extra" / "labels.txt").read_text(encoding="utf-8")
    assert labels.split() == list("0123456789")


def published(directory):
    path = directory / "outputs" / "quickstart" / "model"
    return sorted(entry.name for entry in path.iterdir() if entry.name.isdigit())
