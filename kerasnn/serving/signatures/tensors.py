"""`Tensors`."""

from kerasnn.serving.inference import Inference
from kerasnn.serving.recorded import Arrays


class Tensors:
    """Reads the model's own inputs, by name."""

    def __init__(self, inference: Inference) -> None:
        self.specs = inference.inputs

    def read(self, received: dict) -> dict:
        """Returns the model's inputs from those of the signature, in its graph."""
        return received

    def request(self, rows: Arrays) -> tuple[Arrays, Arrays]:
        """Returns a request that asks for `rows`, and the rows that are read from it."""
        return rows, rows
