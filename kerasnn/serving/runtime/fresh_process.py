"""Runs a module of kerasnn where neither Keras nor TensorFlow's Python is imported.

    python -P fresh_process.py MODULE ARGUMENT...

The module may import only what can do without them, such as `kerasnn.serving.predictor`.
"""

import pathlib
import runpy
import sys
import types

_KERASNN = pathlib.Path(__file__).parents[2]


def _run() -> None:
    for name in ("kerasnn", "kerasnn._checks", "kerasnn.serving", "kerasnn.serving.runtime"):
        # Empty, where each package's own `__init__` would import Keras.
        package = types.ModuleType(name)
        package.__path__ = [str(_KERASNN.parent.joinpath(*name.split(".")))]
        sys.modules[name] = package
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run()
