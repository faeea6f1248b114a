"""Writers: from the outputs of the model to the tensors of a response."""

import numpy as np
import tensorflow as tf

from kerasnn.serving.errors import UnsuitableError
from kerasnn.serving.graph.labels import Labels
from kerasnn.serving.graph.traced import Traced
from kerasnn.serving.runtime.recorded_examples import Arrays


class PredictWriter:
    """Writes the model's outputs by name.

    With labels, `probabilities` has one column for each label, in their order, of one sigmoid too,
    and `labels` holds the name of the class.
    """

    method = "tensorflow/serving/predict"

    def __init__(self, labels: Labels | None) -> None:
        self._labels = labels if labels is not None and labels.is_exclusive else None

    def write(self, outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the signature's outputs from the model's, in its graph."""
        if self._labels is None:
            return outputs
        by_class = self._labels.by_class(outputs["probabilities"])
        return outputs | {"probabilities": by_class, "labels": self._labels.of(by_class)}

    def expected(self, predicted: Arrays) -> Arrays:
        """Returns the signature's outputs where the model predicts `predicted`."""
        if self._labels is None:
            return predicted
        by_class = self._labels.by_class(predicted["probabilities"])
        return predicted | {"probabilities": by_class, "labels": self._labels.expected(by_class)}


class RegressWriter:
    """Writes one number a row, as TensorFlow Serving's `regress` requires.

    Raises:
        UnsuitableError: If the model's output is not that.
    """

    method = "tensorflow/serving/regress"

    def __init__(self, traced: Traced) -> None:
        spec = traced.outputs.get("predictions")
        if spec is None or spec.dtype == tf.string or spec.shape.as_list()[1:] not in ([], [1]):
            raise UnsuitableError(
                "signatures",
                "name 'regress' only for a model with one output, which is no probability, of one "
                "number a row",
                "regress",
                got=", ".join(f"`{n}` of shape {s.shape}" for n, s in traced.outputs.items()),
            )

    def write(self, outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the signature's outputs from the model's, in its graph."""
        return {"outputs": outputs["predictions"]}

    def expected(self, predicted: Arrays) -> Arrays:
        """Returns the signature's outputs where the model predicts `predicted`."""
        return {"outputs": predicted["predictions"]}


class ClassifyWriter:
    """Writes every class with its score, as TensorFlow Serving's `classify` requires.

    `scores` is `(batch, classes)`; of one sigmoid it holds 1 - p and p. `classes`, of the same
    shape, holds the labels, where there are any.

    Raises:
        UnsuitableError: If the model's output is not one row of probabilities.
    """

    method = "tensorflow/serving/classify"

    def __init__(self, traced: Traced, labels: Labels | None) -> None:
        shape = traced.outputs["probabilities"].shape if traced.activation else None
        if shape is None or shape.rank != 2 or shape[-1] is None:
            raise UnsuitableError(
                "signatures",
                "name 'classify' only for a model with one output, computed by softmax or sigmoid, "
                "of shape (batch, classes)",
                "classify",
                got=", ".join(f"`{n}` of shape {s.shape}" for n, s in traced.outputs.items()),
            )
        self._is_binary = traced.activation == "sigmoid" and shape[-1] == 1
        self._names = None if labels is None else labels.names

    def write(self, outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the signature's outputs from the model's, in its graph."""
        scores = outputs["probabilities"]
        if self._is_binary:
            scores = tf.concat([1 - scores, scores], axis=-1)
        if self._names is None:
            return {"scores": scores}
        rows = tf.stack([tf.shape(scores)[0], 1])
        return {"classes": tf.tile(tf.constant([self._names]), rows), "scores": scores}

    def expected(self, predicted: Arrays) -> Arrays:
        """Returns the signature's outputs where the model predicts `predicted`."""
        scores = predicted["probabilities"]
        if self._is_binary:
            scores = np.hstack([1 - scores, scores])
        if self._names is None:
            return {"scores": scores}
        names = np.array([name.encode() for name in self._names], object)
        return {"classes": np.repeat(names[None], len(scores), axis=0), "scores": scores}
