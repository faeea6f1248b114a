"""Counter-based uniform random numbers, cheap inside compiled programs."""

from typing import Any

import keras
import tensorflow as tf


def random_uniform(shape: Any, seed_generator: keras.random.SeedGenerator) -> tf.Tensor:
    """Draws float32 numbers, uniform in [0, 1), and advances the seed generator.

    Number i of a draw is the upper 24 bits of `mix(mix(i ^ a) + b)`, times 2^-24, where `mix` is
    a permutation of 32 bits in which each bit of the input flips each bit of the output with
    probability 1/2. The pair (a, b) is a permutation of the pair of seed and number of draws, so
    that no two layers with different seeds, and no two steps, use the same pair. The numbers are
    bit-identical in eager mode, in graphs and under XLA.

    TensorFlow has no generator that is cheap under XLA and also works outside of it: on a CPU
    `stateless_uniform` with `alg="threefry"` is as cheap under XLA, but raises in graphs and in
    eager mode; with `alg="philox"` it works everywhere, and nearly doubles a small step under XLA;
    the draws of Keras's layers take many times the step there. `tests/benchmarks/training.py` times
    a step with a Dropout layer beside one without.

    The statistical tests are in `tests/ops`. Within one draw no 32-bit word occurs twice, so
    that draws of more than about 10^7 numbers are slightly too even. Not for cryptography.

    Args:
        shape: The shape to draw, static or a tensor; less than 2^31 numbers.
        seed_generator: Gives a new pair of seeds for each call, in eager mode and in compiled
            programs.

    Example:
        >>> seeds = keras.random.SeedGenerator(0)
        >>> first, second = random_uniform((2,), seeds), random_uniform((2,), seeds)
        >>> first.shape, bool(tf.reduce_all(first == second))
        (TensorShape([2]), False)

    Reference:
        Salmon et al. (2011), doi:10.1145/2063384.2063405: numbers from a counter. Wellons
        (2018), https://nullprogram.com/blog/2018/07/31/: `mix`, there `lowbias32`, found by a
        search for the least bias.
    """
    a, b = _keys(*tf.unstack(tf.cast(seed_generator.next(), tf.uint32)))
    shape = tf.convert_to_tensor(shape, tf.int32)
    counter = tf.cast(tf.reshape(tf.range(tf.reduce_prod(shape)), shape), tf.uint32)
    upper = _shifted(_mix(_mix(_xor(counter, a)) + b), 8)
    return tf.cast(upper, tf.float32) * 2.0**-24


def _keys(seed: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Permutes pairs of 32-bit numbers: each line can be inverted."""
    count = _xor(count, _mix(_xor(seed, _word(0x9E3779B9))))
    seed = _xor(seed, _mix(count))
    return _xor(count, _mix(seed)), seed


def _mix(x: tf.Tensor) -> tf.Tensor:
    """Permutes the 32-bit numbers: `lowbias32` of the reference."""
    x = _xor(x, _shifted(x, 16)) * _word(0x7FEB352D)
    x = _xor(x, _shifted(x, 15)) * _word(0x846CA68B)
    return _xor(x, _shifted(x, 16))


def _xor(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(x, y)


def _shifted(x: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.right_shift(x, _word(bits))


def _word(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint32)
