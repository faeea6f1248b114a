"""Each tutorial asserts its claim at the end, and draws the figure of the course."""

import copy
import json
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.tutorials import drawn_figures
from tests.tutorials.offline.drawn_backend import describe
from tests.tutorials.runs import COURSE, FIGURES, TUTORIALS, offline, run

# The others take longer than ten seconds, or would together.
QUICK = ("03_backpropagation",)
MOST_LINES = 120


@pytest.mark.parametrize(
    "tutorial",
    [
        pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow)
        for path in COURSE
    ],
)
def test_the_claim_holds_and_the_figure_is_drawn(tutorial, tmp_path):
    ran = run(tutorial, tmp_path)
    assert ran.returncode == 0, ran.stderr
    # Python's warnings, not TensorFlow's log.
    assert "Warning" not in ran.stderr
    made = sorted(path.relative_to(tmp_path) for path in (tmp_path / "tutorials").rglob("*.*"))
    assert made == [FIGURES / f"{tutorial.stem}.{kind}" for kind in ("json", "png")]
    drawn = json.loads((tmp_path / made[0]).read_text(encoding="utf-8"))
    reference = drawn_figures.references()[tutorial.stem]
    assert list(drawn_figures.differences(tutorial.stem, drawn, reference)) == []


def drawn(deviation=0.0, **changes):
    """Returns the description of a figure with a curve, a band, a bar and an image."""
    options = {"label": "loss", "title": "Run 7", "scale": "log", **changes}
    figure, ax = plt.subplots()
    epochs = np.arange(1, 11)
    ax.plot(epochs, np.exp(deviation - epochs / 5), label=options["label"])
    ax.fill_between(epochs, 0.1 * np.exp(deviation), np.exp(deviation), label="range")
    ax.bar([1], [0.5 * np.exp(deviation)])
    ax.imshow([[0, 1], [1, 0]])
    ax.set(title=options["title"], yscale=options["scale"])
    ax.legend()
    description = describe(figure)
    plt.close(figure)
    return json.loads(json.dumps(description))


def test_figures_are_compared_by_what_they_draw():
    reference = drawn_figures.merge([drawn(d) for d in (-0.1, -0.05, 0.0, 0.05, 0.1)])

    def found(description):
        return list(drawn_figures.differences("figure", description, reference))

    assert found(drawn()) == []
    # Another processor's curve, and a number in a title.
    assert found(drawn(0.3, title="Run 8")) == []
    assert any("Line2D" in words for words in found(drawn(1.0)))
    for change in ({"label": "accuracy"}, {"title": "Runs"}, {"scale": "linear"}):
        assert len(found(drawn(**change))) == 1
    less = drawn()
    less["axes"][0]["artists"].pop()
    assert len(found(less)) == 1
    moved = copy.deepcopy(drawn())
    moved["axes"][0]["artists"][0]["x"][0] = 40.0
    assert len(found(moved)) == 1


def test_the_course_is_complete():
    """Each script has its figure and its line in the course, in order, and nothing else."""
    names = [path.stem for path in COURSE]
    assert [int(name[:2]) for name in names] == list(range(1, len(names) + 1))
    assert sorted(path.stem for path in (TUTORIALS / "figures").iterdir()) == names
    assert list(drawn_figures.references()) == names
    course = (TUTORIALS / "README.md").read_text(encoding="utf-8")
    for kind in ("{}.py", "figures/{}.png"):
        places = [course.find(f"]({kind.format(name)})") for name in names]
        assert -1 not in places
        assert places == sorted(places)


@pytest.mark.parametrize("tutorial", sorted(TUTORIALS.glob("*.py")), ids=lambda path: path.stem)
def test_tutorials_are_short(tutorial):
    assert len(tutorial.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("tutorial", sorted(TUTORIALS.glob("*.py")), ids=lambda path: path.stem)
def test_tutorials_are_cells_of_text_and_code(tutorial):
    """As jupytext's percent format, which it turns into a notebook."""
    before, *cells = tutorial.read_text(encoding="utf-8").split("# %%")
    assert before == ""
    assert cells[0].startswith(" [markdown]\n# # ")
    for cell in cells:
        kind, _, body = cell.partition("\n")
        assert kind in ("", " [markdown]")
        lines = [line for line in body.splitlines() if line]
        assert lines
        assert kind == "" or all(line.startswith("#") for line in lines)


def test_tutorials_name_the_lessons_of_the_playground():
    """Each lesson goes with a tutorial, which names it as the address of the page does."""
    presets = TUTORIALS.parent / "kerasnn" / "playground" / "static" / "presets.json"
    lessons = json.loads(presets.read_text(encoding="utf-8"))["presets"]
    named = {
        (path.name, lesson)
        for path in COURSE
        for lesson in re.findall(r"`#preset=([\w-]+)`", path.read_text(encoding="utf-8"))
    }
    assert named == {(lesson["tutorial"], lesson["id"]) for lesson in lessons}


def test_figures_are_small():
    for figure in (TUTORIALS / "figures").iterdir():
        assert figure.stat().st_size < 60_000, figure.name


@pytest.mark.parametrize(
    ("host", "is_refused"), [("192.0.2.1", True), ("example.invalid", True), ("127.0.0.1", False)]
)
def test_the_network_cannot_be_reached(host, is_refused):
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
