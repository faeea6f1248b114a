"""`Signature`."""

from typing import Any

import tensorflow as tf

from kerasnn.serving.graph.inference import Inference
from kerasnn.serving.runtime.recorded_examples import Arrays, Example
from kerasnn.serving.signatures.readers import Examples, Pictures, Tensors
from kerasnn.serving.signatures.writers import Answers, Classes, Values


class Signature:
    """One way to ask for a model's inference.

    Args:
        inference: What is asked.
        reader: Makes the model's inputs of a request.
        writer: Makes the answer of the model's outputs.

    Attributes:
        function: The traced program, from the request to the answer.
        inputs: Input name -> `tf.TensorSpec`.
        outputs: Output name -> `tf.TensorSpec`.
        method: What TensorFlow Serving calls this way to ask.
    """

    def __init__(
        self,
        inference: Inference,
        reader: Tensors | Pictures | Examples,
        writer: Answers | Classes | Values,
    ) -> None:
        self._inference, self._reader, self._writer = inference, reader, writer
        traced = tf.function(self._serve, input_signature=[reader.specs], autograph=False)
        self.function: Any = traced.get_concrete_function()
        self.inputs: dict[str, tf.TensorSpec] = reader.specs
        self.outputs: dict[str, tf.TensorSpec] = self.function.structured_outputs
        self.method = writer.method

    def request(self, rows: Arrays) -> Arrays:
        """Returns a request for `rows` of the model's inputs."""
        return self._reader.request(rows)[0]

    def example(self, rows: Arrays) -> Example:
        """Returns a request for `rows`, with what the model itself predicts for them.

        Raises:
            ValueError: If the model cannot answer.
        """
        request, read = self._reader.request(rows)
        return Example(request, self._writer.expected(self._inference.predict(read)))

    def _serve(self, received: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return self._writer.write(self._inference(self._reader.read(received)))
