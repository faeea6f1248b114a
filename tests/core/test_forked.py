"""Processes that were forked after TensorFlow had begun."""

import os
import subprocess
import sys

import pytest

from kerasnn import serving
from kerasnn.models import mlp

CODE = """
import os, signal, sys
import keras, numpy as np
from kerasnn import models
x, y = np.ones((8, 2), "float32"), np.zeros(8)
if sys.argv[1] == "begun":
    model = models.mlp(2, 1, task="binary")
pid = os.fork()
if pid:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.alarm(60)
try:
    if sys.argv[1] == "begun":
        model.predict(x, verbose=0)
    else:
        keras.utils.set_random_seed(0)  # TensorFlow begins, in this process.
        models.mlp(2, 1, task="binary").fit(x, y, verbose=0)
except RuntimeError as error:
    print(error)
else:
    print("done")
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.parametrize(
    ("state", "words"), [("begun", "forked after it had begun"), ("imported", "done")]
)
def test_a_forked_process_works_or_says_why_not(state, words):
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, state],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert words in ran.stdout


def test_a_predictor_says_that_its_process_was_forked(tmp_path, monkeypatch):
    report = serving.export(mlp(2, 1, task="binary"), tmp_path / "model", verify=False)
    predictor = serving.Predictor(report.path)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    for call in (lambda: predictor([[1.0, 2.0]]), lambda: serving.Predictor(report.path)):
        with pytest.raises(RuntimeError, match="forked after it had loaded a model"):
            call()
