"""`models.text`: from raw strings to a served model."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import layers, models, selection, serving
from kerasnn.models.text import plain_words

LISTS = {
    0: ["bad", "awful", "poor", "dull", "sad", "weak"],
    1: ["good", "great", "lovely", "fine", "nice", "superb"],
}
OTHERS = ["the", "film", "was", "a", "and", "story", "of", "in", "plot", "actor", "very"]


def sentences(rows=240):
    """Sentences that are good or bad by two of their words."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, rows)
    texts = []
    for label in y:
        words = [*rng.choice(OTHERS, rng.integers(3, 12)), *rng.choice(LISTS[label], 2)]
        texts.append(" ".join(rng.permutation(words)).capitalize() + "!")
    return texts, y


TEXTS, Y = sentences()


@pytest.fixture(scope="module")
def trained():
    model = models.text(TEXTS[:180], task="binary", embedding=8, learning_rate=0.05, seed=0)
    model.fit(TEXTS[:180], Y[:180], epochs=8, verbose=0)
    return model


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Good,bad  FILM!", ["good", "bad", "film"]),
        ("Über—naïve: Ärger 5€", ["über", "naïve", "ärger", "5"]),
        ("Don't", ["dont"]),
        ("?!", []),
    ],
)
def test_words_of_a_text(text, wanted):
    assert plain_words([text]).numpy()[0].decode().split() == wanted


def test_it_learns_and_predicts_new_texts(trained):
    assert trained.evaluate(TEXTS[180:], Y[180:], verbose=0)[1] > 0.9
    known = trained.predict(["A LOVELY, superb film", "dull"], verbose=0)[:, 0]
    assert known[0] > 0.5 > known[1]


def test_the_mean_is_that_of_the_vectors(trained):
    """Padding by longer texts in the batch, and an empty text, change nothing."""
    vectors = trained.get_layer("embedding").embeddings.numpy()
    vocabulary = trained.get_layer("words").get_vocabulary()
    dense = trained.get_layer("output")
    known = [vocabulary.index(word) for word in ("good", "film")]
    mean = vectors[[*known, vocabulary.index("[UNK]")]].mean(axis=0)
    wanted = 1 / (1 + np.exp(-(np.stack([mean, 0 * mean]) @ dense.kernel + dense.bias)))
    found = trained.predict(["Good film, zebra", "", "a " * 30], verbose=0)
    np.testing.assert_allclose(found[:2], wanted, atol=1e-5)


@pytest.mark.slow
def test_a_saved_model_predicts_the_same_in_a_new_process(trained, tmp_path):
    trained.save(tmp_path / "text.keras")
    code = (
        "import json, keras, kerasnn; model = keras.saving.load_model('text.keras'); "
        f"print(json.dumps(model.predict({TEXTS[180:190]!r}, verbose=0).tolist()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    wanted = trained.predict(TEXTS[180:190], verbose=0)
    np.testing.assert_allclose(json.loads(ran.stdout.splitlines()[-1]), wanted, atol=1e-6)


def test_what_is_served_takes_strings(trained, tmp_path):
    report = serving.export(trained, tmp_path / "texts", labels=["bad", "good"])
    assert report.verification.largest_difference < 1e-5
    [(name, spec)] = report.signatures["serving_default"]["inputs"].items()
    assert (name, spec.dtype.name, spec.shape.as_list()) == ("features", "string", [None])
    found = serving.Predictor(tmp_path / "texts")(TEXTS[180:])
    wanted = trained.predict(TEXTS[180:], verbose=0)[:, 0]
    np.testing.assert_allclose(found["probabilities"][:, 1], wanted, atol=1e-5)
    assert serving.verify(tmp_path / "texts").largest_difference < 1e-5


def test_the_other_layers_can_be_trained_on_indices():
    """As the docstring says."""
    model = models.text(TEXTS, task="binary", embedding=4, seed=0)
    part = models.Sequential(model.layers[1:])
    part.compile(keras.optimizers.Adam(0.05), loss=model.loss, metrics=["accuracy"])
    part.fit(model.layers[0](TEXTS), Y, epochs=8, verbose=0)
    assert model.evaluate(TEXTS, Y, verbose=0)[1] > 0.9


def test_recurrent_networks():
    model = models.text(
        vocabulary=[*LISTS[0], *LISTS[1], *OTHERS],
        task="multiclass",
        outputs=3,
        embedding=4,
        units=(3, 2),
        cell="gru",
        bidirectional=True,
        hidden=(4,),
        dropout=0.1,
        l2=1e-3,
        seed=0,
    )
    model.fit(TEXTS, Y, epochs=1, verbose=0)
    alone = [model.predict([text], verbose=0)[0] for text in TEXTS[:3]]
    np.testing.assert_allclose(model.predict(TEXTS[:3], verbose=0), alone, atol=1e-6)


def test_the_vocabulary():
    model = models.text(["b b b", "a a", "c"], task="binary", max_tokens=2, maxlen=3)
    assert model.get_layer("words").get_vocabulary() == ["", "[UNK]", "b", "a"]
    assert model.get_layer("words").output.shape == (None, 3)
    again = models.text(vocabulary=model.get_layer("words").get_vocabulary(), task="binary")
    assert again.get_layer("words").get_vocabulary() == ["", "[UNK]", "b", "a"]
    model = models.text(["天気がいい"], task="binary", split="character")
    assert "気" in model.get_layer("words").get_vocabulary()


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("vocabulary", {}),
        ("vocabulary", {"texts": ["a"], "vocabulary": ["a"]}),
        ("vocabulary", {"vocabulary": ["Good"]}),
        ("vocabulary", {"vocabulary": ["two words"]}),
        ("vocabulary", {"vocabulary": ["a", "b", "a"]}),
        ("vocabulary", {"vocabulary": []}),
        ("texts", {"texts": "a good film"}),
        ("texts", {"texts": ["a", None]}),
        ("texts", {"texts": ["?"]}),
        ("max_tokens", {"texts": ["a"], "max_tokens": 0}),
        ("maxlen", {"texts": ["a"], "maxlen": 0}),
        ("split", {"texts": ["a"], "split": "word"}),
        ("embedding", {"texts": ["a"], "embedding": 0}),
        ("cell", {"texts": ["a"], "units": 4, "cell": "rnn"}),
        ("bidirectional", {"texts": ["a"], "bidirectional": True}),
        ("dropout", {"texts": ["a"], "dropout": 1.0}),
        ("seed", {"texts": ["a"], "seed": -1}),
    ],
)
def test_refused(invalid, argument, arguments):
    with invalid(argument):
        models.text(task="binary", **arguments)


