"""Signature: a reader, the model's inference and a writer as one traced program."""

from typing import Any

import tensorflow as tf

from kerasnn.serving.graph.traced import Traced, specs
from kerasnn.serving.runtime.recorded_examples import Arrays, Example
from kerasnn.serving.signatures.readers import ExampleReader, ImageReader, TensorReader
from kerasnn.serving.signatures.writers import ClassifyWriter, PredictWriter, RegressWriter


class Signature:
    """One named way to call a model's inference.

    Args:
        traced: The model's inference.
        reader: Converts a request to the model's inputs.
        writer: Converts the model's outputs to a response.

    Attributes:
        function: The traced program, from request to response.
        inputs: Input name -> `tf.TensorSpec`.
        outputs: Output name -> `tf.TensorSpec`.
        method: TensorFlow Serving's name of the method.
    """

    def __init__(
        self,
        traced: Traced,
        reader: TensorReader | ImageReader | ExampleReader,
        writer: PredictWriter | ClassifyWriter | RegressWriter,
    ) -> None:
        def served(received: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            return writer.write(traced.call(reader.read(received)))

        self._traced, self._reader, self._writer = traced, reader, writer
        program = tf.function(served, input_signature=[reader.specs], autograph=False)
        self.function: Any = program.get_concrete_function()
        self.inputs: dict[str, tf.TensorSpec] = reader.specs
        self.outputs = specs(self.function.structured_outputs)
        self.method = writer.method

    def request(self, rows: Arrays) -> Arrays:
        """Returns a request for `rows` of the model's inputs."""
        return self._reader.request(rows)[0]

    def example(self, rows: Arrays) -> Example:
        """Returns a request for `rows`, with the model's own predictions as outputs.

        Raises:
            RefusedRowsError: If the model raises an error for them.
        """
        request, read = self._reader.request(rows)
        return Example(request, self._writer.expected(self._traced.predict(read)))
