"""Entry point of a process that runs a module of kerasnn without Keras.

    python -P fresh_process.py MODULE ARGUMENT...

The module may import only modules that need neither Keras nor the `__init__` of a package of
kerasnn, such as `kerasnn.serving.runtime.replay`. An import of Keras fails.
"""

import pathlib
import runpy
import sys
import types

_KERASNN = pathlib.Path(__file__).parents[2]


def _run() -> None:
    for name in ("kerasnn", "kerasnn._checks", "kerasnn.serving", "kerasnn.serving.runtime"):
        # Empty, because each package's own `__init__` imports Keras.
        package = types.ModuleType(name)
        package.__path__ = [str(_KERASNN.parent.joinpath(*name.split(".")))]
        sys.modules[name] = package
    # `None` makes Python refuse the import.
    sys.modules["keras"] = None  # type: ignore[assignment]
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run()
