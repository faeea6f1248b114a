"""`fit_many`: each model ends as `fit` alone leaves it, in one program or one after the other."""

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn.callbacks import EarlyStopping
from kerasnn.training.many.batch_plan import BatchPlan
from kerasnn.training.many.stackable import architecture, why_alone
from kerasnn.training.programs.stacked import program as stacked_program
from tests.helpers.engine_cases import fit_by_keras
from tests.helpers.seeds import set_seeds

L, K, optimizers = keras.layers, kerasnn.layers, keras.optimizers
_random = np.random.RandomState(0)
X = _random.randn(90, 6).astype("float32")
Y = (X[:, :3] + 0.3 * _random.randn(90, 3)).argmax(1)
# Numbers of rows with other remainders, other numbers of steps, and repeated rows.
ROWS = [np.arange(75), np.r_[20:90, 20:30], np.arange(30)]
SEEDS = [1, 2, 3]
WEIGHTS = {0: 1.0, 1: 2.0, 2: 0.5}


def network(seed, optimizer, body=list, penalty=None):
    set_seeds(seed)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(7, "relu", kernel_regularizer=penalty),
            *body(),
            L.Dense(3, "softmax", kernel_regularizer=penalty),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def cores(request, monkeypatch):
    """Members in one part, and in two of which the last may lack some."""
    monkeypatch.setattr(stacked_program, "cores_of", lambda *_: request.param)


def sgd(i):
    return network(i, optimizers.SGD(0.1 * (i + 1)))


def momentum(i):
    penalty = keras.regularizers.L1L2(1e-3 * i, 1e-2 * i)
    return network(i, optimizers.SGD(0.02, momentum=(0.5, 0.9, 0.8)[i]), penalty=penalty)


def adam(i):
    def body():
        return [L.BatchNormalization(), K.Dropout((0.1, 0.3, 0.5)[i])]

    return network(i, optimizers.Adam(0.01 * (i + 1), beta_1=(0.9, 0.8, 0.9)[i]), body)


def rates(i):
    """What differs leaves the members divisible."""

    def body():
        return [L.BatchNormalization(), K.Dropout((0.1, 0.3, 0.5)[i])]

    penalty = keras.regularizers.L1(1e-3 * i)
    return network(i, optimizers.Adam(0.01 * (i + 1)), body, penalty)


def rmsprop(i):
    def body():
        return [L.LayerNormalization(), L.Dropout(0.3), L.EinsumDense("bi,io->bo", 5)]

    return network(i, optimizers.RMSprop(0.01, clipvalue=0.1), body)


def adamw(i):
    def body():
        return [L.ActivityRegularization(1e-2), K.AlphaDropout((0.1, 0.2, 0.1)[i])]

    return network(i, optimizers.AdamW(0.01, weight_decay=0.1 * i), body)


def schedule(i):
    rate = optimizers.schedules.CosineDecay(0.001, 10, warmup_target=0.02, warmup_steps=4)
    return network(i, optimizers.Adam(rate), lambda: [K.Standardize()])


def tabular(i):
    """Its schedule is as long as the training of each member, which differ in their rows."""
    rate = kerasnn.schedules.CosineLog(0.02 * (i + 1))
    return kerasnn.models.tabular(
        6, 3, task="multiclass", hidden=(5,), learning_rate=rate, weight_decay=0.1 * i, seed=i
    )


