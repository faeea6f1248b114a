"""A SavedModel that answers without Keras."""

import os
from typing import Any

import numpy as np

from kerasnn.serving.publishing import version_directory
from kerasnn.serving.runtime import c_session, coerce_inputs


class Predictor:
    """Loads a SavedModel through TensorFlow's C library, and predicts.

    Neither Keras nor TensorFlow's Python takes part: what answers is what a server would run.

    Args:
        path: Directory of a SavedModel, or of numbered versions, of which the newest is taken.
        signature: Which of its signatures to ask.

    Attributes:
        path: Directory of the SavedModel.
        signature: Name of the signature.
        inputs: Input name -> its dtype and shape.
        outputs: Output name -> its dtype and shape.

    Raises:
        FileNotFoundError: If there is no SavedModel.
        ValueError: If TensorFlow cannot load it, or if it has no such signature.

    Example:
        >>> import keras, tempfile
        >>> from kerasnn import serving
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(10.0)])
        >>> report = serving.export(model, tempfile.mkdtemp())
        >>> Predictor(report.path)([[1, 2], [3, 4]])
        {'predictions': array([[10., 20.],
               [30., 40.]], dtype=float32)}
    """

    def __init__(self, path: str | os.PathLike[str], *, signature: str = "serving_default") -> None:
        self.path = version_directory.find(path)
        self._session = c_session.Session(self.path)
        self.signature = signature
        self._signature = self._session.signature(signature)
        self.inputs, self.outputs = self._signature.inputs, self._signature.outputs

    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        """Returns output name -> array of answers, one a row.

        Args:
            x: Rows for the one input, or a dictionary of them by input name. Strings are `str`
                or `bytes`, and come back as `bytes`.

        Raises:
            ValueError: If `x` lacks an input, has one too many, or one of another shape or type,
                holds NaN or infinity, or if the model refuses what it holds.
        """
        arrays = coerce_inputs.fitted(x, self.inputs)
        coerce_inputs.check_finite(arrays)
        return self._session.run(self._signature, arrays)
