"""The server through Starlette's client: who may use it, how much, and what harms nothing."""

import json
import random

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from kerasnn.playground.server.access import Access
from kerasnn.playground.server.app import create_app
from kerasnn.playground.server.connection import MOST_BYTES
from kerasnn.playground.server.sessions import Sessions
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


@pytest.fixture
def sessions():
    return Sessions(2, idle_seconds=60.0, clock=Clock())


@pytest.fixture
def client(sessions):
    """A client of a server for two sessions."""
    app = create_app(sessions, Access(TOKEN))
    with TestClient(app, base_url=ADDRESS, headers=OWN) as client:
        yield client
    assert len(sessions) == 0
    # The last session frees memory of the whole process, which the next test is to find done.
    assert_no_threads()


def test_a_page_receives_a_network_that_trains(client, sessions):
    with client.websocket_connect(SESSION) as socket:
        state = receive(socket, "state")
        assert state["config"]["dataset"] == "circle"
        assert frame(socket)[0]["epoch"] == 0
        send(socket, "play")
        assert frame(socket, epoch=3)[0]["running"]
        assert sessions.find(state["session"]) is not None
    assert len(sessions) == 0


def test_nothing_is_answered_without_the_token(client):
    for address in ("/", "/sessions/x/code.py"):
        refused = client.get(address)
        assert (refused.status_code, "needs the token" in refused.text) == (403, True)
        assert client.get(f"{address}?token=other").status_code == 403
    assert client.post("/sessions/x/table", content=b"a,b").status_code == 403
    for query in ("", "?token=", "?token=%00%ff"):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect(SESSION.partition("?")[0] + query),
        ):
            pass


def test_pages_of_other_origins_and_names_are_refused(client):
    foreign = {"origin": "http://evil.example"}
    refused = client.get(f"/?token={TOKEN}", headers=foreign)
    assert refused.status_code == 403
    assert "another origin" in refused.text
    assert "evil.example" in refused.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(SESSION, headers=foreign):
        pass
    # A name that was made to mean this machine.
    rebound = {"host": "evil.example:8000", "origin": "http://evil.example:8000"}
    assert client.get(f"/?token={TOKEN}", headers=rebound).status_code == 400
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(SESSION, headers=rebound):
        pass
    assert client.get("/static/../server/app.py").status_code == 404
    assert client.get("/static/%2e%2e/server/app.py").status_code == 404


def test_headers_keep_other_pages_out(client):
    headers = client.get("/static/none.js").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "connect-src 'self';" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_one_page_more_than_there_may_be_is_told_why(client):
    with client.websocket_connect(SESSION) as first, client.websocket_connect(SESSION) as second:
        receive(first, "state")
        receive(second, "state")
        with (
            client.websocket_connect(SESSION) as third,
            pytest.raises(WebSocketDisconnect) as caught,
        ):
            receive(third, "state")
        assert caught.value.code == 1013
        assert "--sessions" in caught.value.reason
        assert len(caught.value.reason.encode()) <= 123
    # Their places are free again.
    with client.websocket_connect(SESSION) as socket:
        receive(socket, "state")


def test_idle_sessions_end(client, sessions):
    with client.websocket_connect(SESSION) as socket, client.websocket_connect(SESSION) as other:
        receive(socket, "state")
        identifier = receive(other, "state")["session"]
        sessions._clock.now = 50.0
        send(other, "watch")
        frame(other)
        assert not sessions.end_idle()
        sessions._clock.now = 100.0
        assert len(sessions.end_idle()) == 1
        with pytest.raises(WebSocketDisconnect) as caught:
            receive(socket, "none")
        assert caught.value.code == 4408
        assert "idle" in caught.value.reason
        assert sessions.find(identifier) is not None


