"""Every rule on both sides of its threshold, without training."""

import dataclasses
import math

import keras
import numpy as np
import pytest

from kerasnn import layers
from kerasnn._core import model_outputs
from kerasnn.doctor.measure.measurements import LayerMeasurements, Measurements
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.measure.training_sample import evenly_spaced
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.layers import dying_relu
from kerasnn.doctor.rules.run_rules import run_rules

HEALTHY = Score(
    rows=100,
    skill_score=0.6,
    least_loss=0.0,
    loss_to_learn=1.0,
    zero_loss=1.0,
    agreement=0.9,
    chance=0.5,
    spread=0.3,
    wrong_end=0.0,
    correlation=0.0,
)
FIRST = LayerMeasurements("one", dead=0.1, gradient=1.0, update=1e-3, zeros=0.0, weights=3.0)
LAST = LayerMeasurements("last", saturated=0.9, gradient=2.0, update=1e-3, zeros=0.0, weights=2.0)
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], "float32")
AND, XOR = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 0])


def model(loss="binary_crossentropy", units=1, activation="sigmoid", rate=0.1):
    built = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "relu", name="one")])
    built.add(keras.layers.Dense(units, activation, name="last"))
    built.compile(keras.optimizers.SGD(rate), loss=loss)
    return built


MODEL = model()


def measured(first=None, last=None, train=None, validation=HEALTHY, update=1e-3):
    """Returns healthy measurements with some numbers changed."""
    layers = (
        dataclasses.replace(layer, **(changes or {}))
        for layer, changes in ((FIRST, first), (LAST, last))
    )
    train = dataclasses.replace(HEALTHY, **(train or {}))
    return Measurements(3, tuple(layers), update, train, validation, rate=0.1)


def evidence(*history, losses=((0.5, 0.5),), built=None, y=AND, **fields):
    return Evidence(
        model=built or MODEL,
        sample=evenly_spaced(X, y),
        history=list(history) or [measured()],
        losses=list(losses),
        **fields,
    )


def found(*history, **fields):
    return run_rules(evidence(*history, **fields))


def names(*history, **fields):
    return [finding.name for finding in found(*history, **fields)]


def test_a_healthy_training_has_no_findings():
    assert found(is_over=True) == []


@pytest.mark.parametrize(
    ("name", "layer", "number", "sick", "well"),
    [
        ("dying ReLU", "one", 0.5, {"first": {"dead": 0.5}}, {"first": {"dead": 0.49}}),
        (
            "vanishing gradients",
            "one",
            1000.0,
            {"first": {"gradient": 2e-3}},
            {"first": {"gradient": 2.1e-3}},
        ),
        (
            "exploding gradients",
            "last",
            1000.0,
            {"last": {"gradient": 500.0}},
            {"last": {"gradient": 499.0}},
        ),
        (
            "saturated outputs",
            "one",
            0.5,
            {"first": {"saturated": 0.5}},
            {"first": {"saturated": 0.49}},
        ),
        (
            "constant predictions",
            "",
            9e-6,
            {"train": {"spread": 9e-6, "skill_score": 0.04}},
            {"train": {"spread": 2e-5, "skill_score": 0.04}},
        ),
        (
            "labels shuffled against inputs",
            "",
            0.59,
            {"validation": dataclasses.replace(HEALTHY, agreement=0.59)},
            {"validation": dataclasses.replace(HEALTHY, agreement=0.61)},
        ),
    ],
)
def test_thresholds(name, layer, number, sick, well):
    [finding] = found(measured(**sick))
    assert (finding.name, finding.layer) == (name, layer)
    assert finding.number == pytest.approx(number)
    assert finding.explanation
    assert finding.hint
    assert found(measured(**well)) == []


