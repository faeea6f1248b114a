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
        is_forked: Whether it was forked by one that had imported this module.
    """

    is_forked = False

    @classmethod
    def mark(cls) -> None:
        cls.is_forked = True


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_Process.mark)


def check_not_forked() -> None:
    """Raises RuntimeError where TensorFlow had begun before this process was forked."""
    if _Process.is_forked:
        threads = tf.config.threading
        count = threads.get_inter_op_parallelism_threads()
        try:
            # TensorFlow has no function that tells whether it has begun; after that it refuses
            # other numbers of threads.
            threads.set_inter_op_parallelism_threads(count + 1)
        except RuntimeError:
            raise RuntimeError(_FORKED) from None
        threads.set_inter_op_parallelism_threads(count)
        # It begins in this process.
        _Process.is_forked = False
