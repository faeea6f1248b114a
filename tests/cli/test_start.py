"""What a command imports, and what it says besides its answer."""

import json
import os
import re
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasnn import serving
from kerasnn.__main__ import main
from kerasnn.cli.training.options import MISSING, RESIZES, TASKS
from kerasnn.data.images import resizing
from kerasnn.data.tables.columns.specs import POLICIES
from kerasnn.tasks import Task

SCRIPT = "import sys\nfrom kerasnn.__main__ import main\nsys.exit(main())\n"


def run(*words):
    environment = {name: value for name, value in os.environ.items() if name[:3] != "TF_"}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )


def imported(errors):
    """Names of the modules in the lines that `-X importtime` writes."""
    return set(re.findall(r"^import time:.*\| +(\S+)$", errors, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def model():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])


@pytest.mark.parametrize(
    ("start", "words", "code"),
    [("module", "train --help", 0), ("script", "--version", 0), ("script", "trian", 2)],
)
def test_help_and_a_wrong_command_need_no_keras(start, words, code, tmp_path):
    script = tmp_path / "kerasnn"
    script.write_text(SCRIPT, encoding="utf-8")
    begin = ["-m", "kerasnn"] if start == "module" else [script]
    ran = run("-X", "importtime", *begin, *words.split())
    assert ran.returncode == code
    assert not imported(ran.stderr) & {"keras", "tensorflow", "sklearn", "matplotlib"}


def test_verify_and_predict_need_no_keras(model, tmp_path, capsys):
    served = tmp_path / "served"
    serving.export(model, served)
    rows = tmp_path / "rows.csv"
    np.savetxt(rows, [[1, 2, 3, 4], [5, 6, 7, 8]], delimiter=",", header="a,b,c,d", comments="")
    assert main(["predict", str(served), str(rows)]) == 0
    here = json.loads(capsys.readouterr().out)
    ran = run("-X", "importtime", "-m", "kerasnn", "predict", served, rows)
    assert json.loads(ran.stdout) == here
    assert not imported(ran.stderr) & {"keras", "tensorflow", "sklearn", "matplotlib"}
    ran = run("-X", "importtime", "-m", "kerasnn", "verify", served, "--json")
    assert json.loads(ran.stdout)["largest_difference"] < 1e-5
    assert not imported(ran.stderr) & {"keras", "tensorflow", "sklearn", "matplotlib"}


@pytest.mark.slow
def test_the_log_of_tensorflow_is_kept_from_the_terminal(model, tmp_path):
    model.save(tmp_path / "iris.keras")
    ran = run("-m", "kerasnn", "export", tmp_path / "iris.keras", tmp_path / "served", "--json")
    assert ran.stderr == ""
    assert json.loads(ran.stdout)["version"] == 1
    (tmp_path / "rows.csv").write_text("1,2,3,4\n5,6,7,8\n", encoding="utf-8")
    ran = run("-m", "kerasnn", "predict", tmp_path / "served", tmp_path / "rows.csv", "--no-header")
    assert ran.stderr == ""


def test_choices_are_those_of_the_package():
    assert set(TASKS) == set(Task)
    assert MISSING == POLICIES
    assert RESIZES == resizing.RESIZES


def test_the_shell_completes_commands_and_flags(capsys):
    with pytest.raises(SystemExit):
        main(["--print-completion", "bash"])
    out = capsys.readouterr().out
    for word in ("train", "export", "verify", "predict", "--split-by"):
        assert word in out


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipes")
def test_a_reader_that_has_enough_is_no_error():
    ran = subprocess.run(
        f"{shlex.quote(sys.executable)} -m kerasnn --print-completion zsh | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.stdout.startswith("#compdef kerasnn")
    assert ran.stderr == ""