def test_predictions_at_the_wrong_end_are_a_fault_where_the_gradient_fades():
    squared = {"built": model("mse"), "y": 0.9 * AND}
    [finding] = found(measured(train={"wrong_end": 0.1}), **squared)
    assert (finding.name, finding.layer) == ("saturated outputs", "last")
    assert finding.number == pytest.approx(0.1)
    assert found(measured(train={"wrong_end": 0.09}), **squared) == []
    # A healthy network that learns from the cross-entropy was seen to have 0.19 for an epoch.
    assert found(measured(train={"wrong_end": 0.9})) == []


@pytest.mark.parametrize(
    ("loss", "activation", "fades"),
    [
        ("binary_crossentropy", "sigmoid", False),
        ("categorical_crossentropy", "softmax", False),
        ("sparse_categorical_crossentropy", "softmax", False),
        ("binary_crossentropy", "hard_sigmoid", True),
        ("mse", "sigmoid", True),
        ("mse", "softmax", True),
        ("mae", "sigmoid", True),
    ],
)
def test_where_the_gradient_fades(loss, activation, fades):
    """One step of rate 1 from outputs that are sure and wrong moves the biases by the gradient."""
    wrong = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation)])
    wrong.set_weights([np.zeros((1, 2)), np.array([-5.0, 5.0])])
    wrong.compile(keras.optimizers.SGD(1.0), loss=loss)
    y = np.array([0]) if loss == "sparse_categorical_crossentropy" else np.array([[1.0, 0.0]])
    wrong.fit(np.zeros((1, 1)), y, verbose=0)
    step = np.abs(wrong.get_weights()[1] - [-5, 5]).max()
    assert (step < 0.02) == fades
    assert model_outputs.gradient_fades(wrong) == fades


def test_a_gradient_that_a_dead_layer_blocks_is_one_finding():
    sick = measured(first={"dead": 1.0, "gradient": 0.0})
    assert names(sick) == ["dying ReLU"]
    assert names(measured(first={"gradient": 0.0})) == ["vanishing gradients"]
    # Predictions that do not vary are its consequence.
    constant = {"spread": 0.0, "skill_score": 0.0}
    _, finding = found(measured(first={"dead": 1.0, "gradient": 0.0}, train=constant))
    assert finding.name == "constant predictions"
    assert "do not vary" in finding.explanation
    assert finding.hint.startswith("All units of `one` are dead")


def test_large_factors_are_written_with_two_digits():
    for gradient, words in (
        (2 / 8123, "of 8,100 on"),
        (2e-12, "of 1.0e+12 on"),
        (0.0, "of inf on"),
    ):
        [finding] = found(measured(first={"gradient": gradient}))
        assert words in finding.explanation


def test_a_model_that_has_learned_needs_no_gradient():
    assert found(measured(first={"gradient": 0.0}, train={"skill_score": 0.95})) == []


def test_a_correct_constant_is_no_fault():
    assert found(measured(train={"spread": 0.0, "skill_score": 0.9})) == []


def test_the_mean_of_targets_is_no_exploding_gradient():
    sick = {"last": {"gradient": 500.0}}
    assert names(measured(**sick)) == ["exploding gradients"]
    assert found(measured(**sick, train={"zero_loss": 2.0})) == []


def test_a_rare_class_may_leave_validation_at_chance():
    """With 3 of 100 rows a kappa of 1 is within chance: 0.97 + 2.33 * 0.17 / 10 = 1.01."""
    rare = {"agreement": 0.99, "chance": 0.97}
    validation = dataclasses.replace(HEALTHY, agreement=0.97, chance=0.97)
    assert found(measured(validation=validation, train=rare)) == []
    validation = dataclasses.replace(validation, rows=1000)
    assert names(measured(validation=validation, train=rare)) == ["labels shuffled against inputs"]
    # Their order may, where no prediction is above one half: 2.33 / sqrt(1000) = 0.07.
    assert (
        found(measured(validation=dataclasses.replace(validation, correlation=0.08), train=rare))
        == []
    )


