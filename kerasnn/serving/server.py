"""What TensorFlow Serving is started with."""

import json
import pathlib
import re
import shlex
from collections.abc import Sequence

from kerasnn.serving import publishing

_CONFIG, _BATCHING = "models.config", "batching_parameters.txt"


def model_name(path: pathlib.Path) -> str:
    """Returns the name under which the versions in `path` are served: that of the directory.

    >>> model_name(pathlib.Path("models/iris, v2"))
    'iris__v2'
    """
    return re.sub(r"[^\w.-]", "_", path.resolve().name, flags=re.ASCII) or "model"


def write_files(path: pathlib.Path, batch_sizes: Sequence[int], *, overwrite: bool) -> None:
    """Writes the server's two files beside the versions, where they are not there already.

    Args:
        path: Directory of the versions.
        batch_sizes: Numbers of rows that the server fills its batches up to.
        overwrite: Whether to replace files that are there.
    """
    sizes = sorted(set(batch_sizes))
    texts = {
        _CONFIG: (
            "model_config_list {\n  config {\n"
            f"    name: {json.dumps(model_name(path))}\n"
            f"    base_path: {json.dumps(str(path.resolve()), ensure_ascii=False)}\n"
            '    model_platform: "tensorflow"\n  }\n}\n'
        ),
        _BATCHING: (
            f"max_batch_size {{ value: {sizes[-1]} }}\n"
            "batch_timeout_micros { value: 1000 }\n"
            "max_enqueued_batches { value: 100 }\n"
            + "".join(f"allowed_batch_sizes: {size}\n" for size in sizes)
        ),
    }
    for name, text in texts.items():
        if overwrite or not (path / name).exists():
            publishing.write(path / name, text)


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
    mount = ["-v", f"{place}:{place}:ro", "tensorflow/serving"]
    return {
        "tensorflow_model_server": shlex.join(["tensorflow_model_server", *ports, *flags]),
        "docker": shlex.join([*docker, *mount, *flags]),
    }