def assert_equal_states(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def assert_equal_histories(one, other):
    assert one.history.keys() == other.history.keys()
    for name, values in one.history.items():
        np.testing.assert_allclose(values, other.history[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "cores", "validated"),
    [
        (momentum, 1, False),
        (adam, 2, True),
        (rates, 2, False),
        (rmsprop, 2, False),
        (adamw, 1, False),
        (schedule, 2, False),
        (tabular, 1, True),
    ],
    indirect=["cores"],
)
@pytest.mark.usefixtures("cores")
def test_each_member_ends_as_fit_alone_leaves_it(make, validated):
    models = [make(i) for i in range(3)]
    options = {"epochs": 4, "class_weight": WEIGHTS, "verbose": 0}
    held = [np.arange(50)] * 3 if validated else None
    histories = kerasnn.fit_many(
        models, X, Y, rows=ROWS, validation_rows=held, seeds=SEEDS, **options
    )
    assert {history.engine for history in histories} == {"stacked"}
    alone = make(1)
    history = kerasnn.fit(
        alone,
        X[ROWS[1]],
        Y[ROWS[1]],
        seed=SEEDS[1],
        validation_data=(X[:50], Y[:50]) if validated else None,
        engine="graph",
        **options,
    )
    assert_equal_states(models[1], alone)
    assert_equal_histories(histories[1], history)


@pytest.mark.parametrize("body", [list, lambda: [K.Dropout(0.3)]])
def test_validation_may_have_the_trace_that_trains(body):
    """It has where no layer does something else in training, and changes nothing."""
    models, alone = [[network(i, optimizers.Adam(0.01), body) for i in range(2)] for _ in range(2)]
    rows = [np.arange(70), np.arange(20, 90)]
    held = [np.arange(70, 90), np.arange(20)]
    options = {"epochs": 4, "verbose": 0}
    histories = kerasnn.fit_many(
        models, X, Y, rows=rows, validation_rows=held, seeds=[1, 2], **options
    )
    data = (X[held[1]], Y[held[1]])
    history = kerasnn.fit(
        alone[1], X[rows[1]], Y[rows[1]], seed=2, validation_data=data, engine="graph", **options
    )
    assert_equal_states(models[1], alone[1])
    assert_equal_histories(histories[1], history)


def test_members_equal_keras():
    weights = np.linspace(0.5, 2, len(X))
    models, alone = [sgd(i) for i in range(2)], sgd(1)
    options = {"epochs": 3, "shuffle": False, "verbose": 0}
    kerasnn.fit_many(models, X, Y, sample_weight=weights, **options)
    fit_by_keras(alone, X, Y, sample_weight=weights, **options)
    assert_equal_states(models[1], alone)


def test_columns_of_indices_may_be_embedded():
    def embedded(i):
        set_seeds(i)
        layers = [keras.Input((6,)), K.EmbedColumns({3: 5}), L.Dense(3, "softmax")]
        model = keras.Sequential(layers)
        metrics = [keras.metrics.SparseCategoricalCrossentropy()]
        optimizer = optimizers.SGD(0.1, momentum=0.9)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=metrics)
        return model

    x = X.copy()
    x[:, 3] = np.arange(len(x)) % 5
    models, alone = [embedded(i) for i in range(2)], embedded(1)
    histories = kerasnn.fit_many(models, x, Y, epochs=2, seeds=[1, 2], verbose=0)
    history = kerasnn.fit(alone, x, Y, epochs=2, seed=2, verbose=0)
    assert histories[1].engine == "stacked"
    assert_equal_states(models[1], alone)
    # Keras numbers the names of metrics.
    assert list(histories[1].history) == sorted(models[1].get_metrics_result())
    ours, theirs = (sorted(h.history.values()) for h in (histories[1], history))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_inputs_and_outputs_may_be_structures():
    def two_ends(i):
        set_seeds(i)
        a, b = keras.Input((2,), name="a"), keras.Input((4,), name="b")
        both = L.Concatenate()([L.Dense(3)(a), b])
        model = keras.Model({"a": a, "b": b}, [L.Dense(1)(both), L.Dense(2)(both)])
        model.compile(optimizers.Adam(0.01), ["mse", "mae"], loss_weights=[1.0, 0.5])
        return model

    models, alone = [two_ends(i) for i in range(2)], two_ends(1)
    x, y = {"a": X[:, :2], "b": X[:, 2:]}, [X[:, :1], X[:, 1:3]]
    histories = kerasnn.fit_many(models, x, y, epochs=2, seeds=[4, 5], verbose=0)
    history = kerasnn.fit(alone, x, y, epochs=2, seed=5, verbose=0, engine="graph")
    assert_equal_states(models[1], alone)
    ours, theirs = (list(h.history.values()) for h in (histories[1], history))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert list(histories[1].history) == sorted(models[1].get_metrics_result())


@pytest.mark.parametrize("cores", [2], indirect=True)
@pytest.mark.usefixtures("cores")
def test_early_stopping_ends_one_member():
    def stops(patience):
        return EarlyStopping("val_accuracy", patience=patience)

    models, patience = [sgd(i) for i in range(3)], (1, 50, 3)
    callbacks = [[stops(n)] for n in patience]
    data = (X[:40], Y[:40])
    histories = kerasnn.fit_many(
        models, X, Y, epochs=15, seeds=SEEDS, callbacks=callbacks, validation_data=data, verbose=0
    )
    assert len(histories[0].epoch) < len(histories[1].epoch) == 15
    alone = sgd(0)
    kerasnn.fit(
        alone, X, Y, epochs=15, seed=1, callbacks=[stops(1)], validation_data=data, verbose=0
    )
    assert_equal_states(models[0], alone)
    assert callbacks[0][0].stopped_epoch_ == len(histories[0].epoch) - 1