HOSTILE = [
    "",
    "{",
    "null",
    "[]",
    "1e999",
    '"' + "x" * 1000 + '"',
    "[" * 20_000,
    "x" * (MOST_BYTES + 1),
    "{}",
    '{"type": null}',
    '{"type": "__init__"}',
    '{"type": ["play"]}',
    '{"type": "configure"}',
    '{"type": "configure", "config": []}',
    '{"type": "configure", "config": {"hiden": "4"}}',
    '{"type": "configure", "config": {"hidden": "99999999"}}',
    '{"type": "configure", "config": {"hidden": "8,8,8,8,8,8,8"}}',
    '{"type": "configure", "config": {"hidden": "٣"}}',
    '{"type": "configure", "config": {"noise": true}}',
    '{"type": "configure", "config": {"learning_rate": NaN}}',
    '{"type": "configure", "config": {"learning_rate": 1' + "0" * 5000 + "}}",
    '{"type": "configure", "config": {"features": []}}',
    '{"type": "configure", "config": {"features": ["x", ["y"]]}}',
    '{"type": "configure", "config": {"features": {"x": 1}}}',
    '{"type": "configure", "config": {"activations": ["relu"]}}',
    '{"type": "configure", "config": {"unit_activations": [["relu"], 1]}}',
    '{"type": "configure", "config": {"hidden": "2", "unit_activations": [["relu", "tan"]]}}',
    '{"type": "configure", "config": {"dataset": "table", "table": "../../etc/passwd"}}',
    '{"type": "configure", "config": {"dataset": "table", "table": {"a": 1}}}',
    '{"type": "configure", "config": {"dataset": "plane", "task": "classification"}}',
    '{"type": "\\ud800", "id": "\\udfff"}',
    '{"type": "set_weight"}',
    '{"type": "set_weight", "layer": 0, "unit": 0, "value": 1}',
    '{"type": "set_weight", "layer": 1, "unit": 9, "value": 1}',
    '{"type": "set_weight", "layer": 1, "unit": 0, "input": -1, "value": 1}',
    '{"type": "set_weight", "layer": 1, "unit": 0, "input": 0, "value": Infinity}',
    '{"type": "set_weight", "layer": 1, "unit": 0, "input": 0, "value": "1"}',
    '{"type": "watch", "unit": "1,2"}',
    '{"type": "watch", "speed": 1e3}',
    '{"type": "watch", "diagnose": "yes"}',
    '{"type": "watch", "pair": 1}',
    '{"type": "watch", "pair": ""}',
    '{"type": "ask"}',
    '{"type": "ask", "what": {"a": 1}}',
]


def test_wrong_messages_get_an_error_and_harm_nothing(client):
    with client.websocket_connect(SESSION) as socket:
        receive(socket, "state")
        for number, text in enumerate([*HOSTILE, b"\x00\xff"]):
            if isinstance(text, str):
                socket.send_text(text)
            else:
                socket.send_bytes(text)
            send(socket, "ask", what="code", id=number)
            assert "error" in types_until_answer(socket, number), text
        for what in (
            {"what": "loss_surface", "directions": ["x"]},
            {"what": "k_fold", "folds": 1e9},
        ):
            send(socket, "ask", **what)
            assert receive(socket, "error")["argument"] in what
        send(socket, "step")
        assert frame(socket, epoch=1)[0]["epoch"] == 1


def types_until_answer(socket, number):
    """Returns the types of all messages before an answer."""
    types = []
    while True:
        message = socket.receive()
        assert message["type"] == "websocket.send", message
        if message.get("text") is not None:
            found = json.loads(message["text"])
            if found["type"] == "answer" and found["id"] == number:
                return types
            types.append(found["type"])


def random_message(rng):
    """A message that may be right or wrong in any part."""
    value = rng.choice(
        [0, 1, -1, 7, 1e9, float("nan"), "", "x", "8,8", "tanh", None, True, [], ["x"], {}, "😀"]
    )
    names = ["hidden", "noise", "dataset", "optimizer", "learning_rate", "features", "seed", "l1"]
    kind = rng.choice(["play", "pause", "step", "set_weight", "watch", "configure", "reset", "no"])
    message = {"type": kind, "id": rng.choice([1, "a", None, {}])}
    for name in rng.sample(["layer", "unit", "input", "value", "speed", "config", "pair"], 3):
        message[name] = rng.choice([value, 1, 0, 2])
    if kind == "configure" and rng.random() < 0.8:
        message["config"] = {rng.choice(names): value}
    text = json.dumps(message)
    return text if rng.random() < 0.9 else text[: rng.randrange(len(text))]


def assert_survives(client, count):
    rng = random.Random(0)
    with client.websocket_connect(SESSION) as socket:
        receive(socket, "state")
        for number in range(count):
            socket.send_text(random_message(rng))
            if number % 50 == 49:
                # The page reads what it is sent, so that no message is refused for their number.
                send(socket, "ask", what="code", id=number)
                types_until_answer(socket, number)
        send(socket, "configure", config={"hidden": "3", "seed": 5})
        while receive(socket, "state")["config"]["seed"] != 5:
            pass
        send(socket, "play")
        assert frame(socket, epoch=2)[1]["weights"].size == 13
    assert_no_threads()


def test_random_messages_harm_nothing(client):
    assert_survives(client, 150)


