"""The doctor's figures."""

import dataclasses
import math

import matplotlib.pyplot as plt
import pytest

from kerasnn.doctor.diagnosis import Diagnosis, draw_measurements
from kerasnn.doctor.measure.measurements import LayerMeasurements, Measurements
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.rules.finding import Finding

SCORE = Score(9, 0.5, 0.0, 1.0, 1.0, 0.8, 0.5, 0.1, 0.0, 0.6)
ONE = LayerMeasurements("one", dead=0.25, gradient=0.1, update=1e-3, zeros=0.0, weights=1.0)
TWO = LayerMeasurements("two", saturated=0.5, gradient=1.0, update=math.nan, zeros=0.5, weights=1.0)
HISTORY = [
    Measurements(1, (ONE, TWO), 1e-3, SCORE, None),
    Measurements(5, (dataclasses.replace(ONE, dead=0.75), TWO), 1e-3, SCORE, SCORE),
]
FINDING = Finding("dying ReLU", "one", 0.75, "Explanation.", "Hint.")


def lines(ax):
    return {line.get_label(): (*map(list, line.get_data()),) for line in ax.lines}


def test_a_panel_a_measure_and_a_line_a_layer():
    figure = draw_measurements(HISTORY, [FINDING])[0].figure
    panels = {ax.get_title(): ax for ax in figure.axes}
    assert lines(panels["fraction of dead units"]) == {"one": ([1, 5], [0.25, 0.75])}
    assert lines(panels["fraction of saturated outputs"]) == {"two": ([1, 5], [0.5, 0.5])}
    assert lines(panels["gradient norm"])["two"] == ([1, 5], [1.0, 1.0])
    assert lines(panels["update / weights in a step"]) == {"one": ([1, 5], [1e-3, 1e-3])}
    assert panels["gradient norm"].get_yscale() == "log"
    skill = panels["skill score: 0 for a constant, 1 perfect"]
    assert lines(skill) == {"train": ([1, 5], [0.5, 0.5]), "validation": ([5], [0.5])}
    assert figure.get_suptitle() == "dying ReLU in one (0.75)"
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two"]


def test_a_single_measurement_is_drawn_over_the_layers():
    panels = {ax.get_title(): ax for ax in draw_measurements(HISTORY[1:], [])}
    gradient = panels["gradient norm"]
    assert [text.get_text() for text in gradient.get_xticklabels()] == ["one", "two"]
    assert points(gradient) == [(0, 0.1), (1, 1.0)]
    assert gradient.get_yscale() == "log"
    # Each layer has the same place in all panels.
    assert points(panels["fraction of saturated outputs"]) == [(1, 0.5)]
    assert {panels[title].get_xlim() for title in list(panels)[:-1]} == {(-0.5, 1.5)}
    skill = panels["skill score: 0 for a constant, 1 perfect"]
    assert [text.get_text() for text in skill.get_xticklabels()] == ["train", "validation"]
    assert points(skill) == [(0, 0.5), (1, 0.5)]
    assert not skill.figure.legends


def points(ax):
    return [tuple(point) for point in ax.lines[0].get_xydata()]


@pytest.mark.parametrize("times", [1, 2])
def test_an_empty_panel_says_why(times):
    layer = LayerMeasurements("one", gradient=1.0, zeros=0.0)
    panels = draw_measurements(times * [Measurements(1, (layer,), math.nan, SCORE, None)], [])
    assert [[text.get_text() for text in ax.texts] for ax in panels] == [
        *(["no layer with ReLU"], ["no layer with sigmoid or tanh"], []),
        *([], ["not measured"], []),
    ]


def test_a_diagnosis_is_drawn_into_the_current_figure_if_that_is_empty(tmp_path):
    mine = plt.figure(figsize=(8, 5))
    panels = Diagnosis(HISTORY[0], ()).plot()
    assert mine.axes == panels
    assert mine.get_suptitle() == "Nothing is wrong."
    plt.savefig(tmp_path / "figure.png")
    another = Diagnosis(HISTORY[0], ()).plot()[0].figure
    assert another is plt.gcf()
    assert another is not mine


def test_every_layer_has_its_own_line_style():
    layers = tuple(LayerMeasurements(f"layer_{i}", gradient=1.0) for i in range(20))
    panels = draw_measurements(2 * [Measurements(1, layers, math.nan, None, None)], [])
    [drawn] = [ax.lines for ax in panels if ax.get_title() == "gradient norm"]
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn}) == 20


def test_zeros_have_no_logarithmic_axis():
    layer = LayerMeasurements("one", gradient=0.0, update=1e-3)
    panels = draw_measurements([Measurements(1, (layer,), math.nan, None, None)], [])
    scales = {ax.get_title(): ax.get_yscale() for ax in panels}
    assert scales["gradient norm"] == "linear"
    assert scales["update / weights in a step"] == "log"


def test_without_scores_and_layers():
    panels = draw_measurements(2 * [Measurements(1, (), math.nan, None, None)], [])
    assert not any(lines(ax) for ax in panels)
    assert not panels[0].figure.legends
