"""What TensorFlow Serving is started with."""

import csv
import io
import json
import pathlib
import re
import shlex
from collections.abc import Collection

from kerasnn.serving.publishing import batching, publish, staging

_CONFIG, _BATCHING = "models.config", "batching_parameters.txt"
# Begins a `models.config` that is rewritten when its directory was moved.
_OURS = "# kerasnn.serving.export keeps this file"


def model_name(path: pathlib.Path) -> str:
    """Returns the name under which the versions in `path` are served: that of the directory.

    >>> model_name(pathlib.Path("models/iris, v2"))
    'iris__v2'
    """
    return re.sub(r"[^\w.-]", "_", path.resolve().name, flags=re.ASCII) or "model"


def write_files(path: pathlib.Path, sizes: Collection[int], *, overwrite: bool) -> None:
    """Writes the server's two files beside the versions, or mends them where they do not hold.

    What `batching_parameters.txt` has room for only grows. `models.config` names the directory
    of the versions, and follows it where that was moved, unless it has become the user's own.

    Args:
        path: Directory of the versions.
        sizes: Numbers of rows that the server fills its batches up to, and warms up with.
        overwrite: Whether to write both anew.
    """
    with staging.locked(path, wait=True):
        before = _read(path / _BATCHING)
        if before is None or overwrite:
            text = batching.parameters(batching.allowed(before or "") | set(sizes))
        else:
            text = batching.grown(before, sizes)
        _replace(path / _BATCHING, before, text)
        before = _read(path / _CONFIG)
        if before is None or overwrite or before.startswith(_OURS):
            _replace(path / _CONFIG, before, _config(path))


def misplaced(path: pathlib.Path) -> str | None:
    """Says that `models.config` is of another place than `path`, if it is, and what to do."""
    text = _read(path / _CONFIG)
    if text is None or not text.startswith(_OURS) or text == _config(path):
        return None
    named = re.search(r'base_path: "(.*)"', text)
    return (
        f"{path / _CONFIG} must name the directory of the versions, {path.resolve()}; it names "
        f"{named[1] if named else 'none'}, where a server would look. Change it there, or export "
        "again, which does."
    )


def _config(path: pathlib.Path) -> str:
    return (
        f"{_OURS}; without this line the file is yours.\n"
        "model_config_list {\n  config {\n"
        f"    name: {json.dumps(model_name(path))}\n"
        f"    base_path: {json.dumps(str(path.resolve()), ensure_ascii=False)}\n"
        '    model_platform: "tensorflow"\n  }\n}\n'
    )


def _read(file: pathlib.Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8") if file.exists() else None
    except UnicodeError as error:
        raise ValueError(
            f"{file} must be a text file in UTF-8; {error}. Save it so, or remove it to have it "
            "written anew."
        ) from None


def _replace(file: pathlib.Path, before: str | None, text: str) -> None:
    if text != before:
        publish.write(file, text)


def commands(path: pathlib.Path) -> dict[str, str]:
    """Returns the command lines that serve `path`: of the server itself, and of docker."""
    place = path.resolve()
    flags = [
        f"--model_config_file={place / _CONFIG}",
        "--enable_batching=true",
        f"--batching_parameters_file={place / _BATCHING}",
    ]
    ports = ["--port=8500", "--rest_api_port=8501"]
    docker = ["docker", "run", "--rm", "-p", "8500:8500", "-p", "8501:8501"]
    # At the same place inside, so that the files hold there too.
    mount = ["--mount", _fields("type=bind", f"source={place}", f"target={place}", "readonly")]
    return {
        "tensorflow_model_server": shlex.join(["tensorflow_model_server", *ports, *flags]),
        "docker": shlex.join([*docker, *mount, "tensorflow/serving", *flags]),
    }


def _fields(*values: str) -> str:
    """Returns a line of CSV, which docker reads: of `-v a:b` a colon in a name would be the end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
