"""Periodic embeddings of numeric features."""

import math
import random
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers.tabular.rates import Divided, check_factor

_L = keras.initializers


@keras.saving.register_keras_serializable("kerasnn")
class PeriodicEmbedding(keras.layers.Layer):
    """Appends to each feature learned periodic functions of it (PBLD embeddings).

    Forward:  e_i = cos(2 pi x_i w_i + b_i) V_i + c_i, y = (x, e_1, e_2, ...), where each feature
              x_i has `frequencies` frequencies w_i and phases b_i, and a small dense layer
              V_i, c_i with `output_dim` - 1 outputs
    Backward: the true gradient

    A dense layer then sees every feature as a few smooth curves, and can fit steps and bumps along
    one feature that would cost it many units. All weights are stored divided by
    f = `rate_factor`, which acts under Adam as a factor of their learning rate; see `Scale`.

    Features should have a spread of order one, as after `RobustScale` or `Standardize`.

    Args:
        output_dim: Numbers in place of each feature, itself included, at least 2.
        frequencies: Number of frequencies of each feature.
        sigma: Standard deviation of the initial frequencies, above 0.
        rate_factor: f, above 0: the factor of the learning rate under Adam.
        skip: Positions of features that get no embedding: zeros and ones, and vectors of
            `EmbedColumns`.
        seed: Seed of the weights. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, features)` -> `(batch, features + (features - skipped) * (output_dim - 1))`.

    Raises:
        InvalidArgument: If an argument is invalid, or `skip` names no feature.

    Example:
        >>> PeriodicEmbedding(seed=0)(keras.ops.ones((5, 3))).shape
        TensorShape([5, 12])

    Reference:
        Gorishniy, Rubachev & Babenko (2022), arXiv:2203.05556. With biases and the feature itself:
        Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        output_dim: int = 4,
        *,
        frequencies: int = 16,
        sigma: float = 0.1,
        rate_factor: float = 0.1,
        skip: Sequence[int] = (),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        _checks.integer("output_dim", output_dim, at_least=2)
        _checks.integer("frequencies", frequencies)
        _checks.number("sigma", sigma, above=0)
        check_factor("rate_factor", rate_factor)
        layers.check_positions("skip", skip)
        seed = layers.seed_or_none(seed)
        super().__init__(**kwargs)
        self.output_dim = output_dim
        self.frequencies = frequencies
        self.sigma = sigma
        self.rate_factor = rate_factor
        self.skip = skip
        self.seed = seed
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        features = layers.feature_count(self, input_shape)
        layers.check_inside("skip", self.skip, features)
        self.input_spec = keras.layers.InputSpec(ndim=2, axes={-1: features})
        self._embedded = [i for i in range(features) if i not in self.skip]
        count, inner, outer = len(self._embedded), self.frequencies, self.output_dim - 1
        draw = None if self.seed is None else random.Random(self.seed)
        within = 1 / math.sqrt(inner)

        # Features stand in the first axis: then each of them is one product of matrices.
        def weight(name: str, shape: tuple[int, ...], kind: Any, **spread: float) -> Any:
            seed = None if draw is None else draw.randrange(2**31)
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=Divided(kind(**spread, seed=seed), self.rate_factor),
                # Phases need the digits of float32.
                autocast=False,
            )

        uniform = {"minval": -within, "maxval": within}
        self.frequency = weight("frequency", (count, 1, inner), _L.RandomNormal, stddev=self.sigma)
        self.phase = weight(
            "phase", (count, 1, inner), _L.RandomUniform, minval=-math.pi, maxval=math.pi
        )
        self.projection = weight("projection", (count, inner, outer), _L.RandomUniform, **uniform)
        self.bias = weight("bias", (count, 1, outer), _L.RandomUniform, **uniform)

    def call(self, inputs: Any) -> Any:
        """Computes the embeddings."""
        x: Any = layers.real_numbers(self, inputs, self.variable_dtype)
        factor: Any = self.rate_factor
        if not self._embedded:
            return ops.cast(x, self.compute_dtype)
        embedded: Any = ops.take(x, self._embedded, axis=-1) if self.skip else x
        column: Any = ops.expand_dims(ops.transpose(embedded), -1)
        wave = ops.cos(column * (2 * math.pi * factor * self.frequency) + factor * self.phase)
        e: Any = ops.matmul(wave, factor * self.projection) + factor * self.bias
        e = ops.reshape(
            ops.transpose(e, (1, 0, 2)), (-1, len(self._embedded) * (self.output_dim - 1))
        )
        return ops.cast(ops.concatenate([x, e], axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape with embeddings."""
        features = input_shape[-1]
        return (
            *input_shape[:-1],
            features + (features - len(set(self.skip))) * (self.output_dim - 1),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "frequencies": self.frequencies,
            "sigma": self.sigma,
            "rate_factor": self.rate_factor,
            "skip": list(self.skip),
            "seed": self.seed,
        }
