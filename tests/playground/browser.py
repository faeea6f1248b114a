"""A real browser on a real server: what the tests of the page share."""

import contextlib
import os
import re
import shutil
import subprocess
import sys

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
REASON = "Chromium is not installed: apt-get install chromium"
NEEDS_BROWSER = pytest.mark.skipif(not CHROMIUM, reason=REASON)
_ARGUMENTS = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
_WAIT_MS = 30_000


@contextlib.contextmanager
def served(*arguments):
    """The command `kerasnn playground` in a process; gives the address that it prints."""
    command = [sys.executable, "-m", "kerasnn", "playground", "--no-browser", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, f"no address in {line!r}"
            yield found.group()
        finally:
            process.terminate()


@contextlib.contextmanager
def chromium():
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    arguments = [*_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, address, fragment="", **context):
    """The page, once its network is on the screen; afterwards nothing may have gone wrong in it."""
    failures = []
    settings = {"viewport": {"width": 1280, "height": 900}, **context}
    with contextlib.closing(browser.new_context(**settings)) as made:
        made.grant_permissions(["clipboard-read", "clipboard-write"])
        page = made.new_page()
        page.set_default_timeout(_WAIT_MS)
        page.on("pageerror", lambda error: failures.append(str(error.stack)))
        page.on("console", lambda m: failures.append(m.text) if is_failure(m) else None)
        page.on("request", lambda r: failures.append(r.url) if is_outside(r.url, address) else None)
        page.goto(address + fragment)
        page.wait_for_function("window.playground && playground.frames > 0")
        yield page
    assert failures == [], failures


def is_failure(message):
    """Whether a line of the browser's console is an error, other than a table that is refused."""
    return message.type == "error" and "status of 400" not in message.text


def is_outside(url, address):
    """Whether a request leaves the server of the page."""
    origin = address.partition("/?")[0]
    return not url.startswith((origin, "ws" + origin[4:], "data:", "blob:"))


def config(page):
    """The configuration that the server last said."""
    return page.evaluate("playground.state.config")


def set_control(page, name, value):
    """Sets a control of the form as a person does, and leaves it."""
    control = page.locator(f"#controls [name={name}]")
    kind = control.evaluate("element => element.type")
    if kind.startswith("select"):
        control.select_option(value)
    elif kind == "checkbox":
        control.set_checked(value)
    else:
        control.fill(str(value))
        control.dispatch_event("change")


def wait_for_config(page, name, value):
    """Waits until the server says that a setting has a value."""
    page.wait_for_function(
        "([name, value]) =>"
        " JSON.stringify(playground.state.config[name]) === JSON.stringify(value)",
        arg=[name, value],
    )


def train_until(page, condition, seconds=60):
    """Presses play, waits for a condition in JavaScript, and presses pause."""
    page.click("#play")
    try:
        page.wait_for_function(condition, timeout=1000 * seconds)
    finally:
        page.click("#play")
    page.wait_for_function("!playground.state.running")
    settle(page)


def settle(page):
    """Waits for the last frame of a network that rests."""
    page.wait_for_function(
        """async () => {
          const before = playground.frames;
          await new Promise((done) => setTimeout(done, 150));
          return playground.frames === before;
        }"""
    )


def number(page, name):
    """A number of the page, such as `test-loss`."""
    return float(page.inner_text(f"#{name}"))
