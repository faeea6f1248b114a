"""Sources of the site: calls that exist, blocks that run, the map, the packages."""

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

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
# The course's pages are made of tutorials, which have tests of their own.
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.parent.name != "course")
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
    """Calls of kerasnn in the last column of the tables of names, as source."""
    texts = [path.read_text(encoding="utf-8") for path in (DOCS / "coming_from").glob("*.md")]
    rows = [line for text in texts for line in text.splitlines() if line.startswith("| `")]
    spans = [span for row in rows for span in re.findall("`([^`]+)`", row.split("|")[2])]
    nodes = [node for span in spans for node in ast.walk(ast.parse(span))]
    found = {ast.unparse(node) for node in nodes if isinstance(node, ast.Call)}
    return sorted(call for call in found if call.partition(".")[0] in MODULES)


@pytest.mark.parametrize("call", [call for call in calls() if ").argmax" not in call])
def test_the_calls_in_the_tables_are_valid(call):
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    owner, name = ast.unparse(node.func).split(".")
    given = [*(["model"] if owner == "model" else []), *node.args]
    keywords = {str(keyword.arg): keyword.value for keyword in node.keywords}
    inspect.signature(getattr(MODULES[owner], name)).bind(*given, **keywords)


def test_the_tables_are_parsed():
    assert {call.partition("(")[0] for call in calls()} >= {"models.mlp", "plots.confusion"}


def test_the_map_is_the_order_of_imports():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = setup["importlinter:contract:downhill"]["layers"]
    packages = {path.parent.name for path in (ROOT / "kerasnn").glob("*/__init__.py")}
    rows = [re.findall(r"\w+", row) for row in layers.split("\n")]
    wanted = [[name for name in row if name in packages] for row in rows]
    architecture = (DOCS / "project" / "architecture.md").read_text(encoding="utf-8")
    drawn = re.search(r"```text\n(.*?)```", architecture, flags=re.DOTALL)
    assert drawn is not None
    shown = [line.partition("  ")[0].split(" | ") for line in drawn[1].splitlines()]
    assert shown == [row for row in wanted if row]
    assert {name for row in shown for name in row} == packages


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_block_of_python_is_an_example_that_runs(page):
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^ *```python\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE):
        assert ">>> " in block
        # What follows an example's last line would be its output.
        assert block.endswith("\n\n") or block.strip(" ").endswith("\n\n"), block


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_files_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`(?:python )?((?:kerasnn|tests|docs|tutorials)/[\w/]+\.\w+)", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
