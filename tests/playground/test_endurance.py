"""Endurance of the server: pages that are reloaded, tabs that come and go, a day of idleness."""

import contextlib
import gc
import pathlib
import resource
import socket
import threading

import pytest
import uvicorn
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from kerasnn.playground.server.access import Access
from kerasnn.playground.server.app import create_app
from kerasnn.playground.server.sessions import IDLE_SECONDS, Sessions
from tests.playground.browser import NEEDS_BROWSER, chromium, opened, settle
from tests.playground.client import (
    ADDRESS,
    OWN,
    SESSION,
    TOKEN,
    Clock,
    assert_no_threads,
    frame,
    receive,
    send,
)

HAS_PROC = pathlib.Path("/proc/self/statm").exists()
READS_PROC = pytest.mark.skipif(not HAS_PROC, reason="reads Linux's /proc")
DAY = 24 * 3600.0
# A network of which anything stays would leave 2 MB or more with each page.
MB_A_PAGE = 0.2


def resident():
    """Resident memory of this process after garbage is collected, in MB."""
    gc.collect()
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def threads():
    """Names of all threads but the spare ones of the web server's pool."""
    names = [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if "AnyIO" not in name)


@contextlib.contextmanager
def client_of(sessions, token=TOKEN, **options):
    app = create_app(sessions, Access(token), **options)
    with TestClient(app, base_url=ADDRESS, headers=OWN) as client:
        yield client
    assert len(sessions) == 0
    assert_no_threads()


def visit(client):
    """Opens a page, trains, takes another shape, and leaves while it trains."""
    with client.websocket_connect(SESSION) as page:
        receive(page, "state")
        send(page, "play")
        frame(page, epoch=1)
        send(page, "configure", config={"hidden": "5"})
        receive(page, "state")
    assert_no_threads()


@pytest.mark.parametrize(
    "reloads",
    [4, pytest.param(100, marks=[pytest.mark.slow, READS_PROC])],
)
def test_reloads_leave_nothing(reloads):
    sessions = Sessions(1)
    with client_of(sessions) as client:
        visit(client)
        before, memory = threads(), [resident()] if HAS_PROC else []
        for _ in range(2):
            for _ in range(reloads // 2):
                visit(client)
                assert len(sessions) == 0
            memory += [resident()] if HAS_PROC else []
        assert threads() == before
    if reloads >= 100:
        first, second = memory[1] - memory[0], memory[2] - memory[1]
        assert second < max(first, MB_A_PAGE * reloads / 2), memory


def test_a_day_of_idleness():
    clock = Clock()
    sessions = Sessions(2, clock=clock)
    # The server looks often for idle sessions, and the clock says that hours pass.
    with client_of(sessions, idle_check_seconds=0.005) as client:
        before = threads()
        with client.websocket_connect(SESSION) as used, client.websocket_connect(SESSION) as idle:
            receive(used, "state")
            ended = receive(idle, "state")["session"]
            while clock.now < DAY:
                clock.now += IDLE_SECONDS / 2
                send(used, "step")
                frame(used, epoch=clock.now // (IDLE_SECONDS / 2))
            with pytest.raises(WebSocketDisconnect) as caught:
                receive(idle, "none")
            assert caught.value.code == 4408
            assert len(sessions) == 1
            assert sessions.find(ended) is None
            # The server has room for others, and what ended is not there any more.
            assert client.get(f"/sessions/{ended}/code.py?token={TOKEN}").status_code == 404
            with client.websocket_connect(SESSION) as other:
                receive(other, "state")
        assert_no_threads()
        assert threads() == before


def test_a_session_is_seen_with_the_token_of_its_server_alone():
    with (
        client_of(Sessions(1), "one") as one,
        client_of(Sessions(1), "two") as two,
        one.websocket_connect(SESSION.replace(TOKEN, "one")) as page,
    ):
        own = receive(page, "state")["session"]
        assert one.get(f"/sessions/{own}/code.py?token=one").status_code == 200
        assert one.get(f"/sessions/{own}/code.py?token=two").status_code == 403
        assert two.get(f"/sessions/{own}/code.py?token=two").status_code == 404
        with (
            pytest.raises(WebSocketDisconnect),
            two.websocket_connect(SESSION.replace(TOKEN, "one")),
        ):
            pass


@contextlib.contextmanager
def serving(sessions):
    """A server for browsers in a thread of this process; gives its address."""
    access = Access()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = uvicorn.Server(uvicorn.Config(create_app(sessions, access), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/?token={access.token}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.slow
@NEEDS_BROWSER
@READS_PROC
def test_reloads_and_tabs_of_a_browser_leave_nothing():
    sessions = Sessions(2)
    with serving(sessions) as address, chromium() as browser:
        before, identifiers, memory = threads(), set(), []
        with opened(browser, address) as page:
            for reloads in range(101):
                if reloads:
                    page.reload()
                page.wait_for_function("window.playground && playground.frames > 0")
                page.keyboard.press("Space")
                page.wait_for_function("playground.state.running && playground.frames > 3")
                identifiers.add(page.evaluate("playground.session"))
                if reloads % 50 == 0:
                    page.keyboard.press("Space")
                    page.wait_for_function("!playground.state.running")
                    settle(page)
                    memory.append(resident())
            assert len(identifiers) == 101
            page.evaluate("window.stays = true")
            for _ in range(20):
                tab = page.context.new_page()
                tab.goto(address)
                tab.wait_for_function("window.playground && playground.frames > 0")
                identifiers.add(tab.evaluate("playground.session"))
                tab.close()
            assert len(identifiers) == 121
            # The page that stayed open was not touched by the others.
            assert page.evaluate("window.stays && playground.state.session") in identifiers
            page.keyboard.press("ArrowRight")
            page.wait_for_function("playground.frames > 0 && !playground.state.running")
        assert_no_threads()
        assert len(sessions) == 0
        assert threads() == before
    first, second = memory[1] - memory[0], memory[2] - memory[1]
    assert second < max(first, MB_A_PAGE * 50), memory
