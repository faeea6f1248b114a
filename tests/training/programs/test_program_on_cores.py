"""`ProgramOnCores`: one trace, several sets of variables."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from kerasnn.training.programs.stacked.program_on_cores import ProgramOnCores

SIGNATURE = [tf.TensorSpec((), tf.int32)]


def halved(conditional):
    """Returns three variables, and a program that halves each so many times."""
    variables = [tf.Variable([float(i)]) for i in range(3)]

    def halve(first=variables[0]):
        first.assign(first.value() / 2)
        return 0

    def run(times):
        def body(i):
            if conditional:
                tf.cond(times > 0, halve, lambda: 0)
            else:
                halve()
            return (i + 1,)

        tf.while_loop(lambda i: i < times, body, (0,))
        return {"sum": tf.reduce_sum(variables[0].value())}

    return variables, ProgramOnCores(run, SIGNATURE, [[v] for v in variables])


@pytest.mark.parametrize("conditional", [False, True])
def test_each_set_runs_with_its_own_arguments(conditional):
    variables, program = halved(conditional)
    results = program(*([tf.constant(times)] for times in (3, 1, 2)))
    np.testing.assert_allclose([found["sum"] for found in results], [0, 0.5, 0.5])
    np.testing.assert_allclose([v.numpy()[0] for v in variables], [0, 0.5, 0.5])


@pytest.mark.slow
def test_it_waits_for_no_second_thread():
    """In a process where TensorFlow's pool has one thread, it would wait for ever."""
    call = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "not slow", __file__]
    environment = os.environ | {"TF_NUM_INTEROP_THREADS": "1"}
    subprocess.run(call, env=environment, check=True, capture_output=True, timeout=300)
