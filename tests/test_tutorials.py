"""Each tutorial ends by asserting what it taught, and draws the figure that the course shows."""

import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
from tutorial_runs import COURSE, FIGURES, TUTORIALS, offline, run

# The others take longer than ten seconds, or would together.
QUICK = ("03_backpropagation",)
MOST_LINES = 120
# Share of the pixels. Rounding moves a curve by less, another network draws another picture.
MOST_CHANGED = 0.02


@pytest.mark.parametrize(
    "tutorial",
    [
        pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow)
        for path in COURSE
    ],
)
def test_claim_holds_and_figure_is_the_course_s(tutorial, tmp_path):
    ran = run(tutorial, tmp_path)
    assert ran.returncode == 0, ran.stderr
    # Raised as `UserWarning` and its like, not TensorFlow's own log.
    assert "Warning" not in ran.stderr
    made = sorted(path.relative_to(tmp_path) for path in (tmp_path / "tutorials").rglob("*.*"))
    assert made == [FIGURES / f"{tutorial.stem}.png"]
    new, kept = (matplotlib.image.imread(root / made[0]) for root in (tmp_path, TUTORIALS.parent))
    assert new.shape == kept.shape
    assert np.mean(np.abs(new - kept).max(axis=-1) > 0.1) < MOST_CHANGED


def test_course_is_whole():
    """Each script has its figure and its line in the course, in order, and nothing is left over."""
    names = [path.stem for path in COURSE]
    assert [int(name[:2]) for name in names] == list(range(1, len(names) + 1))
    assert sorted(path.stem for path in (TUTORIALS / "figures").iterdir()) == names
    course = (TUTORIALS / "README.md").read_text(encoding="utf-8")
    for kind in ("{}.py", "figures/{}.png"):
        places = [course.find(f"]({kind.format(name)})") for name in names]
        assert -1 not in places
        assert places == sorted(places)


@pytest.mark.parametrize("tutorial", sorted(TUTORIALS.glob("*.py")), ids=lambda path: path.stem)
def test_is_short(tutorial):
    assert len(tutorial.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_figures_are_small():
    for figure in (TUTORIALS / "figures").iterdir():
        assert figure.stat().st_size < 60_000, figure.name


@pytest.mark.parametrize(
    ("host", "is_refused"), [("192.0.2.1", True), ("example.invalid", True), ("127.0.0.1", False)]
)
def test_network_is_out_of_reach(host, is_refused):
    code = f"""
import contextlib, socket
with contextlib.suppress(OSError):
    socket.create_connection(({host!r}, 9), timeout=0.1)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], env=offline(), capture_output=True, text=True, check=False
    )
    assert (f"reached for a network: {host}" in ran.stderr) == is_refused
    assert (ran.returncode != 0) == is_refused
