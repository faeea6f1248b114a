"""The state of a resumed run: callbacks, History, generators, and the epoch to continue with."""

import collections
import contextlib

import keras
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import callbacks, schedules
from kerasnn.callbacks import Resume
from tests.callbacks.resume.resume_runs import X, Y, digest, largest_file, small, train
from tests.helpers.seeds import set_seeds


class Stop(keras.callbacks.Callback):
    """Raises, as Ctrl-C does, when an epoch begins; is in every run, as it is in a script."""

    at = None

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == Stop.at:
            raise KeyboardInterrupt


class Plain(keras.callbacks.Callback):
    """Counts epochs, in an attribute that nobody saves."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1


class Stateful(kerasnn.callbacks.Callback):
    """Lists epochs, and saves the list."""

    def __init__(self):
        super().__init__()
        self.epochs = collections.deque()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)

    def state(self):
        return {"epochs": list(self.epochs)}

    def restore(self, state):
        self.epochs = collections.deque(state["epochs"])


class OwnPlateau(keras.callbacks.ReduceLROnPlateau):
    """A class of the user's own that extends one of Keras's."""


def run(path, *more, model=small, every=1, **arguments):
    """Does what a script does, and returns what it ends with."""
    set_seeds(0)
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


@pytest.fixture(scope="module")
def unbroken():
    """The digest of a run of four epochs that was never stopped."""
    return run(None)[0]


@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_stopped_between_savings_and_resumed_is_the_same(path, engine, unbroken):
    given = {"engine": engine, "shuffle": engine != "keras", "every": 3}
    wanted = unbroken if engine == "graph" else run(None, **given)[0]
    interrupted(path, 2, **given)
    resumed, history, resume = run(path, **given)
    assert resumed == wanted
    # What was kept in memory was saved when the run was left.
    assert resume.resumed_epoch_ == 2
    assert history.epoch == list(range(4))


def test_an_ended_run_trains_no_more_and_continues_with_more_epochs(path, unbroken):
    def watching():
        # Nor does either warn that there was nothing to monitor.
        return [callbacks.EarlyStopping("loss", patience=9), callbacks.ReduceLROnPlateau("loss")]

    short, _, resume = run(path, *watching(), epochs=2)
    assert resume.resumed_epoch_ is None
    stopping, plateau = watching()
    again, history, resume = run(path, stopping, plateau, epochs=2)
    assert again == short
    assert (resume.resumed_epoch_, history.engine) == (2, "graph")
    assert stopping.best_epoch_ == 1
    # It acts last, wherever it stands: what others log is saved.
    assert len(history.history["learning_rate"]) == 2
    longer, history, _ = run(path, *watching())
    assert history.epoch == list(range(4))
    whole, *_ = run(None, *watching())
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


def test_callbacks_have_their_state_again(path, tmp_path):
    def watching():
        plateau = OwnPlateau("loss", patience=9)
        best = callbacks.BestModel(tmp_path / "best.keras", "loss")
        return plateau, Stateful(), Plain(), best

    interrupted(path, 2, *watching())
    before = (tmp_path / "best.keras").read_bytes()
    plateau, stateful, plain, best = watching()
    _, history, _ = run(path, plateau, stateful, plain, best)
    assert list(stateful.epochs) == [0, 1, 2, 3]
    # Of a plain Keras callback nothing is saved.
    assert plain.seen == 2
    assert plateau.best == best.best == min(history.history["loss"])
    assert (tmp_path / "best.keras").read_bytes() != before
    assert not list(tmp_path.glob(".*"))


def test_a_state_that_is_not_plain_data_is_an_error(path):
    stateful = Stateful()
    stateful.state = lambda: {"epochs": stateful.epochs}
    with pytest.raises(TypeError, match="deque"):
        run(path, stateful, epochs=1)


def test_averages_that_are_swapped_by_epoch_are_refused(path, refuses):
    model = small(keras.optimizers.SGD(0.1, use_ema=True))
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    with refuses(model, argument="callbacks"):
        train(model, [swap, Resume(path)])


def test_a_run_continues_with_the_engine_that_it_began_with(path):
    interrupted(path, 1, engine="keras", shuffle=False, epochs=2)
    # Alone, the epoch that is left would run in a compiled program.
    _, history, _ = run(path, engine="auto", shuffle=False, epochs=2)
    assert history.engine == "keras"


def test_other_threads_versions_and_callback_arguments_are_named(path, monkeypatch):
    run(path, callbacks.LearningRateDecay(schedules.Step(0.1)), epochs=1)
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    monkeypatch.setattr("keras.__version__", "0.1")
    with pytest.warns(UserWarning, match="The resumed run may") as caught:
        run(path, callbacks.LearningRateDecay(schedules.Step(0.2)), epochs=1)
    arguments, environment = [str(warning.message) for warning in caught]
    assert "`LearningRateDecay.schedule.initial` was 0.1, is now 0.2" in arguments
    assert "is now 0.1" in environment
    assert "`OMP_NUM_THREADS`" in environment


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_a_dataset_that_repeats_itself_is_resumed(path, engine):
    def go(*more):
        set_seeds(0)
        model = small()
        rows = tf.data.Dataset.from_tensor_slices((X, Y))
        data = rows.shuffle(300, seed=1, reshuffle_each_iteration=False).batch(32)
        given = {"epochs": 4, "verbose": 0, "engine": engine, "validation_data": data.take(2)}
        history = kerasnn.fit(model, data, callbacks=[*more, Stop()], **given)
        return digest(model, [], history)

    wanted = go()
    with interruption(2):
        go(Resume(path))
    assert go(Resume(path)) == wanted


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

    wanted, *_ = run(None, model=model)
    interrupted(path, 2, model=model)
    resumed, *_ = run(path, model=model)
    assert resumed == wanted


class FullDisk(keras.callbacks.Callback):
    """Makes the disk full from an epoch on."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            largest_file(1000)


def test_on_a_full_disk_the_run_continues_from_what_was_saved(path, unbroken):
    try:
        with pytest.raises(OSError, match=r"after epoch 3 could not be saved .* Make room"):
            run(path, FullDisk())
    finally:
        largest_file(None)
    with pytest.warns(UserWarning, match="`FullDisk` was present, is now absent"):
        resumed, _, resume = run(path)
    assert resume.resumed_epoch_ == 2
    assert resumed == unbroken


def test_another_place_for_compiled_programs_is_no_difference(tmp_path, monkeypatch, recwarn):
    place = "--tf_xla_persistent_cache_directory=/{} --tf_xla_persistent_cache_device_types=CPU"
    for epochs, process in enumerate("ab", start=1):
        monkeypatch.setenv("TF_XLA_FLAGS", place.format(process))
        *_, resume = run(tmp_path / "state", epochs=epochs)
    assert resume.resumed_epoch_ == 1
    assert not recwarn.list
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=2")
    with pytest.warns(UserWarning, match="TF_XLA_FLAGS.*auto_jit"):
        run(tmp_path / "state", epochs=3)
