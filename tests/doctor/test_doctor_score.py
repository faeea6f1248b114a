"""Skill score, agreement and the rest, by hand."""

import keras
import numpy as np
import pytest

from kerasnn import layers
from kerasnn.doctor.measure.score import score
from kerasnn.doctor.measure.training_sample import evenly_spaced

X = np.zeros((4, 1), "float32")


def model(loss, units=1, activation="linear"):
    built = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(units, activation, name="output")]
    )
    built.compile(loss=loss)
    return built


def scored(built, y, predictions, weights=None):
    return score(built, evenly_spaced(X, np.array(y), weights), np.array(predictions, "float32"))


def entropy(*fractions):
    return -sum(p * np.log(p) for p in fractions)


def test_real_numbers():
    """R squared and the correlation."""
    found = scored(model("mse"), [0.0, 1.0, 2.0, 3.0], [[0.5], [0.5], [2.5], [2.5]])
    assert found.skill_score == pytest.approx(1 - 0.25 / 1.25)
    assert found.loss_to_learn == pytest.approx(1.25)
    assert found.agreement == pytest.approx(np.corrcoef([0, 1, 2, 3], [0.5, 0.5, 2.5, 2.5])[0, 1])
    assert found.chance == 0
    assert found.spread == pytest.approx(1 / np.sqrt(1.25))


@pytest.mark.parametrize("logits", [False, True])
def test_two_classes(logits):
    p = np.array([0.1, 0.2, 0.4, 0.9])
    predictions = np.log(p / (1 - p)) if logits else p
    loss = keras.losses.BinaryCrossentropy(from_logits=logits)
    activation = "linear" if logits else "sigmoid"
    found = scored(model(loss, 1, activation), [0, 0, 1, 0], predictions[:, None])
    reached = -np.mean(np.log([0.9, 0.8, 0.4, 0.1]))
    assert found.skill_score == pytest.approx(1 - reached / entropy(0.25, 0.75), abs=1e-4)
    assert (found.agreement, found.chance) == (0.5, 0.75)
    assert found.kappa == pytest.approx(-1)


@pytest.mark.parametrize("logits", [False, True])
def test_several_classes(logits):
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    found = scored(
        model(loss, 3, "linear" if logits else "softmax"),
        [0, 0, 1, 2],
        np.log(p) if logits else p,
    )
    reached = -np.mean(np.log([0.6, 0.2, 0.25, 0.8]))
    assert found.skill_score == pytest.approx(1 - reached / entropy(0.5, 0.25, 0.25), abs=1e-4)
    assert (found.agreement, found.chance) == (0.5, 0.5)
    onehot = scored(
        model(keras.losses.CategoricalCrossentropy(from_logits=logits), 3),
        np.eye(3)[[0, 0, 1, 2]],
        np.log(p) if logits else p,
    )
    assert onehot.skill_score == pytest.approx(found.skill_score, abs=1e-5)


def test_counts():
    """The least loss of Poisson's is not 0."""
    y = np.array([0.0, 1.0, 2.0, 5.0])
    found = scored(model("poisson", 1, "exponential"), y, y[:, None])
    assert found.skill_score == pytest.approx(1, abs=1e-6)
    constant = scored(model("poisson", 1, "exponential"), y, np.full((4, 1), 2.0))
    assert constant.skill_score == pytest.approx(0, abs=1e-6)
    # Deviance: the mean of y log(y / 2), where the rest cancels.
    assert constant.loss_to_learn == pytest.approx(
        (np.log(0.5) + 2 * np.log(1) + 5 * np.log(2.5)) / 4, abs=1e-5
    )


@pytest.mark.parametrize("logits", [False, True])
def test_smoothed_labels_can_be_learned(logits):
    """The least loss is the entropy of a smoothed target, and that of predicting it."""
    loss = keras.losses.CategoricalCrossentropy(from_logits=logits, label_smoothing=0.3)
    built = model(loss, 3, "linear" if logits else "softmax")
    labels = np.eye(3)[[0, 0, 1, 2]]
    least, constant = entropy(0.8, 0.1, 0.1), np.tile([0.45, 0.275, 0.275], (4, 1))
    for p, skill in ((0.7 * labels + 0.1, 1), (constant, 0)):
        found = scored(built, labels, np.log(p) if logits else p)
        assert found.skill_score == pytest.approx(skill, abs=1e-5)
        assert found.least_loss == pytest.approx(least, abs=1e-5)
        assert found.loss_to_learn == pytest.approx(entropy(0.45, 0.275, 0.275) - least, abs=1e-5)


