"""One of several workers that train a model together by `MultiWorkerMirroredStrategy`."""

import json
import os
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

import kerasnn
from kerasnn import scale
from tests.training.replicas import cases


def compared(strategy, folder):
    """Trains cases of the strategy of one process; the seed is that of the first worker."""
    found = {name: cases.compare(strategy, name) for name in cases.QUICK}
    with strategy.scope():
        model = cases.network()
    keras.utils.set_random_seed(int(folder.name))
    kerasnn.fit(model, cases.X, cases.Y, epochs=2, verbose=0)
    found["own seeds"] = [each.tobytes().hex() for each in model.get_weights()]
    return found


def called_back(strategy, folder, epochs=4):
    """Trains with callbacks that stop, write and measure; files lie in a folder of the worker.

    The state of `Resume` lies in one that all share.
    """
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = kerasnn.models.mlp(5, 3, task="multiclass", dropout=0.2, seed=1)
    schedule = kerasnn.schedules.Exponential(0.01, rate=0.9, every=2)
    early = kerasnn.callbacks.EarlyStopping("val_loss", patience=10)
    doctor = kerasnn.callbacks.TrainingDoctor()
    callbacks = [
        early,
        kerasnn.callbacks.LearningRateDecay(schedule, per="step"),
        kerasnn.callbacks.BestModel(folder / "best.keras"),
        keras.callbacks.CSVLogger(folder / "log.csv", append=True),
        doctor,
        kerasnn.callbacks.Resume(folder.parent / "shared.state"),
    ]
    given = {"validation_data": (cases.X[:30], cases.Y[:30]), "epochs": epochs, "verbose": 0}
    history = kerasnn.fit(model, cases.X, cases.Y, callbacks=callbacks, **given)
    return {
        "history": history.history,
        "engine": history.engine,
        "reason": history.reason,
        "bits": [each.tobytes().hex() for each in model.get_weights()],
        "files": sorted(path.name for path in folder.iterdir()),
        "resumed": callbacks[-1].resumed_epoch_,
        "measured": len(doctor.measurements_),
    }


def other_data(strategy, folder):
    """Trains on other rows than the other workers do; returns the error."""
    with strategy.scope():
        model = cases.network()
    try:
        kerasnn.fit(model, cases.X + np.float32(folder.name), cases.Y, verbose=0)
    except kerasnn.InvalidArgument as error:
        return {"argument": error.argument, "text": str(error)}
    return {}


def only_keras(strategy, folder):
    """Asks for what only Keras's loop could train, and the trace of a model shows; the errors."""
    texts = []
    for arguments in (
        {"loss": lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p)},
        {"hidden": [lambda: keras.layers.Dense(4, activity_regularizer="l2")]},
    ):
        with strategy.scope():
            model = cases.network(**arguments)
        try:
            kerasnn.fit(model, cases.X, cases.Y, verbose=0)
        except kerasnn.InvalidArgument as error:
            texts.append([error.argument, str(error)])
    return texts


def streamed(strategy, folder):
    """Trains on streams of data that is not in memory, which each worker reads by itself."""
    found = {}
    for name, columns in (("table.csv", (2,)), ("images", (3, 3, 3))):
        with strategy.scope():
            divided = cases.stream_network(columns)
        alone = cases.stream_network(columns)
        histories, evaluations = [], []
        for each in (divided, alone):
            split = cases.read_stream(folder.parent / name)
            given = {"validation_data": split.x_test, "epochs": 3, "verbose": 0}
            histories.append(kerasnn.fit(each, split.x_train, **given))
            evaluations.append(kerasnn.training.evaluate(each, split.x_test, verbose=0))
        found[name] = {
            "engine": histories[0].engine,
            "evaluation": cases.distance(*evaluations),
            "weights": cases.distance(divided.get_weights(), alone.get_weights()),
            "history": cases.distance(*(each.history for each in histories)),
            "bits": [each.tobytes().hex() for each in divided.get_weights()],
        }
    return found


def other_streams(strategy, folder):
    """Trains on streams that the workers cannot divide; returns the errors."""
    rows = tf.data.Dataset.from_tensor_slices((cases.X, cases.Y))
    x = cases.X.copy()
    if folder.name == "1":
        x[50] = np.nan
    spoilt = tf.data.Dataset.from_tensor_slices((x, cases.Y))
    streams = {
        "order": rows.shuffle(cases.ROWS, seed=int(folder.name)).batch(23),
        "length": rows.take(cases.ROWS - 40 * int(folder.name)).batch(23),
        "unknown length": rows.take(cases.ROWS - 40 * int(folder.name))
        .filter(lambda *_: True)
        .batch(23),
        "wrong value": spoilt.batch(23),
    }
    found = {}
    for name, stream in streams.items():
        with strategy.scope():
            model = cases.network()
        before = model.get_weights()
        try:
            kerasnn.fit(model, stream, epochs=2, verbose=0)
        except kerasnn.InvalidArgument as error:
            moved = cases.distance(model.get_weights(), before)
            found[name] = [error.argument, str(error), moved]
    return found


MODES = {
    "streamed": streamed,
    "counted": cases.counted,
    "other streams": other_streams,
    "only keras": only_keras,
    "compared": compared,
    "called back": called_back,
    "half": lambda strategy, folder: called_back(strategy, folder, 2),
    "other data": other_data,
}


def main(index, ports, folder, *modes):
    """Takes part as the worker of an index."""
    addresses = [f"127.0.0.1:{port}" for port in json.loads(ports)]
    if len(addresses) > 1:
        task = {"type": "worker", "index": int(index)}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        strategy = scale.strategy(timeout_s=120)
    else:
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    own = pathlib.Path(folder, index)
    own.mkdir(exist_ok=True)
    cases.report({mode: MODES[mode](strategy, own) for mode in modes})


if __name__ == "__main__":
    main(*sys.argv[1:])