def test_keras_own_early_stopping_reads_weights_from_its_model():
    def stops():
        return keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)

    models, alone = [sgd(i) for i in range(2)], sgd(1)
    options = {"epochs": 8, "validation_data": (X[:40], Y[::-1][:40]), "verbose": 0}
    callbacks = [[EarlyStopping(patience=2)], [stops()]]
    kerasnn.fit_many(models, X, Y, seeds=[1, 2], callbacks=callbacks, **options)
    kerasnn.fit(alone, X, Y, seed=2, callbacks=[stops()], engine="graph", **options)
    assert_equal_states(models[1], alone)


def test_embedded_columns_and_other_first_frequencies():
    def embedded(i):
        set_seeds(i)
        body = [
            K.EmbedColumns({0: 4}, dense_gradient=True),
            K.PeriodicEmbedding(sigma=0.1 * (i + 1)),
            L.Dense(3, "softmax"),
        ]
        model = keras.Sequential([keras.Input((7,)), *body])
        model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        return model

    x = np.concatenate([_random.randint(0, 4, (90, 1)), X], axis=1)
    models, alone = [embedded(i) for i in range(2)], embedded(1)
    histories = kerasnn.fit_many(models, x, Y, epochs=3, seeds=[1, 2], verbose=0)
    kerasnn.fit(alone, x, Y, epochs=3, seed=2, verbose=0, engine="graph")
    assert {history.engine for history in histories} == {"stacked"}
    assert_equal_states(models[1], alone)


@pytest.mark.parametrize("cores", [1], indirect=True)
@pytest.mark.usefixtures("cores")
def test_callbacks_set_the_learning_rate_of_one_member():
    def halved(epoch, rate):
        return rate / 2

    models, alone = [sgd(i) for i in range(2)], sgd(1)
    callbacks = [None, [keras.callbacks.LearningRateScheduler(halved)]]
    histories = kerasnn.fit_many(
        models, X, Y, epochs=3, seeds=[1, 2], callbacks=callbacks, verbose=0
    )
    kerasnn.fit(alone, X, Y, epochs=3, seed=2, callbacks=callbacks[1], verbose=0)
    assert_equal_states(models[1], alone)
    np.testing.assert_allclose(histories[1].history["learning_rate"], [0.1, 0.05, 0.025])


@pytest.mark.parametrize("cores", [2], indirect=True)
@pytest.mark.usefixtures("cores")
def test_a_member_that_diverges_harms_no_other():
    models, alone = [sgd(i) for i in range(3)], sgd(2)
    models[1].optimizer.learning_rate = 1e30
    before = models[1].get_weights()
    with pytest.warns(RuntimeWarning, match=r"models\[1\]"):
        histories = kerasnn.fit_many(models, X, Y, epochs=3, seeds=SEEDS, verbose=0)
    assert isinstance(histories[1].error, FloatingPointError)
    assert histories[0].error is histories[2].error is None
    assert histories[1].epoch == []
    for a, b in zip(models[1].get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    kerasnn.fit(alone, X, Y, epochs=3, seed=3, verbose=0)
    assert_equal_states(models[2], alone)


def test_state_of_an_optimizer_is_continued_and_kept():
    models, alone = [adam(i) for i in range(2)], adam(1)
    for model in models:
        model.optimizer.build(model.trainable_variables)
    for _ in range(2):
        kerasnn.fit_many(models, X, Y, epochs=2, seeds=[1, 2], verbose=0)
        kerasnn.fit(alone, X, Y, epochs=2, seed=2, verbose=0, engine="graph")
    assert_equal_states(models[1], alone)
    assert models[1].optimizer.iterations.numpy() == 12


def test_what_cannot_be_stacked_trains_alone_and_says_why():
    models = [sgd(0), network(1, optimizers.Nadam()), sgd(2)]
    histories = kerasnn.fit_many(models, X, Y, rows=ROWS, epochs=2, seeds=SEEDS, verbose=0)
    assert [history.engine for history in histories] == ["stacked", "graph", "stacked"]
    assert "`Nadam`" in histories[1].reason
    alone = network(1, optimizers.Nadam())
    kerasnn.fit(alone, X[ROWS[1]], Y[ROWS[1]], epochs=2, seed=2, verbose=0)
    assert_equal_states(models[1], alone)


def test_embeddings_stack_under_sgd():
    assert why_alone(small(L.Embedding(9, 2), optimizer="sgd"), ()) is None


def small(layer=None, shape=(6,), optimizer="adam", loss="mse"):
    middle = [] if layer is None else [layer]
    model = keras.Sequential([keras.Input(shape), *middle, L.Flatten(), L.Dense(1)])
    model.compile(optimizer, loss)
    return model


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (lambda: small(L.Conv1D(2, 3), (6, 1)), "convolution"),
        (lambda: small(L.UpSampling1D(), (6, 1)), "`UpSampling1D`"),
        (lambda: small(L.Dense(3, kernel_constraint="non_neg")), "constraint"),
        (lambda: small(L.Dense(10000)), "weights"),
        (lambda: small(optimizer=optimizers.Adam(clipnorm=1.0)), "clipnorm"),
        (lambda: small(optimizer=optimizers.Adam(use_ema=True)), "use_ema"),
        (lambda: small(L.Dense(3, dtype="bfloat16")), "float32"),
        (lambda: small(L.Embedding(9, 2)), "gradient of `embedding"),
        (lambda: small(K.EmbedColumns({0: 9})), "gradient of `embed_columns"),
    ],
)
def test_reasons_to_train_alone(model, reason):
    assert reason in (why_alone(model(), ()) or "")


