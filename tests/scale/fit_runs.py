"""Runs of `scale.fit`, in a process of its own; what was found is the last line printed."""

import json
import os
import pathlib
import signal
import sys
import threading
import time

import keras
import numpy as np
import pandas as pd

import kerasnn
from kerasnn import scale

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 5)).astype("float32")
Y = rng.integers(0, 3, 70)
WEIGHTS = rng.uniform(0.2, 2.0, 70).astype("float32")
DATA = (X, Y, WEIGHTS)
SETTINGS = {"epochs": 3, "batch_size": 23, "validation_data": (X[:30], Y[:30])}


def build():
    return kerasnn.models.mlp(5, 3, task="multiclass", l2=1e-3)


def found(model, history):
    """What runs are compared by."""
    return {
        "bits": [each.tobytes().hex() for each in model.get_weights()],
        "weights": [each.tolist() for each in model.get_weights()],
        "history": history.history,
        "iterations": int(keras.ops.convert_to_numpy(model.optimizer.iterations)),
        "engine": history.engine,
    }


class Recorded(keras.callbacks.Callback):
    """Writes the weights of each worker to a file at the end."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_train_end(self, logs=None):
        np.savez(f"{self.folder}/{worker()}.npz", *self.model.get_weights())


class Kill(keras.callbacks.Callback):
    """Kills a process once, some seconds after a worker has begun to train.

    Args:
        worker: The worker.
        after: The seconds.
        pid: The process; that of the worker itself by default.
        marker: A file that says that it was done.
    """

    def __init__(self, worker, after, marker, pid=None):
        super().__init__()
        self.worker, self.after, self.marker, self.pid = worker, after, marker, pid

    def on_train_begin(self, logs=None):
        marker = pathlib.Path(self.marker)
        if worker() != self.worker or marker.exists():
            return
        marker.touch()
        given = (self.pid or os.getpid(), signal.SIGKILL)
        threading.Timer(self.after, os.kill, given).start()

    def on_epoch_end(self, epoch, logs=None):
        # So that the run takes long enough to be killed within.
        time.sleep(0.05)


def worker():
    """The number of this worker."""
    return json.loads(os.environ["TF_CONFIG"])["task"]["index"]


def fails_in_a_worker():
    if "TF_CONFIG" in os.environ and worker() == 1:
        raise kerasnn.InvalidArgument("units", "be known", 7)
    return build()


def equal(folder):
    """Trains by two workers and alone."""
    recorded = folder / "recorded"
    recorded.mkdir()
    model, history = scale.fit(
        build, DATA, seed=3, directory=folder, callbacks=[Recorded(recorded)], **SETTINGS
    )
    keras.utils.set_random_seed(3)
    alone = build()
    wanted = kerasnn.fit(alone, X, Y, sample_weight=WEIGHTS, verbose=0, **SETTINGS)
    trained = [np.load(recorded / f"{index}.npz") for index in (0, 1)]
    return {
        "workers": found(model, history),
        "alone": found(alone, wanted),
        "of each": [[each[name].tobytes().hex() for name in each.files] for each in trained],
        "again": found(*scale.fit(build, DATA, seed=3, directory=folder, **SETTINGS)),
    }


def quick(folder):
    """Trains by two workers in a temporary directory, and alone."""
    model, history = scale.fit(build, DATA, seed=3, **SETTINGS)
    keras.utils.set_random_seed(3)
    alone = build()
    wanted = kerasnn.fit(alone, X, Y, sample_weight=WEIGHTS, verbose=0, **SETTINGS)
    return {"workers": found(model, history), "alone": found(alone, wanted)}


def killed(folder, *, seeds, workers=2, epochs=60):
    """Trains once without a kill, and then with one of a worker at a random moment each time."""
    given = {"seed": 3, "epochs": epochs, "batch_size": 23, "workers": workers}
    results = {"whole": found(*scale.fit(build, DATA, directory=folder / "whole", **given))}
    for seed in seeds:
        drawn = np.random.default_rng(seed)
        own = folder / str(seed)
        own.mkdir()
        kill = Kill(int(drawn.integers(workers)), drawn.uniform(0, 4), str(own / "killed"))
        began = time.monotonic()
        got = found(*scale.fit(build, DATA, directory=own, callbacks=[kill], **given))
        print(seed, kill.worker, kill.after, time.monotonic() - began, file=sys.stderr, flush=True)
        results[str(seed)] = got | {"was killed": (own / "killed").exists()}
    return results


def driver(folder, *, after=None, epochs=60):
    """Trains; this process is killed some seconds after the first worker has begun."""
    kill = Kill(0, after, str(folder / "killed"), os.getpid())
    given = {"seed": 3, "epochs": epochs, "batch_size": 23, "workers": 2, "directory": folder}
    return found(*scale.fit(build, DATA, callbacks=[kill], **given))


def by_hand(folder, *, victim=None, after=None, epochs=60):
    """Trains as one of the workers that `TF_CONFIG` names; one of them is killed once."""
    strategy = scale.strategy()
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = build()
    kill = Kill(victim, after, str(folder / "killed"))
    callbacks = [kill, kerasnn.callbacks.Resume(folder / "train.state")]
    given = {"sample_weight": WEIGHTS, "epochs": epochs, "batch_size": 23, "verbose": 0}
    return found(model, kerasnn.fit(model, X, Y, callbacks=callbacks, **given))


def error_of(*args, **arguments):
    """What an error shows, and after how many seconds it was raised."""
    began = time.monotonic()
    try:
        scale.fit(*args, **arguments)
    except Exception as error:  # noqa: BLE001 - the test looks at it.
        return {
            "type": type(error).__name__,
            "argument": getattr(error, "argument", None),
            "value": getattr(error, "value", None),
            "text": str(error),
            "seconds": time.monotonic() - began,
        }
    return {}


def write_table(folder):
    """Writes the rows as Parquet files of other sizes than any worker's share."""
    table = pd.DataFrame(X, columns=list("abcde")).assign(kind=Y, weight=WEIGHTS)
    folder.mkdir()
    for i, rows in enumerate(np.split(np.arange(70), [9, 10, 47])):
        table.iloc[rows].to_parquet(folder / f"{i}.parquet")
    return folder


