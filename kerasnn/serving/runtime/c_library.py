"""TensorFlow's C library from the installed package, called without TensorFlow's Python.

Reference:
    `tensorflow/c/c_api.h` and `tf_tstring.h`, which the package has in its `include` folder.
"""

import contextlib
import ctypes
import functools
import importlib.util
import pathlib
import re
from collections.abc import Iterator
from typing import Any

from kerasnn._checks.errors import from_text

_INVALID_ARGUMENT = 3
# Prefix of a message of `tf.debugging.Assert`.
_ASSERTION = "assertion failed: ["
_ESCAPED = re.compile(r"\\(['\"\\])")

_pointer, _text, _int = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_size, _int64 = ctypes.c_size_t, ctypes.c_int64


class Output(ctypes.Structure):
    """`TF_Output`: one output tensor of an operation."""

    _fields_ = [("operation", _pointer), ("index", _int)]


class Buffer(ctypes.Structure):
    """`TF_Buffer`: bytes."""

    _fields_ = [("data", _pointer), ("length", _size), ("free", _pointer)]


# Function -> the type of its result, then those of its arguments.
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "TF_NewStatus": (_pointer,),
    "TF_DeleteStatus": (None, _pointer),
    "TF_GetCode": (_int, _pointer),
    "TF_Message": (_text, _pointer),
    "TF_NewBuffer": (ctypes.POINTER(Buffer),),
    "TF_DeleteBuffer": (None, _pointer),
    "TF_NewGraph": (_pointer,),
    "TF_DeleteGraph": (None, _pointer),
    "TF_GraphOperationByName": (_pointer, _pointer, _text),
    "TF_OperationNumOutputs": (_int, _pointer),
    "TF_NewSessionOptions": (_pointer,),
    "TF_DeleteSessionOptions": (None, _pointer),
    "TF_LoadSessionFromSavedModel": (
        *(_pointer, _pointer, _pointer, _text, ctypes.POINTER(_text), _int),
        *(_pointer, _pointer, _pointer),
    ),
    "TF_CloseSession": (None, _pointer, _pointer),
    "TF_DeleteSession": (None, _pointer, _pointer),
    "TF_SessionRun": (
        *(None, _pointer, _pointer, ctypes.POINTER(Output), ctypes.POINTER(_pointer), _int),
        *(ctypes.POINTER(Output), ctypes.POINTER(_pointer), _int, _pointer, _int),
        *(_pointer, _pointer),
    ),
    "TF_AllocateTensor": (_pointer, _int, ctypes.POINTER(_int64), _int, _size),
    "TF_DeleteTensor": (None, _pointer),
    "TF_TensorType": (_int, _pointer),
    "TF_NumDims": (_int, _pointer),
    "TF_Dim": (_int64, _pointer, _int),
    "TF_TensorData": (_pointer, _pointer),
    "TF_StringInit": (None, _pointer),
    "TF_StringCopy": (None, _pointer, _text, _size),
    "TF_StringGetDataPointer": (_pointer, _pointer),
    "TF_StringGetSize": (_size, _pointer),
}


@functools.cache
def load() -> Any:
    """Returns the library, with the types of the functions that are used here.

    Raises:
        ImportError: If no TensorFlow is installed, or the library is missing or cannot be loaded.
    """
    # Finds the package without importing it.
    found = importlib.util.find_spec("tensorflow")
    places = (found.submodule_search_locations if found else None) or []
    # Linux has `libtensorflow_cc.so.2` there, macOS `libtensorflow_cc.2.dylib`.
    files = [file for place in places for file in pathlib.Path(place).glob("libtensorflow_cc.*")]
    if not files:
        raise ImportError(
            "TensorFlow's C library, `libtensorflow_cc`, must lie in the installed `tensorflow`; "
            f"got {', '.join(places) or 'no such package'}. The packages for Linux and macOS have "
            "it."
        )
    try:
        library = ctypes.CDLL(str(files[0]))
    except OSError as error:
        raise ImportError(f"TensorFlow's C library cannot be loaded: {error}") from error
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@contextlib.contextmanager
def status() -> Iterator[Any]:
    """Gives the `TF_Status` of one call, and raises what the call reported.

    Raises:
        InvalidArgument: If the program refused a value, and says which by the words of this error.
        ValueError: If TensorFlow found an argument invalid.
        RuntimeError: If anything else went wrong.
    """
    library = load()
    pointer = library.TF_NewStatus()
    try:
        yield pointer
        code = library.TF_GetCode(pointer)
        if code:
            message = library.TF_Message(pointer).decode(errors="replace")
            text = readable(message)
            raise from_text(text) if code == _INVALID_ARGUMENT else RuntimeError(text)
    finally:
        library.TF_DeleteStatus(pointer)


def readable(message: str) -> str:
    """Returns TensorFlow's message without names of nodes and the brackets of an assertion."""
    text = message.partition("\n\t [[")[0]
    # A number of the error may stand before it.
    _, is_assertion, parts = text.partition(_ASSERTION)
    if not is_assertion:
        return text
    # It puts each part of the message in brackets, and escapes quotes.
    return _ESCAPED.sub(r"\1", parts.removesuffix("]").replace("] [", " "))