def test_a_callback_that_needs_its_model_trains_alone():
    assert "CSVLogger" in (why_alone(small(), [keras.callbacks.CSVLogger("x.csv")]) or "")


def test_what_is_the_users_has_no_architecture():
    def own(*values):
        return keras.ops.square(values[0])

    @keras.saving.register_keras_serializable("tests")
    class OwnLoss(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.square(y_pred)

    assert architecture(small()) is not None
    layers = [L.Dense(3, own), L.Dense(3, kernel_regularizer=own)]
    for model in (small(loss=own), small(loss=OwnLoss()), *map(small, layers)):
        assert architecture(model) is None


@pytest.mark.parametrize(
    "other",
    [
        lambda: small(L.Dense(4, "tanh")),
        lambda: small(L.Dense(4), optimizer="sgd"),
        lambda: small(L.Dense(4), optimizer=optimizers.Adam(amsgrad=True)),
        lambda: small(L.Dense(4), loss="mae"),
        lambda: small(L.Dense(4, use_bias=False)),
        lambda: small(L.Dense(4, kernel_regularizer=keras.regularizers.OrthogonalRegularizer())),
    ],
)
def test_other_architectures(other):
    assert architecture(other()) != architecture(small(L.Dense(4)))


def test_one_architecture():
    others = [
        small(L.Dense(4, kernel_regularizer="l2", kernel_initializer="zeros", name="other")),
        small(L.Dense(4), optimizer=optimizers.Adam(1.0, beta_1=0.5, weight_decay=0.1)),
    ]
    assert {architecture(other) for other in others} == {architecture(small(L.Dense(4)))}


def test_batches_of_members_with_other_numbers_of_rows():
    plan = BatchPlan([np.arange(5), np.arange(10, 12), np.arange(20, 27)], 3)
    batches = [
        (batch[step][active].tolist(), np.flatnonzero(active).tolist())
        for batch, active in plan.epoch(0)
        for step in range(len(batch))
    ]
    assert batches == [
        ([[0, 1, 2], [20, 21, 22]], [0, 2]),
        ([[23, 24, 25]], [2]),
        ([[26]], [2]),
        ([[10, 11]], [1]),
        ([[3, 4]], [0]),
    ]


def test_progress_shows_the_means(capsys):
    histories = kerasnn.fit_many([sgd(0), sgd(1)], X, Y, epochs=1, seeds=[1, 2], verbose=2)
    mean = np.mean([history.history["loss"][0] for history in histories])
    shown = capsys.readouterr().out
    assert "Epoch 1/1" in shown
    assert f"loss: {mean:.4f}" in shown


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("x", {"x": np.where(X > 2, np.nan, X)}),
        ("y", {"y": Y + 1}),
        ("rows[1]", {"rows": [[0, 1], [0, 90]]}),
        ("rows[0]", {"rows": [[0.5], [1]]}),
        ("validation_rows", {"validation_rows": [[0]]}),
        ("callbacks", {"callbacks": [EarlyStopping("loss"), EarlyStopping("loss")]}),
        ("monitor", {"callbacks": [[EarlyStopping()], None]}),
        ("seeds", {"seeds": [1]}),
        ("seeds[1]", {"seeds": [1, -1]}),
        ("batch_size", {"batch_size": 0}),
    ],
)
def test_refuses(argument, arguments, refuses):
    models = [sgd(0), sgd(1)]
    with refuses(models[0], argument=argument):
        kerasnn.fit_many(models, **{"x": X, "y": Y, "verbose": 0, **arguments})


def test_refuses_models(invalid):
    model = sgd(0)
    for models in ([], [model, model], model):
        with invalid("models"):
            kerasnn.fit_many(models, X, Y)
