"""The line of the caller: what tracebacks of errors end with, and what warnings point at."""

import os
import pathlib
import sys
import sysconfig
import types
import warnings

_PACKAGE, _PYTHON = str(pathlib.Path(__file__).parents[1]), sysconfig.get_path("stdlib")


def hide_own_frames(error: BaseException) -> None:
    """Takes the frames of this package, and of what it calls, out of an error's traceback.

    What the caller has to change stands in its text. As with Keras's own errors,
    `keras.config.disable_traceback_filtering()` leaves the frames in.
    """
    # The command line checks its arguments before it loads Keras.
    keras = sys.modules.get("keras")
    if keras is not None and not keras.config.is_traceback_filtering_enabled():
        return
    entries, entry = [], error.__traceback__
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    kept: types.TracebackType | None = None
    for entry in reversed(entries):
        if not _is_own(entry.tb_frame.f_code):
            kept = types.TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    error.__traceback__ = kept


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warns with the line of the caller of this package, however deep in it the cause is found."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_own(frame.f_code):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def _is_own(code: types.CodeType) -> bool:
    """Whether code is this package's, Keras's or TensorFlow's, or of Python itself."""
    file = code.co_filename
    if file.startswith(_PYTHON):
        return "site-packages" not in file
    loaded = [sys.modules.get(name) for name in ("keras", "tensorflow")]
    folders = [_PACKAGE, *(os.path.dirname(str(module.__file__)) for module in loaded if module)]
    # A dataclass has its `__init__` from a text.
    is_generated = code.co_qualname.startswith("__create_fn__")
    return is_generated or any(file.startswith(f"{folder}{os.sep}") for folder in folders)
