"""Speed of a machine: how long XLA compiles, and how long a graph's operations take."""

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_ROWS = 32
_SMALL, _LARGE = (8, 8), (784, 128)
_ROUNDS = 7


@dataclasses.dataclass(frozen=True)
class Speed:
    """CPU time, in seconds, of the training step of one small layer.

    Attributes:
        compiling: What XLA takes to compile it.
        step: What it takes as a graph on one thread.
        weight: What it takes longer as a graph for each further weight, with 32 rows.
    """

    compiling: float
    step: float
    weight: float


# Where nothing can be kept: between what was measured on AMD and Intel processors of 2021-2025.
TYPICAL = Speed(compiling=0.3, step=20e-6, weight=6e-9)


def measure() -> Speed:
    """Measures this machine, in half a second of CPU time, where others take two.

    CPU time depends less on what else the machine does.
    """
    # Constant in the program, so that it is in no cache.
    start = tf.constant(random.random())
    compiled = _function(*_SMALL, start, jit_compile=True)
    small, large = (
        _fastest(_function(*shape, start), steps) for shape, steps in ((_SMALL, 100), (_LARGE, 10))
    )
    weights = _LARGE[0] * _LARGE[1] - _SMALL[0] * _SMALL[1]
    return Speed(
        compiling=_cpu_seconds(lambda: compiled(tf.constant(1))),
        step=small,
        weight=max(0.0, large - small) / weights,
    )


def _function(inputs: int, units: int, start: tf.Tensor, **options: Any) -> Any:
    """Returns a function that trains a layer for a number of steps, much as Adam does."""

    def train(steps: tf.Tensor) -> tf.Tensor:
        def step(i: tf.Tensor, kernel: Any, bias: Any, mean: Any, square: Any) -> Any:
            x = tf.fill([_ROWS, inputs], tf.cast(i, tf.float32))
            with tf.GradientTape() as tape:
                tape.watch([kernel, bias])
                outputs = tf.nn.relu(x @ kernel + bias)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    tf.zeros([_ROWS], tf.int32), outputs
                )
                loss = tf.reduce_mean(losses)
            gradients: Any = tape.gradient(loss, [kernel, bias])
            of_kernel, of_bias = gradients
            mean += 0.1 * (of_kernel - mean)
            square += 0.001 * (of_kernel * of_kernel - square)
            kernel -= 0.01 * mean / (tf.sqrt(square) + 1e-7)
            return i + 1, kernel, bias - 0.01 * of_bias, mean, square

        kernel = tf.zeros([inputs, units]) + start
        bias = tf.zeros([units])
        first = [0, kernel, bias, kernel, kernel]
        return tf.while_loop(lambda i, *_: i < steps, step, first)[1]

    signature = [tf.TensorSpec([], tf.int32)]
    return tf.function(train, input_signature=signature, autograph=False, **options)


def _fastest(function: Any, steps: int) -> float:
    with tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR"):
        function(tf.constant(1))
        rounds = [_cpu_seconds(lambda: function(tf.constant(steps))) for _ in range(_ROUNDS)]
    return min(rounds) / steps


def _cpu_seconds(call: Callable[[], Any]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began