def test_few_validation_rows_give_no_finding():
    validation = dataclasses.replace(HEALTHY, agreement=0.5, rows=19)
    assert found(measured(validation=validation)) == []
    validation = dataclasses.replace(validation, rows=20)
    assert names(measured(validation=validation)) == ["labels shuffled against inputs"]
    # More may have carried over than so few rows can prove.
    validation = dataclasses.replace(validation, agreement=0.65)
    assert validation.is_chance
    assert found(measured(validation=validation)) == []
    # Training has to be better than chance first.
    validation = dataclasses.replace(validation, agreement=0.5)
    assert found(measured(validation=validation, train={"agreement": 0.7})) == []


def test_a_constant_is_better_on_other_rows():
    guessing = ["no better than guessing"]
    validation = dataclasses.replace(HEALTHY, agreement=0.5, skill_score=-0.03)
    weak = {"agreement": 0.6, "skill_score": 0.1}
    for when in ("is_over", "is_moment"):
        assert names(measured(validation=validation, train=weak), **{when: True}) == guessing
    # In the middle of training it may still learn, or not have begun.
    assert names(measured(validation=validation, train=weak)) == []
    fresh = {**weak, "skill_score": 0.04}
    assert names(measured(validation=validation, train=fresh), is_moment=True) == []
    # 2 / 100 is the difference of the constants of two samples.
    near = dataclasses.replace(validation, skill_score=-0.019)
    assert names(measured(validation=near, train=weak), is_moment=True) == []
    # Classes that are right more often, with probabilities that are too sure.
    right = dataclasses.replace(validation, agreement=0.51)
    assert names(measured(validation=right, train=weak), is_moment=True) == []
    real = dataclasses.replace(validation, agreement=0.1, chance=0.0)
    assert names(measured(validation=real, train=weak), is_moment=True) == guessing


def test_many_rows_show_labels_that_are_memorised_slowly():
    slow = {"agreement": 0.325, "chance": 0.1, "rows": 256}
    validation = dataclasses.replace(HEALTHY, agreement=0.1, chance=0.1, rows=256)
    assert names(measured(validation=validation, train=slow)) == ["labels shuffled against inputs"]
    assert found(measured(validation=dataclasses.replace(validation, rows=64), train=slow)) == []
    assert found(measured(validation=validation, train={**slow, "agreement": 0.2})) == []


def test_a_rate_that_is_too_high_takes_large_steps_and_does_harm():
    [finding] = found(measured(update=0.5), losses=[(0.7, 0.7), (9.0, 9.0), (0.8, 0.8)])
    assert (finding.name, finding.number) == ("learning rate too high", 0.5)
    assert "(0.1)" in finding.hint
    assert found(measured(update=0.5), losses=[(0.7, 0.7), (2.9, 2.9)]) == []
    assert found(measured(update=9e-3), losses=[(9.0, 9.0)]) == []
    # What regularisers add was there from the start.
    assert found(measured(update=0.5), losses=[(9.0, 9.0)], penalty=8.0) == []


def test_a_loss_that_only_falls_has_not_risen_however_high_it_was():
    """That of targets of mean 4 and deviation 1 is 17 before training, and 1 for a constant."""
    start = dataclasses.replace(HEALTHY, skill_score=-16.0)
    falling = [(15.0, 15.0), (9.0, 9.0), (0.5, 0.5)]
    assert found(measured(update=0.5), losses=falling, initial_score=start) == []
    for losses in ([(52.0, 52.0)], [*falling, (3.1, 3.1)]):
        [finding] = found(measured(update=0.5), losses=losses, initial_score=start)
        assert finding.name == "learning rate too high"
        assert f"rose to {losses[-1][0]:.3g} times" in finding.explanation


