"""What a resumed run has again: callbacks, History, generators, and where it stands."""

import collections
import contextlib

import keras
import pytest
import tensorflow as tf
from resume_runs import X, Y, digest, largest_file, small, train

import kerasnn
from kerasnn import callbacks
from kerasnn.callbacks import Resume
from kerasnn.training.loop import engine_choice


class Stop(keras.callbacks.Callback):
    """Raises, as Ctrl-C does, when an epoch begins; stands in every run, as a script does."""

    at = None

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == Stop.at:
            raise KeyboardInterrupt


class Counter(keras.callbacks.Callback):
    """Counts epochs in an object that is no plain data, and in a plain list."""

    def __init__(self):
        super().__init__()
        self.queue, self.seen = collections.deque(), [0]

    def on_epoch_end(self, epoch, logs=None):
        self.queue.append(epoch)
        self.seen[0] += 1


class Careful(kerasnn.callbacks.Callback):
    """Says itself what is to be kept."""

    def __init__(self):
        super().__init__()
        self.queue, self.seen = collections.deque(), [0]

    def on_epoch_end(self, epoch, logs=None):
        self.queue.append(epoch)
        self.seen[0] += 1

    def state(self):
        return {"queue": list(self.queue)}

    def restore(self, state):
        self.queue = collections.deque(state["queue"])


def run(path, *more, model=small, every=1, **arguments):
    """Does what a script does, and returns what it ends with."""
    keras.utils.set_random_seed(0)
    model, stopping = model(), keras.callbacks.EarlyStopping("loss", patience=9)
    resumes = [] if path is None else [Resume(path, every=every)]
    history = train(
        model,
        [stopping, *resumes, *more, Stop()],
        **{"epochs": 4, "validation_split": 0.0} | arguments,
    )
    return digest(model, [stopping], history), history, *resumes


@contextlib.contextmanager
def interruption(epoch):
    Stop.at = epoch
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        Stop.at = None


def interrupted(path, epoch, *more, **arguments):
    with interruption(epoch):
        run(path, *more, **arguments)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run"


@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_stopped_between_savings_and_gone_on_with_is_the_same(path, engine):
    plan = {"epochs": 6, "engine": engine, "shuffle": engine != "keras", "every": 4}
    unbroken, *_ = run(None, **plan)
    interrupted(path, 3, **plan)
    resumed, history, resume = run(path, **plan)
    assert resumed == unbroken
    # What was kept in memory was saved when the run was left.
    assert resume.resumed_epoch_ == 3
    assert history.epoch == list(range(6))


def test_an_ended_run_trains_no_more_and_goes_on_with_more_epochs(path):
    whole, *_ = run(None, epochs=5)
    short, _, resume = run(path, epochs=3)
    assert resume.resumed_epoch_ is None
    again, history, resume = run(path, epochs=3)
    assert again == short
    assert (resume.resumed_epoch_, history.engine) == (3, "graph")
    assert history.reason == "The saved run had ended; it was restored."
    longer, *_ = run(path, epochs=5)
    assert longer == whole


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_a_run_that_early_stopping_ended_stays_ended(path, engine):
    def go(epochs):
        stopping = keras.callbacks.EarlyStopping(
            "loss", patience=1, min_delta=10.0, restore_best_weights=True
        )
        found, history, _ = run(path, stopping, epochs=epochs, engine=engine, shuffle=False)
        return found, history.epoch

    first, epochs = go(9)
    assert epochs == [0, 1]
    assert go(9) == (first, epochs)
    assert go(20) == (first, epochs)


def test_a_run_that_had_ended_does_not_say_that_nothing_was_done(path):
    for _ in range(2):
        stopping = callbacks.EarlyStopping("loss", patience=9)
        run(path, stopping, callbacks.ReduceLROnPlateau("loss"), epochs=2)
        assert stopping.best_epoch_ == 1


def test_the_best_model_is_kept_by_the_run_that_goes_on_too(path, tmp_path):
    best = tmp_path / "best.keras"

    def watching():
        return callbacks.BestModel(best, "loss")

    interrupted(path, 2, watching())
    before = best.read_bytes()
    run(path, watching())
    assert best.read_bytes() != before
    assert [file.name for file in tmp_path.glob("*.keras")] == ["best.keras"]
    assert not list(tmp_path.glob(".*"))


