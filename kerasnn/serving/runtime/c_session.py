"""A SavedModel that TensorFlow's C library runs."""

import ctypes
import os
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn._checks.errors import InvalidArgument
from kerasnn.serving.errors import MissingSignatureError
from kerasnn.serving.runtime import c_library, c_tensors, protos, raw_columns
from kerasnn.serving.runtime.coerce_inputs import Signature, Tensor


class Session:
    """Loads the SavedModel in a directory, and runs its signatures.

    Args:
        directory: Holds `saved_model.pb`.

    Attributes:
        signatures: Signature name -> `Signature`, or the error that says why it cannot be run.

    Raises:
        ImportError: If TensorFlow's C library is not there.
        InvalidArgument: If TensorFlow cannot load the directory.
    """

    # Process in which the library began; its threads are not in one that is forked from there.
    _process: int | None = None

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        if Session._process is None:
            Session._process = os.getpid()
        self._check_process()
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
            raise InvalidArgument(
                "path",
                "hold a SavedModel that TensorFlow loads",
                directory,
                got=f"{str(directory)!r}, for which it reports: {error}",
            ) from None
        finally:
            library.TF_DeleteSessionOptions(options)
            library.TF_DeleteBuffer(buffer)
        weakref.finalize(self, _close, library, self._session, graph)
        signatures = protos.MetaGraphDef.FromString(contents).signature_def
        self.signatures: dict[str, Signature | ValueError] = {}
        # Signature name -> arrays of `TF_Output`: where in the graph its inputs and outputs are.
        self._places: dict[str, tuple[Any, Any]] = {}
        for entry in sorted(signatures, key=lambda entry: entry.key):
            name = entry.key
            if not entry.value.inputs or not entry.value.outputs:
                continue
            try:
                inputs, input_places = _tensors(library, graph, entry.value.inputs)
                outputs, output_places = _tensors(library, graph, entry.value.outputs)
            except ValueError as error:
                self.signatures[name] = ValueError(f"the signature {name!r} cannot be run: {error}")
                continue
            tensors = [tensor.value.name for tensor in entry.value.inputs]
            self.signatures[name] = Signature(
                name=name,
                inputs=inputs,
                outputs=outputs,
                is_table=raw_columns.are_columns(tensors),
            )
            self._places[name] = input_places, output_places

    def _check_process(self) -> None:
        if os.getpid() != Session._process:
            raise RuntimeError(
                "TensorFlow cannot work in a process that was forked after it had loaded a model: "
                "its threads are in the parent alone, and the call would wait for ever. Load the "
                "first model in the process that predicts, as in each worker of gunicorn without "
                "--preload, or start processes with multiprocessing.get_context('spawn')."
            )

    def signature(self, name: Any) -> Signature:
        """Returns the signature of a name.

        Raises:
            MissingSignatureError: If there is none.
            ValueError: If it cannot be run.
        """
        found = self.signatures.get(name) if isinstance(name, str) else None
        if found is None:
            known = ", ".join(self.signatures) or "none"
            raise MissingSignatureError("signature", f"be one of the model's, {known}", name)
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
        self._check_process()
        library = self._library
        given, wanted = self._places[signature.name]
        values = (ctypes.c_void_p * len(given))()
        outputs = (ctypes.c_void_p * len(wanted))()
        try:
            for i, name in enumerate(signature.inputs):
                values[i] = c_tensors.from_numpy(inputs[name])
            with c_library.status() as status:
                library.TF_SessionRun(
                    *(self._session, None, given, values, len(given)),
                    *(wanted, outputs, len(wanted), None, 0, None, status),
                )
            arrays = map(c_tensors.to_numpy, outputs)
            return dict(zip(signature.outputs, arrays, strict=True))
        finally:
            for tensor in (*values, *outputs):
                if tensor is not None:
                    library.TF_DeleteTensor(tensor)


def _tensors(library: Any, graph: Any, entries: Any) -> tuple[dict[str, Tensor], Any]:
    found, places = {}, []
    for entry in sorted(entries, key=lambda entry: entry.key):
        info = entry.value
        operation, _, index = info.name.partition(":")
        place = library.TF_GraphOperationByName(graph, operation.encode())
        # The library would read a place that does not exist from beyond its memory.
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
            dtype=c_tensors.DTYPES[info.dtype],
            shape=None if info.tensor_shape.unknown_rank else sizes,
        )
        places.append(c_library.Output(place, int(index)))
    return found, (c_library.Output * len(places))(*places)


def _close(library: Any, session: Any, graph: Any) -> None:
    status = library.TF_NewStatus()
    library.TF_CloseSession(session, status)
    library.TF_DeleteSession(session, status)
    library.TF_DeleteStatus(status)
    library.TF_DeleteGraph(graph)
