"""The built site in a browser: what its scripts ask for, a phone's width, colours, search."""

import functools
import http.server
import pathlib
import threading

import pytest

from tests.playground.browser import NEEDS_BROWSER, chromium

SITE = pathlib.Path(__file__).parents[2] / "build" / "site"
pytestmark = [
    NEEDS_BROWSER,
    pytest.mark.skipif(
        not (SITE / "objects.inv").exists(),
        reason="The site is not built; CONTRIBUTING.md says how.",
    ),
]
# One of each kind.
PAGES = (
    "index.html",
    "guides/training.html",
    "course/index.html",
    "course/07_momentum.html",
    "reference/kerasnn.html",
    "reference/errors.html",
    "coming_from/pytorch.html",
    "project/benchmarks.html",
)
PHONE = {"width": 380, "height": 800}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture(scope="module")
def address():
    """The address at which the site is served; a browser reads no files for a search."""
    handler = functools.partial(Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser, address):
    """A phone's page that has asked nobody and reported no error in the end."""
    failures = []
    context = browser.new_context(viewport=PHONE)
    made = context.new_page()
    own = (address, "data:")
    made.on("pageerror", lambda error: failures.append(str(error)))
    made.on("console", lambda m: failures.append(m.text) if m.type == "error" else None)
    made.on("request", lambda r: None if r.url.startswith(own) else failures.append(r.url))
    yield made
    context.close()
    assert failures == []


def test_pages_fit_a_phone_and_ask_nobody(page, address):
    for name in PAGES:
        page.goto(address + name)
        assert page.evaluate(WIDER) == 0, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_light_or_dark_as_the_system_is(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}index.html")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(level) for level in ground.partition("(")[2].rstrip(")").split(",")[:3]]
    assert (min(levels) > 200) == (scheme == "light")


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("fit_many", "reference/kerasnn.html#kerasnn.fit_many"),
        ("serve+csv", "start/table_to_server.html"),
        ("must+be+that+of+this+run", "reference/errors.html"),
    ],
)
def test_search_finds_names_topics_and_errors(page, address, words, first):
    page.goto(f"{address}search.html?q={words}")
    found = page.locator("ul.search li > a").first
    assert found.get_attribute("href").partition("?")[0].endswith(first)
