"""What the playground hands over, used in processes of its own."""

import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

from tests.playground.browser import (
    NEEDS_BROWSER,
    chromium,
    number,
    opened,
    served,
    train_until,
)

pytestmark = [NEEDS_BROWSER, pytest.mark.slow]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Texts, files and numbers of a page that has trained."""
    folder = tmp_path_factory.mktemp("handed_over")
    with (
        served() as address,
        chromium() as browser,
        opened(browser, address, "#dataset=xor&noise=10") as page,
    ):
        train_until(page, "Number(document.getElementById('epoch').textContent) >= 40")
        page.wait_for_function(
            "document.getElementById('code-epoch').textContent.includes("
            "` ${document.getElementById('epoch').textContent};`)"
        )
        found = {"code": page.inner_text("#code"), "folder": folder}
        found |= {name: number(page, name) for name in ("epoch", "train-loss", "test-loss")}
        page.click("#copy")
        page.wait_for_function("document.getElementById('copy').textContent === 'Copied'")
        found["copied"] = page.evaluate("navigator.clipboard.readText()")
        for name in ("export", "export-keras", "export-json", "export-code", "export-png"):
            with page.expect_download() as download:
                page.click(f"#{name}")
            path = folder / download.value.suggested_filename
            download.value.save_as(path)
            found[name] = path
        yield found


def run(*arguments, text=None):
    """Output and errors of a new Python process."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout, done.stderr


def test_the_code_gives_the_same_losses_in_a_new_process(trained):
    assert trained["copied"] == trained["code"] == trained["export-code"].read_text()
    output, _ = run("-", text=trained["code"])
    losses = [float(line.split()[-1]) for line in output.strip().splitlines()]
    assert losses == pytest.approx([trained["train-loss"], trained["test-loss"]], abs=1e-4)


def test_the_saved_model_predicts_without_keras(trained):
    folder = trained["folder"] / "model"
    zipfile.ZipFile(trained["export"]).extractall(folder)
    [version] = [path.parent for path in folder.rglob("saved_model.pb")]
    rows = trained["folder"] / "rows.csv"
    rows.write_text("x,y\n3,3\n-3,3\n")
    command = ("-X", "importtime", "-m", "kerasnn", "predict", str(version), str(rows))
    output, imports = run(*command)
    assert not re.search(r"\| +(keras|tensorflow)$", imports, re.MULTILINE)
    # XOR: the first point is of class 1, the second of class 0.
    assert [row["labels"] for row in json.loads(output)["predictions"]] == ["1", "0"]


def test_configuration_and_picture_are_whole_files(trained):
    assert json.loads(trained["export-json"].read_text())["dataset"] == "xor"
    assert trained["export-png"].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with zipfile.ZipFile(trained["export-keras"]) as archive:
        assert "config.json" in archive.namelist()