@pytest.mark.slow
def test_ten_thousand_random_messages_harm_nothing(client):
    assert_survives(client, 10_000)


@pytest.mark.slow
def test_a_flood_of_messages_harms_nothing(client):
    with client.websocket_connect(SESSION) as socket:
        receive(socket, "state")
        for _ in range(700):
            send(socket, "reset")
        send(socket, "watch")
        assert frame(socket)[0]["epoch"] == 0


def test_leaving_frees_threads(client, sessions):
    for _ in range(2):
        with client.websocket_connect(SESSION) as socket:
            receive(socket, "state")
            send(socket, "play")
            frame(socket, epoch=1)
    assert_no_threads()


def test_uploads(client):
    with client.websocket_connect(SESSION) as socket:
        address = f"/sessions/{receive(socket, 'state')['session']}/table?token={TOKEN}"
        lines = ["a,b,kind", *(f"{i * 3},{i % 7},{'xy'[i % 2]}" for i in range(40))]
        content = "\n".join(lines).encode()
        found = client.post(address, content=content, headers={"x-file-name": "a%20b.csv"}).json()
        assert found["name"] == "a b.csv"
        assert found["rows"] == 40
        assert [column["values"] for column in found["columns"]] == [40, 7, 2]
        assert [column["counts_rows"] for column in found["columns"]] == [False] * 3
        given = {"dataset": "table", "table": found["table"], "target": "kind", "hidden": ""}
        send(socket, "configure", config=given)
        assert receive(socket, "state")["classes"] == ["x", "y"]
        send(socket, "step")
        losses = frame(socket, epoch=1)[0]["train_loss"]
        for wrong in (b"", b"\xff\xfe\x00", b"a,b\n", b"x" * 10_000_001):
            answer = client.post(address, content=wrong)
            assert answer.status_code == 400
            assert answer.json()["error"]["argument"] == "table"
    assert client.post(address, content=content).status_code == 404
    # The page that is loaded again trains on the same table.
    with client.websocket_connect(SESSION) as socket:
        session = receive(socket, "state")
        assert session["tables"] == []
        send(socket, "configure", config=given)
        state = receive(socket, "state")
        assert [table["name"] for table in state["tables"]] == ["a b.csv"]
        send(socket, "step")
        assert frame(socket, epoch=1)[0]["train_loss"] == losses


def test_the_page_is_told_which_columns_count_the_rows(client):
    with client.websocket_connect(SESSION) as socket:
        address = f"/sessions/{receive(socket, 'state')['session']}/table?token={TOKEN}"
        lines = ["id,gaps,a,kind", *(f"{i + 1},{i or ''},{i % 7},{i % 2}" for i in range(20))]
        found = client.post(address, content="\n".join(lines).encode()).json()
        counting = {column["name"]: column["counts_rows"] for column in found["columns"]}
        assert counting == {"id": True, "gaps": False, "a": False, "kind": False}


def test_the_last_tables_are_kept(client, sessions):
    with client.websocket_connect(SESSION) as socket:
        address = f"/sessions/{receive(socket, 'state')['session']}/table?token={TOKEN}"
        content = b"a,b\n1,x\n2,y\n3,x\n4,y\n"
        tables = [client.post(address, content=content).json()["table"] for _ in range(10)]
        folders = {sessions.uploads.find(table).path.parent for table in tables}
        # The first one has just been asked for, so that the second goes.
        sessions.uploads.find(tables[0])
        tables.append(client.post(address, content=content).json()["table"])
        kept = [sessions.uploads.find(table) is not None for table in tables]
        assert kept == [True, False, *[True] * 9]
        [folder] = folders
        assert len(list(folder.iterdir())) == 10
        given = {"dataset": "table", "table": tables[1], "target": "b"}
        send(socket, "configure", config=given)
        assert receive(socket, "error")["argument"] == "table"
    sessions.close_all()
    assert not folder.exists()


def test_downloads(client):
    with client.websocket_connect(SESSION) as socket:
        session = receive(socket, "state")["session"]
        address = f"/sessions/{session}/%s?token={TOKEN}"
        code = client.get(address % "code.py")
        assert code.text.startswith("import keras")
        assert code.headers["content-disposition"] == 'attachment; filename="playground.py"'
        assert client.get(address % "configuration.json").json()["dataset"] == "circle"
        assert client.get(address % "model.keras").content[:2] == b"PK"
        assert client.get(address % "other.txt").status_code == 404
        assert client.get(f"/sessions/none/code.py?token={TOKEN}").status_code == 404