def counting():
    """A model whose weights count rows that are 1 in a place of their own."""
    zeros = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((70,)), zeros])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    return model


def momentum():
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    return kerasnn.models.mlp(5, 3, task="multiclass", l2=1e-3, optimizer=optimizer)


def table(folder):
    """Trains on files and data sets of which each worker has a share; and alone on all rows."""
    import ray

    rows = write_table(folder / "rows")
    whole = {"epochs": 3, "batch_size": "full", "validation_data": DATA}
    keras.utils.set_random_seed(3)
    alone = momentum()
    wanted = kerasnn.fit(alone, X, Y, sample_weight=WEIGHTS, verbose=0, **whole)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    whole["validation_data"] = ray.data.read_parquet(str(rows / "0.parquet")).union(
        *(ray.data.read_parquet(str(rows / f"{i}.parquet")) for i in (1, 2, 3))
    )
    names = {"target": "kind", "sample_weight": "weight"}
    shared = found(*scale.fit(momentum, rows, seed=3, **names, **whole))
    data = ray.data.from_items([{"x": row, "y": 1.0} for row in np.eye(70, dtype="float32")])
    model, history = scale.fit(counting, data, target="y", batch_size=23)
    ones = pd.DataFrame(np.eye(70)).rename(columns=str).assign(y=1.0)
    (folder / "ones").mkdir()
    for i, part in enumerate(np.split(np.arange(70), [20, 21])):
        ones.iloc[part].to_csv(folder / "ones" / f"{i}.csv", index=False)
    again, _ = scale.fit(counting, f"{folder}/ones/*.csv", target="y", batch_size=23, workers=1)
    return {
        "workers": shared,
        "alone": found(alone, wanted),
        "counted": [float(each) for each in np.ravel(model.get_weights()[0])],
        "loss": history.history["loss"],
        "counted by one": [float(each) for each in np.ravel(again.get_weights()[0])],
    }


def killed_table(folder):
    """Trains on files once without a kill, and once with one of a worker."""
    rows = write_table(folder / "rows")
    names = {"target": "kind", "sample_weight": "weight"}
    given = {**names, "seed": 3, "epochs": 60, "batch_size": 23}
    whole = found(*scale.fit(build, rows, directory=folder / "whole", **given))
    kill = Kill(1, 1.0, str(folder / "killed"))
    got = found(*scale.fit(build, rows, directory=folder / "own", callbacks=[kill], **given))
    wrong = {
        "other rows": error_of(
            build, [rows / "1.parquet", rows], directory=folder / "own", **given
        ),
        "no column": error_of(build, rows, **{**given, "target": "kin"}),
    }
    return {
        "whole": whole,
        "killed": got,
        "was killed": (folder / "killed").exists(),
        "wrong": wrong,
    }


class Holder:
    """Another program, which takes up a CPU."""

    def ready(self):
        return True


def refused(folder):
    """Errors of workers and of a cluster that is too small."""
    import ray

    own = {"build": error_of(fails_in_a_worker, DATA)}
    own["data"] = error_of(build, lambda: (X + worker(), Y))
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    own["workers"] = error_of(build, DATA)
    holder = ray.remote(num_cpus=1)(Holder).remote()
    ray.get(holder.ready.remote())
    os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = "5"
    own["room"] = error_of(build, DATA, workers=1, max_failures=0)
    return own


MODES = {
    "by hand": by_hand,
    "quick": quick,
    "equal": equal,
    "killed": killed,
    "driver": driver,
    "refused": refused,
    "table": table,
    "killed table": killed_table,
}


if __name__ == "__main__":
    mode, path, *rest = sys.argv[1:]
    arguments = json.loads(rest[0]) if rest else {}
    print(json.dumps(MODES[mode](pathlib.Path(path), **arguments)), flush=True)
