"""Settings of Python while a program is traced."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused_garbage_collection() -> Iterator[None]:
    """Keeps Python from looking for cyclic garbage meanwhile.

    The objects of a trace live on, and are so many that Python would go through all objects of the
    process, which takes longer than tracing a small model.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
