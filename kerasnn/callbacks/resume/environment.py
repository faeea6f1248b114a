"""What a run's last bits depend on beside the run itself."""

import os
import pathlib
import platform

import keras
import numpy as np
import tensorflow as tf

from kerasnn._version import __version__

_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)


def surroundings() -> dict[str, str]:
    """Returns versions, threads and devices by name, each in words."""
    threads = tf.config.threading
    gpus = tf.config.list_physical_devices("GPU")
    found = {
        "kerasnn": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "intra_op_threads": str(threads.get_intra_op_parallelism_threads() or _cores()),
        "inter_op_threads": str(threads.get_inter_op_parallelism_threads() or _cores()),
        "processor": _processor(),
        "gpus": ", ".join(
            tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in gpus
        ),
    }
    return found | {name: os.environ.get(name, "") for name in _VARIABLES}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """Returns the processor's model, which decides the instructions that are used."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
