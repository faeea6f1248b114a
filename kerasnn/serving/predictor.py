"""Prediction with a SavedModel, without Keras."""

import os
from typing import Any

import numpy as np

from kerasnn._checks.arguments import boolean, ends_with_caller
from kerasnn._checks.errors import InvalidArgument, first_line
from kerasnn.serving.publishing import version_directory
from kerasnn.serving.runtime import c_session, coerce_inputs


class Predictor:
    """Loads a SavedModel with TensorFlow's C library, and predicts.

    It runs the same program as a server, without Keras or TensorFlow's Python.

    Args:
        path: Directory of a SavedModel, or of numbered versions, of which the newest is taken.
        signature: Name of the signature to run.
        allow_nan: Whether inputs may be NaN, for a model whose own layer fills them in. In the
            columns of a table NaN is a missing value anyway.

    Attributes:
        path: Directory of the SavedModel.
        signature: Name of the signature.
        inputs: Input name -> its dtype and shape.
        outputs: Output name -> its dtype and shape.
        is_table: Whether the inputs are the columns of a table, as after an export with an encoder.

    Raises:
        FileNotFoundError: If there is no SavedModel.
        ImportError: If TensorFlow's C library is missing, as on Windows.
        InvalidArgument: If TensorFlow cannot load the model, or it has no such signature.

    Example:
        >>> import keras, tempfile
        >>> from kerasnn import serving
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(10.0)])
        >>> report = serving.export(model, tempfile.mkdtemp(), verify=False)
        >>> Predictor(report.path)([[1, 2], [3, 4]])
        {'predictions': array([[10., 20.],
               [30., 40.]], dtype=float32)}
    """

    @ends_with_caller
    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        signature: str = "serving_default",
        allow_nan: bool = False,
    ) -> None:
        boolean("allow_nan", allow_nan)
        self._allow_nan = allow_nan
        self.path = version_directory.find(path)
        self._session = c_session.Session(self.path)
        self.signature = signature
        self._signature = self._session.signature(signature)
        self.inputs, self.outputs = self._signature.inputs, self._signature.outputs
        self.is_table = self._signature.is_table

    def __repr__(self) -> str:
        """Returns the model, the signature, and what goes in and comes out."""
        inputs, outputs = ", ".join(self.inputs), ", ".join(self.outputs)
        return f"Predictor({str(self.path)!r}, {self.signature}: {inputs:.200} -> {outputs})"

    @ends_with_caller
    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        """Returns output name -> array, one entry a row.

        Args:
            x: Rows for the one input, or a dictionary of them by input name. Strings are `str`
                or `bytes`; those of the outputs are `bytes`. A model that was exported with an
                encoder takes rows of its table: a dictionary of columns, a list of dictionaries,
                or a frame of pandas, polars or pyarrow, with the columns in any order. There None
                and NaN are missing values; booleans, dates, and numbers in a column of text
                become text. A model of past steps, as of `data.from_csv(..., windows=8)`, takes
                windows of each column: of a series in the order of time
                `{name: np.lib.stride_tricks.sliding_window_view(frame[name], 8) for name in
                predictor.inputs}`.

        Raises:
            InvalidArgument: If `x` lacks an input or a column, has an unknown one, or one of
                another shape or type, or holds an infinity, or NaN without an encoder; or if the
                program refuses a value, as an encoder does a missing one where it takes none. It
                names the column, and the row from 0.
            ValueError: If TensorFlow cannot read a file or an example.
        """
        rows = coerce_inputs.rows_of(x, self._signature, allow_nan=self._allow_nan)
        try:
            return self._session.run(self._signature, rows)
        except InvalidArgument:
            raise
        except ValueError:
            if list(rows) == [coerce_inputs.FILES]:
                self._find_broken_file(rows[coerce_inputs.FILES])
            raise

    def _find_broken_file(self, files: np.ndarray) -> None:
        """Raises for the first file that TensorFlow cannot decode, whose errors name no row."""
        for row in range(len(files)):
            try:
                self._session.run(self._signature, {coerce_inputs.FILES: files[row : row + 1]})
            except ValueError as error:
                raise InvalidArgument(
                    coerce_inputs.FILES,
                    "hold whole image files",
                    files[row],
                    got=f"row {row}, of which TensorFlow says: {first_line(error)}",
                ) from None
