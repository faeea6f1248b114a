"""`Values`."""

import tensorflow as tf

from kerasnn.serving.inference import Inference
from kerasnn.serving.recorded import Arrays
from kerasnn.serving.signatures.unsuitable_error import UnsuitableError


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
