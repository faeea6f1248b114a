"""A SavedModel that TensorFlow's Python runs, without Keras.

Used for verification where TensorFlow's C library is missing, as on Windows.
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn._checks.errors import InvalidArgument, from_text
from kerasnn.serving.errors import MissingSignatureError
from kerasnn.serving.runtime import c_library, protos, raw_columns
from kerasnn.serving.runtime.coerce_inputs import Signature, Tensor


class Session:
    """Loads the SavedModel in a directory, and runs its signatures.

    Args:
        directory: Holds `saved_model.pb`.

    Attributes:
        signatures: Signature name -> concrete function.

    Raises:
        InvalidArgument: If TensorFlow cannot load the directory.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        # Only here: this module is imported where TensorFlow's Python is not wanted.
        import tensorflow as tf

        self._tf = tf
        try:
            self._loaded = tf.saved_model.load(os.fspath(directory))
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise InvalidArgument(
                "path",
                "hold a SavedModel that TensorFlow loads",
                directory,
                got=f"{str(directory)!r}, for which it reports: {error}",
            ) from None
        self.signatures: dict[str, Any] = dict(self._loaded.signatures)
        contents = pathlib.Path(directory, "saved_model.pb").read_bytes()
        # Argument of a loaded function -> name of the column, which may be no identifier.
        self._columns = {
            argument: tensor.key
            for meta_graph in protos.SavedModel.FromString(contents).meta_graphs
            for signature in meta_graph.signature_def
            for tensor in signature.value.inputs
            if (argument := raw_columns.argument_of(tensor.value.name)) is not None
        }

    def signature(self, name: Any) -> Signature:
        """Returns the signature of a name; for the errors see `c_session.Session.signature`."""
        function = self.signatures.get(name) if isinstance(name, str) else None
        if function is None:
            known = ", ".join(self.signatures) or "none"
            raise MissingSignatureError("signature", f"be one of the model's, {known}", name)
        arguments = function.structured_input_signature[1]
        inputs = {self._columns.get(key, key): spec for key, spec in arguments.items()}
        return Signature(
            name=name,
            inputs={key: self._tensor(name, key, spec) for key, spec in inputs.items()},
            outputs={
                key: self._tensor(name, key, spec)
                for key, spec in function.structured_outputs.items()
            },
            is_table=arguments.keys() <= self._columns.keys(),
        )

    def run(self, signature: Signature, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs of `signature` by name.

        Raises:
            ValueError: If the program refuses the inputs.
            RuntimeError: If it fails otherwise.
        """
        tf = self._tf
        arguments = {name: key for key, name in self._columns.items()}
        given = {
            arguments.get(name, name): tf.constant(
                array, tf.string if array.dtype == object else array.dtype
            )
            for name, array in inputs.items()
        }
        try:
            outputs = self.signatures[signature.name](**given)
        except tf.errors.InvalidArgumentError as error:
            raise from_text(c_library.readable(error.message)) from None
        except tf.errors.OpError as error:
            raise RuntimeError(c_library.readable(error.message)) from None
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    def _tensor(self, signature: str, name: str, spec: Any) -> Tensor:
        is_string = spec.dtype == self._tf.string
        if not is_string and (spec.dtype.is_complex or not spec.dtype.is_numpy_compatible):
            raise ValueError(
                f"the signature {signature!r} cannot be run: its `{name}` must be of real numbers "
                f"or strings; it is of {spec.dtype.name}."
            )
        return Tensor(
            dtype=np.dtype(object if is_string else spec.dtype.as_numpy_dtype),
            shape=None if spec.shape.rank is None else tuple(spec.shape.as_list()),
        )
