"""`Answers`."""

import numpy as np
import tensorflow as tf

from kerasnn.serving.errors import UnsuitableError
from kerasnn.serving.graph.inference import Inference
from kerasnn.serving.graph.labels import Labels
from kerasnn.serving.runtime.recorded_examples import Arrays


class Answers:
    """Writes the model's outputs by name.

    With labels, `probabilities` holds one for each label, in their order, of one sigmoid too, and
    beside it stands the label of the class.
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

    def expected(self, answers: Arrays) -> Arrays:
        """Returns what is to come out where the model predicts `answers`."""
        if self._labels is None:
            return answers
        by_class = self._labels.by_class(answers["probabilities"])
        return answers | {"probabilities": by_class, "labels": self._labels.expected(by_class)}


class Values:
    """Writes one number a row, as TensorFlow Serving's `regress` wants it.

    Raises:
        UnsuitableError: If the model's output is not that.
    """

    method = "tensorflow/serving/regress"

    def __init__(self, inference: Inference) -> None:
        spec = inference.outputs.get("predictions")
        if spec is None or spec.dtype == tf.string or spec.shape.as_list()[1:] not in ([], [1]):
            raise UnsuitableError(
                "regress",
                "with one output, which is no probability, of one number a row",
                ", ".join(f"`{n}` of shape {s.shape}" for n, s in inference.outputs.items()),
            )

    def write(self, outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the signature's outputs from the model's, in its graph."""
        return {"outputs": outputs["predictions"]}

    def expected(self, answers: Arrays) -> Arrays:
        """Returns what is to come out where the model predicts `answers`."""
        return {"outputs": answers["predictions"]}


class Classes:
    """Writes every class with its score, as TensorFlow Serving's `classify` wants it.

    `scores` is `(batch, classes)`; of one sigmoid it holds 1 - p and p. `classes`, of the same
    shape, holds the labels, where there are any.

    Raises:
        UnsuitableError: If the model's output is not one row of probabilities.
    """

    method = "tensorflow/serving/classify"

    def __init__(self, inference: Inference, labels: Labels | None) -> None:
        shape = inference.outputs["probabilities"].shape if inference.activation else None
        if shape is None or shape.rank != 2 or shape[-1] is None:
            raise UnsuitableError(
                "classify",
                "with one output, which softmax or sigmoid gives, of shape (batch, classes)",
                ", ".join(f"`{n}` of shape {s.shape}" for n, s in inference.outputs.items()),
            )
        self._is_binary = inference.activation == "sigmoid" and shape[-1] == 1
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

    def expected(self, answers: Arrays) -> Arrays:
        """Returns what is to come out where the model predicts `answers`."""
        scores = answers["probabilities"]
        if self._is_binary:
            scores = np.hstack([1 - scores, scores])
        if self._names is None:
            return {"scores": scores}
        names = np.array([name.encode() for name in self._names], object)
        return {"classes": np.repeat(names[None], len(scores), axis=0), "scores": scores}
