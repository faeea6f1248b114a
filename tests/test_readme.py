import ast
import configparser
import inspect
import pathlib
import re

import pytest

import kerasnn
from kerasnn import (
    callbacks,
    data,
    models,
    optimizers,
    plots,
    schedules,
    selection,
    serving,
    training,
)

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = {
    "callbacks": callbacks,
    "data": data,
    "kerasnn": kerasnn,
    "model": training,
    "models": models,
    "optimizers": optimizers,
    "plots": plots,
    "schedules": schedules,
    "selection": selection,
    "serving": serving,
}


def calls():
    """Calls of kerasnn in the last column of the table, as source."""
    rows = [line.split("|")[3] for line in README.splitlines() if line.startswith("|")]
    spans = [span for row in rows for span in re.findall("`([^`]+)`", row)]
    nodes = [node for span in spans for node in ast.walk(ast.parse(span))]
    found = {ast.unparse(node) for node in nodes if isinstance(node, ast.Call)}
    return sorted(call for call in found if call.partition(".")[0] in MODULES)


@pytest.mark.parametrize("call", [call for call in calls() if ").argmax" not in call])
def test_the_calls_in_the_table_are_valid(call):
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    owner, name = ast.unparse(node.func).split(".")
    given = [*(["model"] if owner == "model" else []), *node.args]
    keywords = {str(keyword.arg): keyword.value for keyword in node.keywords}
    inspect.signature(getattr(MODULES[owner], name)).bind(*given, **keywords)


def test_the_table_is_parsed():
    assert {call.partition("(")[0] for call in calls()} >= {"models.mlp", "plots.confusion"}


def test_the_map_is_the_order_of_imports():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = setup["importlinter:contract:downhill"]["layers"]
    packages = {path.parent.name for path in (ROOT / "kerasnn").glob("*/__init__.py")}
    rows = [re.findall(r"\w+", row) for row in layers.split("\n")]
    wanted = [[name for name in row if name in packages] for row in rows]
    drawn = re.search(r"```text\n(.*?)```", README, flags=re.DOTALL)
    assert drawn is not None
    shown = [line.partition("  ")[0].split(" | ") for line in drawn[1].splitlines()]
    assert shown == [row for row in wanted if row]
    assert {name for row in shown for name in row} == packages


@pytest.mark.parametrize(
    "command",
    [
        ".venv/bin/pip install -e . && .venv/bin/python tutorials/quickstart.py",
        ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ],
)
def test_the_two_commands_are_there(command):
    assert f"```sh\npython3 -m venv .venv && {command}\n```" in README
