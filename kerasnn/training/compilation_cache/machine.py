"""What a compiled program depends on besides itself: software, processor, threads, flags."""

import hashlib
import os
import pathlib
import platform

import tensorflow as tf

_CPU = pathlib.Path("/proc/cpuinfo")
_CPU_FIELDS = ("vendor_id", "cpu family", "model", "model name", "flags", "Features", "CPU part")


def processor() -> str:
    """Returns model and instruction sets of the processor.

    Raises:
        OSError: If the system does not tell.
    """
    lines = [line.partition(":") for line in _CPU.read_text().splitlines()]
    fields = {(name.strip(), value.strip()) for name, _, value in lines}
    return repr(sorted(field for field in fields if field[0] in _CPU_FIELDS))


def key() -> str:
    """Returns a short text that differs where a compiled program may differ or not run.

    Raises:
        OSError: If the system does not tell the processor.
    """
    parts = (
        tf.version.VERSION,
        tf.version.GIT_VERSION,
        platform.machine(),
        processor(),
        len(os.sched_getaffinity(0)),
        tf.config.threading.get_intra_op_parallelism_threads(),
        os.environ.get("XLA_FLAGS", ""),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
