"""The commands of the pages on tables and on serving."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from kerasnn import serving
from kerasnn.serving import _json_values

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "path"),
    [("start/table_to_server.md", "outputs/iris/model"), ("guides/serving.md", "models/iris")],
)
def test_the_five_commands(tmp_path, page, path):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    assert block is not None
    script, server, question, nothing = re.split(r"^(?=docker|curl)|\Z", block[1], flags=re.M)
    assert not nothing
    # What needs nothing but Python runs as it stands.
    python = shlex.quote(sys.executable)
    script = script.replace(".venv/bin/kerasnn", f"{python} -m kerasnn")
    script = script.replace(".venv/bin/python", python)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True, env=environment)
    words = shlex.split(server)
    assert words[words.index("-v") + 1] == f"$PWD/{path}:/models/iris:ro"
    # The server's part is `Predictor`'s here, for what the last command asks.
    curl, _, data, url = shlex.split(question)
    assert (curl, url) == ("curl", "http://localhost:8501/v1/models/iris:predict")
    predictor = serving.Predictor(tmp_path / path)
    answers = predictor(_json_values.decode(json.loads(data))["instances"])
    assert answers["labels"].tolist() == [b"setosa"]