@pytest.mark.parametrize("logits", [False, True])
def test_smoothed_labels_of_two_classes(logits):
    loss = keras.losses.BinaryCrossentropy(from_logits=logits, label_smoothing=0.2)
    p = np.array([[0.1], [0.1], [0.1], [0.9]])
    found = scored(
        model(loss, 1, "linear" if logits else "sigmoid"),
        [0, 0, 0, 1],
        np.log(p / (1 - p)) if logits else p,
    )
    assert found.skill_score == pytest.approx(1, abs=1e-5)
    assert found.least_loss == pytest.approx(entropy(0.1, 0.9), abs=1e-5)
    assert found.loss_to_learn == pytest.approx(entropy(0.3, 0.7) - entropy(0.1, 0.9), abs=1e-5)


@pytest.mark.parametrize("loss", ["binary_crossentropy", keras.losses.BinaryCrossentropy()])
def test_each_row_counts_by_its_weight(loss):
    """Three rows of weight 1 in one class, one of weight 3 in the other: a constant says 1/2."""
    p, weights = np.array([0.4, 0.4, 0.1, 0.8]), np.array([1.0, 1.0, 1.0, 3.0])
    found = scored(model(loss, 1, "sigmoid"), [0, 0, 0, 1], p[:, None], weights)
    reached = -(weights * np.log([0.6, 0.6, 0.9, 0.8])).sum() / 4
    at_chance = 6 * np.log(2) / 4
    assert found.loss_to_learn == pytest.approx(at_chance, abs=1e-5)
    assert found.skill_score == pytest.approx(1 - reached / at_chance, abs=1e-5)
    assert found.loss == pytest.approx(reached, abs=1e-5)
    # A row is right or wrong, whatever it weighs.
    assert (found.agreement, found.chance) == (1.0, 0.75)


@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight"])
def test_weights_count_as_the_loss_counts_them(reduction):
    loss = keras.losses.MeanSquaredError(reduction=reduction)
    weights = np.array([1.0, 3.0, 0.0, 0.0])
    found = scored(model(loss), [0.0, 2.0, 9.0, 9.0], [[1.0], [2.0], [0.0], [0.0]], weights)
    # The best constant is 1.5: 1 * 2.25 + 3 * 0.25.
    scale = 1 if reduction == "sum" else 4
    assert found.loss_to_learn == pytest.approx(3 / scale)
    assert found.loss == pytest.approx(1 / scale)


def test_the_mean_of_targets_is_in_the_loss_of_zero():
    found = scored(model("mse"), [9.0, 11.0, 9.0, 11.0], X)
    assert (found.loss_to_learn, found.zero_loss) == pytest.approx((1, 101))
    p = np.full((4, 1), 0.5)
    found = scored(model("binary_crossentropy", 1, "sigmoid"), [0, 0, 0, 1], p)
    assert found.zero_loss == pytest.approx(np.log(2), abs=1e-5)


def test_rows_without_weight_do_not_count():
    weights = np.array([2.0, 2.0, 0.0, 0.0])
    found = scored(model("mse"), [0.0, 2.0, 9.0, -9.0], [[0.0], [2.0], [0.0], [0.0]], weights)
    assert found.rows == 2
    assert found.skill_score == pytest.approx(1)
    # As `fit` reports it: the mean weight is 1.
    assert found.loss_to_learn == pytest.approx(1)


def test_predictions_at_the_wrong_end():
    predictions = [[0.999], [0.001], [0.999], [0.98]]
    assert scored(model("mse", 1, "sigmoid"), [0, 1, 1, 0], predictions).wrong_end == 0.5
    assert scored(model("mse", 1, "linear"), [0, 1, 1, 0], predictions).wrong_end == 0


def test_threshold_units_predict_classes():
    built = keras.Sequential([keras.Input((1,)), layers.Perceptron(1)])
    built.compile(loss="mae")
    found = scored(built, [0, 1, 1, 1], [[0.0], [1.0], [1.0], [0.0]])
    assert (found.agreement, found.chance) == (0.75, 0.75)


def test_chance_has_a_standard_error():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    built = model("binary_crossentropy", 1, "sigmoid")
    x = np.zeros((400, 1))
    for fraction, is_chance in ((0.5, True), (0.56, True), (0.6, False)):
        # 256 rows are sampled: chance reaches 0.5 + 2.33 * 0.5 / 16 = 0.573.
        right = np.arange(256) < fraction * 256
        sample = evenly_spaced(x, y)
        wanted = sample.y.numpy()
        predictions = np.where(right, wanted, 1 - wanted)[:, None]
        assert score(built, sample, predictions * 0.5 + 0.25).is_chance == is_chance, fraction
    noise = rng.normal(size=(4, 1))
    assert scored(model("mse"), [1.0, 2.0, 3.0, 4.0], noise).is_chance


def test_predictions_without_a_score():
    assert scored(model("mse"), [1.0, 1.0, 1.0, 1.0], X) is None
    assert scored(model("mse"), [1.0, 2.0, 1.0, 1.0], X, np.zeros(4)) is None
    assert scored(model(lambda y, p: p), [1.0, 2.0, 1.0, 1.0], X) is None
    assert score(model("mse"), evenly_spaced(X, None), X) is None
