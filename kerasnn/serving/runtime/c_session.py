"""A SavedModel that TensorFlow's C library runs."""

import ctypes
import dataclasses
import functools
import os
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn.serving.errors import MissingSignatureError
from kerasnn.serving.runtime import c_library, c_tensors, protos


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One input or output of a signature.

    Attributes:
        dtype: NumPy's type; of strings that is `object`.
        shape: Sizes of its axes, None where any fits; None where even their number is free.
        output: The place in the graph.
    """

    dtype: np.dtype
    shape: tuple[int | None, ...] | None
    output: c_library.Output


@dataclasses.dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a signature by name, in alphabetical order."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @functools.cached_property
    def places(self) -> tuple[Any, Any]:
        """Where in the graph all inputs and all outputs are, as two arrays of `TF_Output`."""
        inputs, outputs = (
            [tensor.output for tensor in side.values()] for side in (self.inputs, self.outputs)
        )
        kind = c_library.Output
        return (kind * len(inputs))(*inputs), (kind * len(outputs))(*outputs)


class Session:
    """Loads the SavedModel in a directory, and answers what its signatures are asked.

    Args:
        directory: Holds `saved_model.pb`.

    Attributes:
        signatures: Signature name -> `Signature`, or why that cannot be asked here.

    Raises:
        ValueError: If TensorFlow cannot load it.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._library = library = c_library.load()
        graph, options = library.TF_NewGraph(), library.TF_NewSessionOptions()
        buffer = library.TF_NewBuffer()
        tags = (ctypes.c_char_p * 1)(b"serve")
        try:
            with c_library.status() as status:
                self._session = library.TF_LoadSessionFromSavedModel(
                    *(options, None, os.fsencode(directory), tags, 1, graph, buffer, status)
                )
            contents = ctypes.string_at(buffer.contents.data, buffer.contents.length)
        except (RuntimeError, ValueError) as error:
            library.TF_DeleteGraph(graph)
            raise ValueError(
                f"`path` must hold a SavedModel that TensorFlow loads; of {str(directory)!r} it "
                f"says: {error}"
            ) from None
        finally:
            library.TF_DeleteSessionOptions(options)
            library.TF_DeleteBuffer(buffer)
        weakref.finalize(self, _close, library, self._session, graph)
        signatures = protos.MetaGraphDef.FromString(contents).signature_def
        self.signatures: dict[str, Signature | ValueError] = {
            entry.key: _signature(library, graph, entry)
            for entry in sorted(signatures, key=lambda entry: entry.key)
            if entry.value.inputs and entry.value.outputs
        }

    def signature(self, name: Any) -> Signature:
        """Returns the signature of a name.

        Raises:
            ValueError: If there is none, or it cannot be asked.
        """
        found = self.signatures.get(name) if isinstance(name, str) else None
        if found is None:
            raise MissingSignatureError(name, self.signatures)
        if isinstance(found, ValueError):
            raise found
        return found

    def run(self, signature: Signature, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs of `signature` by name.

        Args:
            signature: One of `signatures`.
            inputs: Input name -> array of just the right type.

        Raises:
            ValueError: If the program refuses the inputs.
            RuntimeError: If it fails otherwise.
        """
        library = self._library
        given, wanted = signature.places
        values = (ctypes.c_void_p * len(given))()
        answers = (ctypes.c_void_p * len(wanted))()
        try:
            for i, name in enumerate(signature.inputs):
                values[i] = c_tensors.from_numpy(inputs[name])
            with c_library.status() as status:
                library.TF_SessionRun(
                    *(self._session, None, given, values, len(given)),
                    *(wanted, answers, len(wanted), None, 0, None, status),
                )
            arrays = map(c_tensors.to_numpy, answers)
            return dict(zip(signature.outputs, arrays, strict=True))
        finally:
            for tensor in (*values, *answers):
                if tensor is not None:
                    library.TF_DeleteTensor(tensor)


def _signature(library: Any, graph: Any, entry: Any) -> Signature | ValueError:
    try:
        return Signature(
            _tensors(library, graph, entry.value.inputs),
            _tensors(library, graph, entry.value.outputs),
        )
    except ValueError as error:
        return ValueError(f"the signature {entry.key!r} cannot be asked: {error}")


def _tensors(library: Any, graph: Any, entries: Any) -> dict[str, Tensor]:
    found = {}
    for entry in sorted(entries, key=lambda entry: entry.key):
        info = entry.value
        operation, _, index = info.name.partition(":")
        place = library.TF_GraphOperationByName(graph, operation.encode())
        # The library would follow a place that is not there, out of its memory.
        if not (place and index.isdecimal() and int(index) < library.TF_OperationNumOutputs(place)):
            raise ValueError(
                f"its `{entry.key}` must be one dense tensor of the graph; {info.name!r} is not "
                "one. The file is damaged, or of sparse or ragged tensors."
            )
        if info.dtype not in c_tensors.DTYPES:
            raise ValueError(
                f"its `{entry.key}` must be of real numbers or strings; it has TensorFlow's type "
                f"{info.dtype} (`DataType` of `types.proto`)."
            )
        sizes = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
        found[entry.key] = Tensor(
            c_tensors.DTYPES[info.dtype],
            None if info.tensor_shape.unknown_rank else sizes,
            c_library.Output(place, int(index)),
        )
    return found


def _close(library: Any, session: Any, graph: Any) -> None:
    status = library.TF_NewStatus()
    library.TF_CloseSession(session, status)
    library.TF_DeleteSession(session, status)
    library.TF_DeleteStatus(status)
    library.TF_DeleteGraph(graph)
