"""Base class of the engines that train a model, and how to add one."""

import abc
from typing import ClassVar

import keras
import tensorflow as tf

from kerasnn.training.loop.job import Job

# The errors that tracing and compiling raise.
CANNOT_COMPILE = (tf.errors.OpError, TypeError, ValueError, NotImplementedError, AttributeError)


class Engine(abc.ABC):
    """One way to run the epochs of a job.

    `engine_choice.candidates` lists the engines that may run a job, best first. The first one whose
    `prepare` succeeds trains the model. To add an engine, write a subclass, list it there,
    and add its name to `ENGINES` in `job`.

    Args:
        job: The job to run.

    Attributes:
        name: The value of `engine=` that asks for it, and of `history.engine`.
        repeats_order: Whether the order of the rows depends on `seed` and the epoch alone, so
            that a resumed run can repeat it.
    """

    name: ClassVar[str] = ""
    repeats_order: ClassVar[bool] = True

    def __init__(self, job: Job) -> None:
        self._job = job

    @classmethod
    @abc.abstractmethod
    def cannot_run(cls, job: Job) -> str | None:
        """Returns the reason why this engine cannot run a job, or None if it can."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Creates variables, traces and compiles; changes no variable that exists.

        Raises:
            Exception: One of `CANNOT_COMPILE` if the model cannot be traced or compiled.
        """

    @abc.abstractmethod
    def train(self) -> keras.callbacks.History:
        """Runs all epochs, with validation and callbacks, and returns Keras's `History`."""