def test_a_rate_that_is_too_low_takes_small_steps_and_has_learned_little_by_the_end():
    slow = measured(update=9e-5, train={"skill_score": 0.1, "agreement": 0.55})
    [finding] = found(slow, is_over=True)
    assert (finding.name, finding.number) == ("learning rate too low", 9e-5)
    assert found(slow) == []
    assert found(measured(update=9e-5), is_over=True) == []
    assert found(dataclasses.replace(slow, update=2e-4), is_over=True) == []
    assert found(dataclasses.replace(slow, update=math.nan), is_over=True) == []
    # The rate is not to blame for a gradient that does not arrive, or that is too large.
    bad = {"skill_score": -9.0, "agreement": 0.5}
    exploded = measured(last={"gradient": 500.0}, update=9e-5, train=bad)
    assert names(exploded, is_over=True) == ["exploding gradients"]
    little = {"skill_score": 0.1, "agreement": 0.55}
    vanished = measured(first={"gradient": 0.0}, update=9e-5, train=little)
    assert names(vanished, is_over=True) == ["vanishing gradients"]
    slow = {"update": 9e-5, "train": {**little, "wrong_end": 0.4}}
    squared = {"built": model("mse"), "y": 0.9 * AND}
    assert names(measured(**slow), is_over=True, **squared) == ["saturated outputs"]


@pytest.mark.parametrize("sizes", [(1e-3, 1e-7), (1e-7, 1e-3)], ids=["decay", "warm-up"])
def test_a_rate_that_was_high_enough_once_is_not_too_low(sizes):
    noisy = {"skill_score": 0.3, "agreement": 0.55}
    history = [dataclasses.replace(measured(update=size, train=noisy), rate=size) for size in sizes]

    at_end = {"highest_rate": 1e-3, "is_over": True}
    assert found(*history, **at_end) == []
    # Measurements at the ends alone have not seen it.
    low = [dataclasses.replace(each, update=1e-7, rate=1e-7) for each in history]
    assert found(*low, **at_end) == []
    low[0] = dataclasses.replace(low[0], update=2e-7, rate=1e-3)
    [finding] = found(*low, **at_end)
    assert (finding.name, finding.number) == ("learning rate too low", 2e-7)
    assert "(0.001)" in finding.hint


@pytest.mark.parametrize(("update", "is_low"), [(4e-6, True), (6e-6, False), (0.0, True)])
def test_updates_during_a_warm_up_are_extrapolated_to_the_highest_rate(update, is_low):
    """At a tenth of the rate, whose mean over the epoch may have been half of that."""
    noisy = {"skill_score": 0.3, "agreement": 0.55}
    warm = dataclasses.replace(measured(update=update, train=noisy), rate=1e-4)
    # The rate at the end of a decaying epoch is lower than that of its steps.
    last = dataclasses.replace(measured(update=update / 10, train=noisy), rate=1e-9)
    at_end = {"highest_rate": 1e-3, "is_over": True}
    findings = [(each.name, each.number) for each in found(warm, last, **at_end)]
    assert findings == ([("learning rate too low", pytest.approx(20 * update))] if is_low else [])
    assert found(dataclasses.replace(warm, update=0.0, rate=0.0), **at_end) == []


def test_overfitting_loses_what_validation_had():
    falling = [(0.9, 0.8), (0.5, 0.5), (0.4, 0.55), (0.3, 0.61), (0.2, 0.7)]
    [finding] = found(losses=falling)
    assert finding.name == "overfitting"
    assert finding.number == pytest.approx(0.11)
    assert "epoch 2" in finding.explanation
    assert found(losses=falling[:4]) == []
    # A bad epoch shows in the training loss as well.
    assert found(losses=[*falling[:4], (0.6, 0.7)]) == []
    # One epoch alone is noise; and epochs without validation have no say.
    assert found(losses=[*falling[:2], (0.4, 0.5), (0.3, 0.5), (0.2, 0.9)]) == []
    # Training has small weights for its rows, or large ones; validation has none.
    light = {"loss_to_learn": 1e-3}
    scaled = [(1e-3 * loss, val_loss) for loss, val_loss in falling]
    assert names(measured(train=light), losses=scaled) == ["overfitting"]
    assert found(measured(train=light), losses=scaled[:4]) == []
    assert found(measured(train={"loss_to_learn": 50.0}), losses=falling) == []
    sparse = [pair for epoch in falling for pair in (epoch, (epoch[0], math.nan))]
    assert names(losses=sparse) == ["overfitting"]


