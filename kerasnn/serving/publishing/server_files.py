"""Files and command lines that TensorFlow Serving is started with."""

import csv
import io
import json
import pathlib
import re
import shlex
from collections.abc import Collection

from kerasnn._core import atomic_files
from kerasnn.serving.publishing.deployment import GRPC_PORT, REST_PORT, Deployment

_CONFIG, _BATCHING = "models.config", "batching_parameters.txt"
_COMPOSE, _KUBERNETES = "compose.yaml", "kubernetes.yaml"
_LIMIT = re.compile(r"max_batch_size\s*:?\s*\{\s*value\s*:\s*(\d+)")
_ALLOWED = re.compile(r"allowed_batch_sizes\s*:\s*(\d+|\[[\d,\s]*\])")
# TensorFlow Serving's own limit, where the file has none.
_DEFAULT_LIMIT = 1000
# A younger draft may be what another export is writing at this moment.
_OLD_S = 24 * 3600


def model_name(path: pathlib.Path) -> str:
    """Returns the name under which the versions in `path` are served: that of the directory.

    >>> model_name(pathlib.Path("models/iris, v2"))
    'iris__v2'
    """
    return re.sub(r"[^\w.-]", "_", path.resolve().name, flags=re.ASCII) or "model"


def write_files(path: pathlib.Path, sizes: Collection[int], *, overwrite: bool) -> list[str]:
    """Writes the server's files beside the versions, where they are missing.

    Drafts of theirs that killed exports have left are removed after a day, as stages are.

    Args:
        path: Directory of the versions.
        sizes: Batch sizes that the server pads its batches to, and warms up with.
        overwrite: Whether to replace existing files.

    Returns:
        Notes on existing files that do not fit.
    """
    deployment = Deployment(model_name(path), path.resolve(), _flags(path))
    texts = {
        _CONFIG: _config(path),
        _BATCHING: _batching(sizes),
        _COMPOSE: deployment.compose(),
        _KUBERNETES: deployment.kubernetes(),
    }
    for name, text in texts.items():
        atomic_files.clear_drafts(path / name, idle_s=_OLD_S)
        if overwrite or not (path / name).exists():
            with atomic_files.replacing(path / name) as draft:
                draft.write_text(text, encoding="utf-8")
    return notes(path, sizes)


def notes(path: pathlib.Path, sizes: Collection[int] = ()) -> list[str]:
    """Returns in words where the files beside the versions do not fit.

    Args:
        path: Directory of the versions.
        sizes: Batch sizes that the server is to accept.
    """
    found = []
    config, batching = _read(path / _CONFIG), _read(path / _BATCHING)
    place = json.dumps(str(path.resolve()), ensure_ascii=False)
    if config is not None and place not in config:
        found.append(
            f"{path / _CONFIG} does not name the directory of the versions, {place}, where a "
            "server would look for them. Change it there, or export with overwrite=True."
        )
    if batching is not None and sizes:
        limit = max(map(int, _LIMIT.findall(batching)), default=_DEFAULT_LIMIT)
        allowed = {int(n) for one in _ALLOWED.findall(batching) for n in re.findall(r"\d+", one)}
        if max(sizes) > limit or (allowed and not allowed >= set(sizes)):
            listed = ", ".join(map(str, sorted(sizes)))
            found.append(
                f"{path / _BATCHING} does not allow all batches of {listed} rows, and a server "
                "refuses a version that warms up with a larger one than it allows. Change it "
                "there, or export with overwrite=True, and start the server anew."
            )
    return found


def commands(path: pathlib.Path) -> dict[str, str]:
    """Returns the command lines that serve `path`: of the server itself, and of docker."""
    place, flags = path.resolve(), _flags(path)
    ports = [f"--port={GRPC_PORT}", f"--rest_api_port={REST_PORT}"]
    docker = ["docker", "run", "--rm"]
    for port in (GRPC_PORT, REST_PORT):
        docker += ["-p", f"{port}:{port}"]
    # The same path in the container, so that the files are valid there too.
    mount = ["--mount", _fields("type=bind", f"source={place}", f"target={place}", "readonly")]
    return {
        "tensorflow_model_server": shlex.join(["tensorflow_model_server", *ports, *flags]),
        "docker": shlex.join([*docker, *mount, "tensorflow/serving", *flags]),
    }


def _flags(path: pathlib.Path) -> list[str]:
    place = path.resolve()
    return [
        f"--model_config_file={place / _CONFIG}",
        "--enable_batching=true",
        f"--batching_parameters_file={place / _BATCHING}",
    ]


def _config(path: pathlib.Path) -> str:
    return (
        "model_config_list {\n  config {\n"
        f"    name: {json.dumps(model_name(path))}\n"
        f"    base_path: {json.dumps(str(path.resolve()), ensure_ascii=False)}\n"
        '    model_platform: "tensorflow"\n  }\n}\n'
    )


def _batching(sizes: Collection[int]) -> str:
    return (
        f"max_batch_size {{ value: {max(sizes)} }}\n"
        "batch_timeout_micros { value: 1000 }\n"
        "max_enqueued_batches { value: 100 }\n"
        + "".join(f"allowed_batch_sizes: {size}\n" for size in sorted(sizes))
    )


def _read(file: pathlib.Path) -> str | None:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None


def _fields(*values: str) -> str:
    """Returns a line of CSV, as docker reads it: in `-v a:b` a colon would end the name."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
