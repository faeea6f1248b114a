"""README: short, with the two commands, the site's table of speed, and links to files."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 120


@pytest.mark.parametrize(
    "command",
    [
        ".venv/bin/pip install -e . && .venv/bin/python tutorials/quickstart.py",
        ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ],
)
def test_the_two_commands_are_there(command):
    assert f"```sh\npython3 -m venv .venv && {command}\n```" in README


def test_it_is_short():
    assert len(README.splitlines()) <= MOST_LINES


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_table_of_speed_is_that_of_the_site():
    made = re.search(r"<!-- made by .*? -->\n(.*?)\n\n(.*?)\n<!-- end -->", README, re.DOTALL)
    assert made is not None
    page = (ROOT / "docs" / "project" / "benchmarks.md").read_text(encoding="utf-8")
    assert made[1] in page
    assert made[2] in page