def test_without_a_score_only_layers_are_examined():
    unscored = dataclasses.replace(measured(first={"dead": 1.0}), train=None)
    assert names(unscored, is_over=True) == ["dying ReLU"]


FITTING = [
    ("binary_crossentropy", 1, "sigmoid", AND),
    (keras.losses.BinaryCrossentropy(from_logits=True), 1, "linear", AND),
    ("sparse_categorical_crossentropy", 2, "softmax", AND),
    ("categorical_crossentropy", 2, "softmax", np.eye(2)[AND]),
    ("mse", 1, "linear", np.array([-3.0, 0.0, 1.0, 5.0])),
    ("mse", 1, "sigmoid", np.array([0.1, 0.2, 0.5, 0.9])),
    ("mse", 1, "tanh", np.array([-1.0, 1.0, -1.0, 1.0])),
    ("poisson", 1, "exponential", np.array([0, 3, 1, 1])),
]


@pytest.mark.parametrize(("loss", "units", "activation", "y"), FITTING)
def test_losses_that_fit(loss, units, activation, y):
    assert found(built=model(loss, units, activation), y=y) == []


@pytest.mark.parametrize(
    ("loss", "units", "activation", "y", "hint"),
    [
        ("mse", 1, "sigmoid", AND, "binary_crossentropy"),
        ("mae", 2, "softmax", np.eye(2)[AND], "categorical_crossentropy"),
        ("mse", 1, "tanh", np.array([0.0, 0.5, 2.0, 0.1]), "linear output"),
        ("mse", 1, "sigmoid", np.array([0.0, 7.0, 2.0, 0.1]), "linear output"),
        ("binary_crossentropy", 1, "linear", AND, "from_logits=True"),
        ("sparse_categorical_crossentropy", 2, "relu", AND, "softmax"),
        ("binary_crossentropy", 1, "softmax", AND, "sigmoid"),
        (keras.losses.BinaryCrossentropy(from_logits=True), 1, "sigmoid", AND, "linear output"),
    ],
)
def test_losses_that_do_not_fit(loss, units, activation, y, hint):
    [finding] = found(built=model(loss, units, activation), y=y)
    assert (finding.name, finding.layer) == ("loss does not fit the task", "last")
    assert hint in finding.hint


def perceptron(kind):
    built = keras.Sequential([keras.Input((2,)), kind])
    built.compile("sgd", loss="mae")
    return built


def test_a_perceptron_is_tested_for_separability_alone():
    built = perceptron(layers.Perceptron(1, name="only"))
    only = LayerMeasurements("only", gradient=1e9, zeros=0.0, weights=1e9)
    score = dataclasses.replace(HEALTHY, agreement=0.75, spread=0.0)
    measured = Measurements(1, (only,), 9.0, score, None)
    [finding] = found(measured, built=built, y=XOR)
    assert finding.name == "perceptron on data that is not linearly separable"
    assert (finding.layer, finding.number) == ("only", 0.25)
    assert found(measured, built=built, y=AND) == []
    # Several units: each needs its own plane.
    both = perceptron(layers.Perceptron(2, name="only"))
    assert len(found(measured, built=both, y=np.stack([AND, XOR], axis=1))) == 1
    assert found(measured, built=both, y=np.stack([AND, AND], axis=1)) == []


def test_a_finding_is_one_line():
    [finding] = found(measured(first={"dead": 0.75}))
    assert str(finding).startswith("dying ReLU in one: 75% of its units are active on no row")
    assert "\n" not in str(finding)


@pytest.mark.parametrize("scale", [layers.Standardize, keras.layers.Normalization])
def test_a_model_that_standardises_is_not_told_to(scale):
    inputs = keras.Input((2,))
    plain = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    scaled = keras.Model(inputs, keras.layers.Dense(1)(scale()(inputs)))
    for built, is_told in ((plain, True), (scaled, False)):
        [finding] = dying_relu(evidence(measured(first={"dead": 0.75}), built=built))
        assert ("standardise the inputs" in finding.hint) == is_told
