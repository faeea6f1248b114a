"""Answers to questions about a network."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

import kerasnn
from kerasnn.playground.session.answers import quality
from kerasnn.playground.session.words import in_words
from kerasnn.training.learning_rate_sweep import RateSweep
from tests.playground.page import page
from tests.playground.test_pictures import bytes_of, plane
from tests.playground.test_training import assert_same, ran


@pytest.fixture(scope="module")
def trained():
    """A page whose network has trained for some epochs."""
    network = {"dataset": "clusters", "hidden": "4", "dropout": 0.1, "noise": 20}
    with page(**network) as opened:
        opened.train(8)
        yield opened


@pytest.fixture(scope="module")
def script(trained):
    """The names that its code leaves."""
    return ran(trained.ask("code")["code"])


def with_uncertainty(opened, after):
    """Waits for a frame with an uncertainty, and returns it."""
    return opened.wait(lambda: [f for f in opened.frames[after:] if "uncertainty" in f[1]])[-1]


def test_confusion(trained, script):
    answer = trained.ask("confusion")
    split, model = script["split"], script["model"]
    predicted = model(split.x_test).numpy().argmax(axis=1)
    assert answer["test"] == confusion_matrix(split.y_test, predicted).tolist()
    assert answer["test_accuracy"] == pytest.approx((predicted == split.y_test).mean())
    assert answer["classes"] == ["0", "1", "2"]
    assert np.sum(answer["train"]) == 250


def test_doctor(trained, script):
    answer = trained.ask("doctor")
    split = script["split"]
    found = kerasnn.doctor.diagnose(
        script["model"],
        split.x_train,
        split.y_train,
        validation_data=(split.x_test, split.y_test),
    )
    assert [each["text"] for each in answer["findings"]] == [
        in_words(str(each)) for each in found.findings
    ]


def test_learning_rates():
    with page(dataset="gaussian", hidden="2") as opened:
        opened.train(1)
        answer = opened.ask("lr_find")
        assert opened.ask("lr_find")["losses"] == answer["losses"]
        # Training goes on as if nothing had been asked.
        assert_same(opened, opened.train(1))
    assert 1e-4 <= answer["suggestion"] <= 10
    assert len(answer["losses"]) == len(answer["learning_rates"]) == len(answer["smoothed"])


def test_no_rate_is_suggested_where_the_loss_does_not_fall():
    rates = np.geomspace(1e-4, 10, 50).astype("float32")
    hardly = 1 - 0.001 * np.exp(-((np.arange(50) - 40) ** 2) / 9)
    for losses in (1 + rates, 1 + np.abs(np.arange(50) - 2.0), hardly):
        suggestion, warning = quality._suggested(RateSweep(rates, losses, losses, "minimum"))
        assert suggestion is None
        assert "hardly falls" in warning


def test_dropout_as_uncertainty(trained, script):
    after = len(trained.frames)
    answer = trained.ask("mc_dropout", samples=20)
    assert answer["samples"] == 20
    header, arrays = with_uncertainty(trained, after)
    mean, deviation = kerasnn.layers.predict_mc(script["model"], plane(), 20, seed=0)
    expected = np.take_along_axis(deviation, mean.argmax(axis=1)[:, None], axis=1)[:, 0]
    [entry] = [each for each in header["arrays"] if each["name"] == "uncertainty"]
    drawn = bytes_of(expected, entry["low"], entry["high"]).reshape(100, 100)
    assert entry["high"] == pytest.approx(expected.max(), rel=1e-5)
    assert np.abs(arrays["uncertainty"].astype(int) - drawn).max() <= 1
    after = len(trained.frames)
    trained.send("watch", uncertainty="none")
    assert "uncertainty" not in trained.frame(after=after)[1]


def test_ensemble_as_uncertainty(trained):
    after = len(trained.frames)
    answer = trained.ask("ensemble", members=3, epochs=2)
    assert (answer["members"], answer["epochs"]) == (3, 2)
    assert with_uncertainty(trained, after)[1]["uncertainty"].max() == 255


def test_folds(trained):
    answer = trained.ask("k_fold", folds=3, epochs=4)
    assert answer["metric"] == "accuracy"
    assert len(answer["scores"]) == 3
    assert answer["mean"] == pytest.approx(np.mean(answer["scores"]))
    assert 0 <= answer["standard_error"] < 0.5


@pytest.mark.parametrize(
    "directions",
    ["principal", *(pytest.param(name, marks=pytest.mark.slow) for name in ("random", "start"))],
)
def test_the_loss_around_the_weights(trained, script, directions):
    answer = trained.ask("loss_surface", directions=directions)
    values, (low, high), path = np.array(answer["values"]), answer["a"], np.array(answer["path"])
    assert values.shape == (25, 25)
    # The way ends where the network is.
    np.testing.assert_allclose(path[-1], 0, atol=1e-6)
    split, model = script["split"], script["model"]
    loss = model.evaluate(split.x_train, split.y_train, verbose=0, return_dict=True)["loss"]
    at_a = np.abs(np.linspace(low, high, 25)).argmin()
    at_b = np.abs(np.linspace(answer["b"][1], answer["b"][0], 25)).argmin()
    assert values[at_b, at_a] == pytest.approx(loss, rel=0.5)
    assert values.max() > loss
    if directions == "start":
        assert path[0][0] < 0
        assert path[0][1] == pytest.approx(0, abs=1e-5)
    assert [m for m in trained.messages if m["type"] == "progress"][-1]["of"] == 25


def test_the_loss_over_two_chosen_weights(trained, script):
    places = [{"layer": 1, "unit": 2, "input": 1}, {"layer": 2, "unit": 0, "input": None}]
    answer = trained.ask("loss_surface", directions="weights", weights=places)
    split, model = script["split"], script["model"]
    kernel, bias = model.get_layer("hidden_1").kernel, model.get_layer("output").bias
    own = [kernel.numpy()[1, 2], bias.numpy()[0]]
    np.testing.assert_allclose(answer["path"][-1], own, rtol=1e-6)
    # At a corner both weights have the values at the ends of the axes.
    before = [layer.numpy() for layer in (kernel, bias)]
    changed = [values.copy() for values in before]
    changed[0][1, 2], changed[1][0] = answer["a"][0], answer["b"][1]
    rows = np.linspace(0, len(split.x_train) - 1, min(len(split.x_train), 300)).astype(int)
    for variable, values in zip((kernel, bias), changed, strict=True):
        variable.assign(values)
    loss = model.evaluate(split.x_train[rows], split.y_train[rows], verbose=0, return_dict=True)
    for variable, values in zip((kernel, bias), before, strict=True):
        variable.assign(values)
    assert answer["values"][0][0] == pytest.approx(loss["loss"], rel=1e-4)
    for wrong in (None, places[:1], [places[0], places[0]], [1, 2]):
        assert trained.ask("loss_surface", directions="weights", weights=wrong)["argument"] == (
            "weights"
        )
    wrong = [places[0], {"layer": 9, "unit": 0}]
    assert trained.ask("loss_surface", directions="weights", weights=wrong)["argument"] == "layer"


@pytest.mark.slow
def test_random_directions_follow_their_seed(trained):
    values = [
        trained.ask("loss_surface", directions="random", seed=seed)["values"] for seed in (3, 3, 4)
    ]
    assert values[0] == values[1] != values[2]


def test_a_table_is_standardised_anew_for_each_network(tmp_path):
    from kerasnn.playground.points.tables import read_table

    rng = np.random.default_rng(0)
    x = rng.normal(500, 100, (60, 2))
    lines = [f"{a:.2f},{b:.2f},{'yes' if a > b else 'no'}" for a, b in x]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,larger", *lines]))
    table = read_table(tmp_path / "t.csv", "t.csv")
    given = {"dataset": "table", "table": table.identifier, "target": "larger", "hidden": "3"}
    with page({table.identifier: table}, **given, optimizer="adam", learning_rate=0.1) as opened:
        answer = opened.ask("k_fold", folds=2, epochs=60)
        assert answer["mean"] > 0.8


def test_what_has_no_answer(trained):
    for what, options, argument in (
        ("lr_finds", {}, "what"),
        ("k_fold", {"folds": 1}, "folds"),
        ("ensemble", {"epochs": True}, "epochs"),
        ("loss_surface", {"directions": "all"}, "directions"),
    ):
        answer = trained.ask(what, **options)
        assert (answer["type"], answer["argument"]) == ("error", argument)
    with page(dataset="plane") as opened:
        assert opened.ask("confusion")["text"].startswith("Problem must be classification")
        assert opened.ask("mc_dropout")["text"].startswith("Dropout must be above 0")
        assert opened.ask("loss_surface", directions="principal")["argument"] == "directions"
