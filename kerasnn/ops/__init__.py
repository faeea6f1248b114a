"""Small tensor operations that Keras lacks or has too slow."""

from kerasnn.ops.random_normal import random_normal as random_normal
from kerasnn.ops.random_uniform import random_uniform as random_uniform
