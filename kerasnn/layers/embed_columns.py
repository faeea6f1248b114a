"""Trainable embeddings in place of columns of indices."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers


@keras.saving.register_keras_serializable("kerasnn")
class EmbedColumns(keras.layers.Layer):
    """Replaces columns of indices by trainable vectors, and leaves all others as they are.

    Forward:  y = (x without the columns p_1, p_2, ..., E_1[x_p1], E_2[x_p2], ...)
    Backward: dL/dE_i[k] = sum of dL/dy over the rows with x_pi = k; 0 for the indices

    An index outside of a table counts as 0, which `data.Encoder` gives to unknown categories.
    The outputs are in the layer's variable dtype also under mixed precision, so that the numbers
    keep their digits until they are standardised.

    Args:
        embeddings: Position of each column of indices in the last axis -> number of its indices:
            `split.embeddings` of a table.
        output_dim: Size of each vector; None is min(600, round(1.6 * n**0.56)) for n indices, the
            rule of fastai.
        embeddings_initializer: Initializer of the tables E.
        embeddings_regularizer: Penalty on each table.
        dense_gradient: Whether the gradient of a table is one tensor, in which the rows of an index
            are added up. By default, as of `keras.layers.Embedding`, TensorFlow keeps one row for
            each row of the batch, and optimizers such as Adam square these before they add them
            up. `fit_many` stacks models with True, and with SGD any.

    Shape:
        `(batch, ..., features)` -> `(batch, ..., features - tables + sum of vector sizes)`.

    Raises:
        InvalidArgument: If an argument is invalid, or a position lies outside the last axis.

    Example:
        >>> layer = EmbedColumns({1: 3}, output_dim=2, embeddings_initializer="ones")
        >>> layer(keras.ops.array([[0.5, 2.0, 7.0]])).numpy()
        array([[0.5, 7. , 1. , 1. ]], dtype=float32)

    Reference:
        Guo & Berkhahn (2016), arXiv:1604.06737.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        embeddings: Mapping[int, int],
        *,
        output_dim: int | None = None,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        dense_gradient: bool = False,
        **kwargs: Any,
    ) -> None:
        _checks.boolean("dense_gradient", dense_gradient)
        if not isinstance(embeddings, Mapping) or not embeddings:
            raise _checks.InvalidArgument(
                "embeddings", "be a dictionary: position -> number of indices", embeddings
            )
        for position, count in embeddings.items():
            _checks.integer("embeddings", position, at_least=0)
            _checks.integer("embeddings", count)
        if output_dim is not None:
            _checks.integer("output_dim", output_dim)
        # Inputs stay as they are: bfloat16 holds integers up to 256.
        super().__init__(autocast=False, **kwargs)
        self.embeddings = dict(embeddings)
        self.output_dim = output_dim
        self.dense_gradient = dense_gradient
        self.embeddings_initializer = layers.from_keras(
            "embeddings_initializer", keras.initializers.get, embeddings_initializer
        )
        self.embeddings_regularizer = layers.from_keras(
            "embeddings_regularizer", keras.regularizers.get, embeddings_regularizer
        )
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Size of the vectors of each table."""
        return tuple(
            self.output_dim or min(600, round(1.6 * count**0.56))
            for count in self.embeddings.values()
        )

    def build(self, input_shape: Any) -> None:
        """Creates the tables."""
        features = layers.feature_count(self, input_shape)
        outside = [position for position in self.embeddings if position >= features]
        if outside:
            raise _checks.InvalidArgument(
                "embeddings", f"name positions below the {features} features", outside[0]
            )
        self._others = [i for i in range(features) if i not in self.embeddings]
        self.tables: Any = [
            self.add_weight(
                name=f"table_{position}",
                shape=(count, size),
                initializer=self.embeddings_initializer,
                regularizer=self.embeddings_regularizer,
                autocast=False,
            )
            for (position, count), size in zip(self.embeddings.items(), self.sizes, strict=True)
        ]

    def call(self, inputs: Any) -> Any:
        """Looks up the vectors."""
        x: Any = layers.real_numbers(self, inputs, self.variable_dtype)
        parts = [ops.take(x, self._others, axis=-1)] if self._others else []
        for (position, count), table in zip(self.embeddings.items(), self.tables, strict=True):
            indices: Any = ops.cast(x[..., position], "int32")
            # The gradient of a product is dense.
            table = 1.0 * table if self.dense_gradient else table
            known = ops.logical_and(indices >= 0, indices < count)
            parts.append(ops.take(table, ops.where(known, indices, 0), axis=0))
        return ops.concatenate(parts, axis=-1)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Returns the shape with the vectors, in the dtype that `call` gives."""
        shape = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, dtype=self.variable_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape with the vectors in place of the indices."""
        return (*input_shape[:-1], input_shape[-1] - len(self.embeddings) + sum(self.sizes))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            # The keys of JSON are texts.
            "embeddings": [list(pair) for pair in self.embeddings.items()],
            "output_dim": self.output_dim,
            "dense_gradient": self.dense_gradient,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": keras.regularizers.serialize(self.embeddings_regularizer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "EmbedColumns":
        """Returns the layer that `get_config` described."""
        return cls(**{**config, "embeddings": dict(config["embeddings"])})