def test_only_texts_are_trained_on(trained, refuses):
    with refuses(trained, argument="x"):
        trained.fit(np.array(["good", None], object), [1, 0], verbose=0)
    with refuses(trained, argument="x"):
        trained.fit([1.0, 2.0], [1, 0], verbose=0)


def reader(learning_rate=0.1):
    vocabulary = [*LISTS[0], *LISTS[1], *OTHERS]
    return models.text(
        vocabulary=vocabulary, task="binary", embedding=8, learning_rate=learning_rate
    )


def test_settings_of_networks_that_read_texts_are_compared_on_folds(tmp_path):
    texts, y = TEXTS[:120], Y[:120]
    seen = []

    def first_letters(estimator, x, y):
        seen.append({bytes(text[:1]) for text in x})
        return 0.0

    found = selection.tune(
        reader,
        {"learning_rate": [1e-5, 0.1]},
        texts,
        y,
        cv=2,
        epochs=8,
        metric="accuracy",
        scoring={"first": first_letters},
        journal=tmp_path / "search.jsonl",
    )
    assert found.best_params_ == {"learning_rate": 0.1}
    assert found.best_score_ > 0.8
    assert seen[0] <= {text[:1].encode() for text in texts}


def test_networks_of_an_ensemble_read_their_own_texts():
    ensemble = models.ensemble(reader, 2, bootstrap=True, seed=0)
    history = ensemble.fit(TEXTS, Y, epochs=4, validation_split=0.25, verbose=0)
    assert history.history["val_accuracy"][-1] > 0.8
    assert ensemble.predict_members(TEXTS[:3]).shape == (2, 3, 1)
    # As one network alone, on some of the rows.
    networks, rows = [reader(), reader()], [np.arange(64), np.arange(64, 128)]
    networks[1].set_weights(networks[0].get_weights())
    kerasnn.fit(networks[0], TEXTS[64:128], Y[64:128], seed=1, verbose=0)
    expected = networks[0].predict(TEXTS, verbose=0)
    kerasnn.fit_many(networks, TEXTS, Y, rows=rows, seeds=[0, 1], verbose=0)
    np.testing.assert_allclose(networks[1].predict(TEXTS, verbose=0), expected, atol=1e-6)


def test_masked_mean_against_keras():
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    mask = np.array([[True, True, False, False], [True] * 4, [False] * 4])
    found = layers.MaskedMean()(x, mask=mask)
    wanted = keras.layers.GlobalAveragePooling1D()(x[:2], mask=mask[:2])
    np.testing.assert_allclose(found[:2], wanted, rtol=1e-6)
    np.testing.assert_array_equal(found[2], 0)


def test_a_row_without_a_text_is_named(invalid):
    reader = models.text(["good", "bad"], task="binary")
    with invalid("x", None) as caught:
        reader.fit(["good", None], [1, 0], verbose=0)
    assert "None in row 1" in str(caught.value)
