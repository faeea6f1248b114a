"""The built site: links, the way from the first page, the reference, requests to elsewhere.

It is built by `sphinx-build -W --keep-going -b html docs build/site`, as in `.ci/run`.
"""

import functools
import html.parser
import inspect
import pathlib
import re
import urllib.parse
import zlib

import pytest

import kerasnn

SITE = pathlib.Path(__file__).parents[2] / "build" / "site"
pytestmark = pytest.mark.skipif(
    not (SITE / "objects.inv").exists(), reason="The site is not built; CONTRIBUTING.md says how."
)
# A link to a name of this package beside words that say that the name is Keras's own.
OWN_NAME = re.compile(
    r'Keras\u2019s\s+<a class="reference internal"[^>]*><code'
    r'|<a class="reference internal"[^>]*><code.*</code></a>\s+of Keras\b'
)
# What a page asks for when it is opened.
REQUESTS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "srcset")}
# Sphinx's own index and search, to which each page has a field, are no pages to read.
TOOLS = {"genindex.html", "py-modindex.html", "search.html"}
MOST_CLICKS = 2


class Page(html.parser.HTMLParser):
    """Anchors, links and requests of a page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.requests = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        rel = (given.get("rel") or "").split()
        if tag == "link" and {"stylesheet", "icon", "preload"} & set(rel):
            self.requests.add(given["href"])
        self.requests |= {given[name] for of, name in REQUESTS if of == tag and given.get(name)}


@functools.cache
def pages():
    """Returns the pages by their path inside the site."""
    paths = [path for path in SITE.rglob("*.html") if "_static" not in path.parts]
    return {path.relative_to(SITE).as_posix(): Page(path) for path in paths}


def local(page, link):
    """Returns the page and the anchor that a link leads to; None for another site."""
    parts = urllib.parse.urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = (SITE / page).parent / urllib.parse.unquote(parts.path) if parts.path else SITE / page
    return path.resolve(), urllib.parse.unquote(parts.fragment)


def test_all_links_inside_the_site_lead_somewhere():
    broken = []
    for name, page in pages().items():
        for link in page.links | page.requests:
            if (target := local(name, link)) is None:
                continue
            path, anchor = target
            if not path.is_file():
                broken.append(f"{name}: {link}")
            elif anchor and path.suffix == ".html":
                known = pages()[path.relative_to(SITE.resolve()).as_posix()].anchors
                broken += [] if anchor in known else [f"{name}: {link}"]
    assert broken == []


def test_no_page_asks_another_site():
    asked = {
        f"{name}: {link}"
        for name, page in pages().items()
        for link in page.requests
        if urllib.parse.urlsplit(link).netloc
    }
    assert asked == set()


def test_every_page_is_within_two_clicks_of_the_first():
    reached = {"index.html"}
    for _ in range(MOST_CLICKS):
        targets = [local(name, link) for name in reached for link in pages()[name].links]
        found = {path.relative_to(SITE.resolve()).as_posix() for path, _ in filter(None, targets)}
        reached |= found & pages().keys()
    # Source is one click further, from the name in the reference.
    to_read = {name for name in pages() if not name.startswith("_modules/")} - TOOLS
    assert to_read - reached == set()


def documented():
    """Returns the names in Sphinx's inventory of the reference."""
    lines = (SITE / "objects.inv").read_bytes().split(b"\n", 4)[4]
    entries = zlib.decompress(lines).decode().splitlines()
    return {entry.split(" ")[0] for entry in entries if " py:" in entry}


def test_every_public_name_is_in_the_reference():
    packages = [getattr(kerasnn, name) for name in kerasnn.__all__]
    packages = [kerasnn, *filter(inspect.ismodule, packages)]
    public = {
        f"{package.__name__}.{name}"
        for package in packages
        for name in package.__all__
        if name != "__version__"
    }
    assert public - documented() == set()


def test_every_public_class_and_function_links_to_its_source():
    reference = [page for name, page in pages().items() if name.startswith("reference/")]
    sources = {link for page in reference for link in page.links if "_modules/" in link}
    assert len(sources) > len(documented()) / 2


def test_a_name_of_keras_does_not_lead_to_one_of_this_package():
    found = {
        path.name: OWN_NAME.findall(path.read_text(encoding="utf-8"))
        for path in (SITE / "reference").glob("*.html")
    }
    assert {name: links for name, links in found.items() if links} == {}


def test_the_reference_says_what_a_second_name_does_and_links_to_the_index():
    training = (SITE / "reference" / "training.html").read_text(encoding="utf-8")
    assert "Trains any compiled Keras model" in training
    assert "kerasnn.html#kerasnn.fit" in pages()["reference/training.html"].links
    # A class is described in the package that defines it.
    doctor = (SITE / "reference" / "doctor.html").read_text(encoding="utf-8")
    assert 'id="kerasnn.doctor.TrainingDoctor.on_epoch_end"' in doctor
    assert "../genindex.html" in pages()["reference/index.html"].links
