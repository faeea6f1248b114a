"""Refusal of work in a process that was forked after TensorFlow had begun, where it would hang."""

import os
import sys

import tensorflow as tf

_FORKED = (
    "TensorFlow cannot work in a process that was forked after it had begun: its threads are in "
    "the parent alone, and the call would wait for ever. Start processes with "
    "multiprocessing.get_context('spawn'), and of a server such as gunicorn let each worker load "
    "the model, without --preload."
)


class _Process:
    """This process.

    Attributes:
        had_begun: Whether TensorFlow had begun at the last fork.
        is_without_threads: Whether this process was forked after TensorFlow had begun.
    """

    had_begun = False
    is_without_threads = False

    @classmethod
    def before_fork(cls) -> None:
        cls.had_begun = _has_begun()

    @classmethod
    def after_fork(cls) -> None:
        cls.is_without_threads |= cls.had_begun


def check_not_forked() -> None:
    """Raises RuntimeError where TensorFlow had begun before this process was forked."""
    if _Process.is_without_threads:
        raise RuntimeError(_FORKED)


def _has_begun() -> bool:
    # TensorFlow has no function that tells it; once it has begun it refuses other numbers of
    # threads.
    threads = tf.config.threading
    count = threads.get_inter_op_parallelism_threads()
    try:
        threads.set_inter_op_parallelism_threads(count + 1)
    except RuntimeError:
        return True
    threads.set_inter_op_parallelism_threads(count)
    return False


if sys.platform != "win32":
    os.register_at_fork(before=_Process.before_fork, after_in_child=_Process.after_fork)
