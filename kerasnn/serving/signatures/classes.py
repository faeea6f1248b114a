"""`Classes`."""

import numpy as np
import tensorflow as tf

from kerasnn.serving.inference import Inference
from kerasnn.serving.labels import Labels
from kerasnn.serving.recorded import Arrays
from kerasnn.serving.signatures.unsuitable_error import UnsuitableError


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
