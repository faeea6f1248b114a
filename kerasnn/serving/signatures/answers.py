"""`Answers`."""

import tensorflow as tf

from kerasnn.serving.labels import Labels
from kerasnn.serving.recorded import Arrays


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