def test_a_run_goes_on_with_the_engine_and_the_seed_that_it_began_with(path, monkeypatch):
    monkeypatch.setattr(engine_choice, "XLA_STEPS_IF_SMALL", 2000)
    plan = {"engine": "auto", "batch_size": 1, "epochs": 7}
    interrupted(path, 6, **plan)
    # Alone, the epoch that is left would not earn back XLA's compilation.
    _, history, _ = run(path, **plan)
    assert history.engine == "xla"
    assert history.reason == "The saved run began with it."


def test_callbacks_keep_what_is_plain_and_say_what_is_not(path):
    said = pytest.warns(UserWarning, match=r"`Resume` cannot keep queue \(a deque\) of `Counter`")
    with said:
        interrupted(path, 2, Counter())
    counter = Counter()
    with said:
        run(path, counter)
    assert (counter.seen, list(counter.queue)) == ([4], [2, 3])


def test_callbacks_that_know_their_state_are_asked(path):
    interrupted(path, 2, Careful())
    careful = Careful()
    run(path, careful)
    assert list(careful.queue) == [0, 1, 2, 3]
    assert careful.seen == [2]


def test_a_state_that_is_not_plain_is_an_error(path):
    careful = Careful()
    careful.state = lambda: {"queue": careful.queue}
    with pytest.raises(TypeError, match="must return plain data, but a deque is no plain data"):
        run(path, careful)


@pytest.mark.slow
def test_another_patience_counts_and_is_said(path):
    interrupted(path, 2, keras.callbacks.ReduceLROnPlateau("loss", patience=3))
    patient = keras.callbacks.ReduceLROnPlateau("loss", patience=8)
    with pytest.warns(UserWarning, match=r"`ReduceLROnPlateau.patience` was 3, is now 8"):
        run(path, patient)
    assert patient.patience == 8


def test_other_threads_and_versions_are_said(path, monkeypatch):
    interrupted(path, 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    monkeypatch.setattr("keras.__version__", "0.1")
    with pytest.warns(UserWarning, match="may differ in its last bits") as said:
        run(path)
    [message] = [str(warning.message) for warning in said]
    assert "is now 0.1; `OMP_NUM_THREADS` was" in message
    assert message.endswith("is now 77.")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_a_dataset_that_repeats_itself_is_gone_on_with(path, engine):
    def go(*more):
        keras.utils.set_random_seed(0)
        model = small()
        rows = tf.data.Dataset.from_tensor_slices((X, Y))
        data = rows.shuffle(300, seed=1, reshuffle_each_iteration=False).batch(32)
        plan = {"epochs": 4, "verbose": 0, "engine": engine, "validation_data": data.take(2)}
        history = kerasnn.fit(model, data, callbacks=[*more, Stop()], **plan)
        return digest(model, [], history)

    unbroken = go()
    with interruption(2):
        go(Resume(path))
    assert go(Resume(path)) == unbroken


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=None),
        lambda: keras.optimizers.SGD(0.01, momentum=0.9, gradient_accumulation_steps=3),
        lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.Adam(0.01), dynamic_growth_steps=10
        ),
    ],
    ids=["averages", "accumulation", "scaling"],
)
def test_every_slot_of_an_optimizer_is_kept(path, optimizer):
    def model():
        return small(optimizer())

    unbroken, *_ = run(None, model=model)
    interrupted(path, 2, model=model)
    resumed, *_ = run(path, model=model)
    assert resumed == unbroken


class FullDisk(keras.callbacks.Callback):
    """Makes the disk full from an epoch on."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            largest_file(1000)


def test_a_full_disk_is_said_and_the_run_goes_on_from_what_was_saved(path):
    unbroken, *_ = run(None)
    try:
        with pytest.raises(OSError, match=r"after epoch 3 could not be saved .* Make room"):
            run(path, FullDisk())
    finally:
        largest_file(None)
    with pytest.warns(UserWarning, match="`FullDisk` was present, is now absent"):
        resumed, _, resume = run(path)
    assert resume.resumed_epoch_ == 2
    assert resumed == unbroken


def test_it_acts_last_wherever_it_stands(path):
    plateau = keras.callbacks.ReduceLROnPlateau("loss")
    run(path, plateau, epochs=2)
    _, history, _ = run(path, plateau, epochs=2)
    assert len(history.history["learning_rate"]) == 2
