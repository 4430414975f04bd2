"""WebSockets through the front, byte by byte: what a client of an ASGI application sees."""
import base64
import os
import struct

import pytest

from harness import Trimaran, eventually

APP = '''
import os

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
        return
    await receive()
    if scope["path"] == "/refuse":
        return await send({"type": "websocket.close"})
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]} if event.get("text") is not None else
                   {"type": "websocket.send", "bytes": event["bytes"]})
    with open("codes", "a") as f:
        f.write("%s " % event.get("code"))
'''


@pytest.fixture(scope="module")
def site():
    with Trimaran(files={"app.py": APP, "codes": ""},
                  tables={"app": {"run": "asgi:app:application", "workers": 1}}) as running:
        running.path.joinpath("codes").chmod(0o666)
        yield running


def upgrade(client, path="/", early=b""):
    key = base64.b64encode(os.urandom(16)).decode()
    client.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: foobar.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode() + early)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.socket.recv(1)
    return head


def frame(opcode, payload, mask=b"mask"):
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else \
        b"\xff" + struct.pack(">Q", size)
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return bytes([0x80 | opcode]) + length + mask + masked


def read(client, count):
    data = b""
    while len(data) < count:
        piece = client.socket.recv(count - len(data))
        assert piece, f"the connection ended after {data!r}"
        data += piece
    return data


def read_frame(client):
    first, size = read(client, 2)
    if size == 126:
        size, = struct.unpack(">H", read(client, 2))
    elif size == 127:
        size, = struct.unpack(">Q", read(client, 8))
    return first & 15, read(client, size)


def test_messages_go_both_ways_and_bytes_behind_the_head_are_the_first(site):
    with site.http() as client:
        head = upgrade(client, early=frame(1, b"early"))
        assert head.startswith(b"HTTP/1.1 101 ") and b"\r\nUpgrade: websocket\r\n" in head
        assert b"\r\nConnection: Upgrade\r\n" in head
        assert read_frame(client) == (1, b"early")
        for size in (0, 125, 126, 70_000, 300_000):
            client.socket.sendall(frame(2, b"x" * size))
            assert read_frame(client) == (2, b"x" * size)
        client.socket.sendall(frame(8, struct.pack(">H", 1000)))
        assert read_frame(client)[0] == 8
        assert client.socket.recv(1) == b""


def test_a_refused_websocket_is_an_ordinary_answer(site):
    with site.http() as client:
        assert upgrade(client, "/refuse").startswith(b"HTTP/1.1 403 ")


def test_a_silent_websocket_outlives_the_idle_timeout_of_http(site):
    site.site.configure({"limits": {"idle_timeout": "2s", "body_timeout": "2s"}})
    site.command("reload")
    with site.http() as client:
        upgrade(client)
        idle = site.http()
        idle.request("/pid")
        assert idle.read_response().status == 200
        assert idle.socket.recv(1) == b"", "the idle connection has ended at its limit"
        client.socket.sendall(frame(1, b"still here"))
        assert read_frame(client) == (1, b"still here")


def test_a_client_that_goes_away_is_known_to_the_application(site):
    before = len((site.path / "codes").read_text().split())
    with site.http() as client:
        upgrade(client)
    eventually(lambda: len((site.path / "codes").read_text().split()) > before)


def test_a_worker_that_is_killed_ends_its_websockets_and_the_next_one_serves(site):
    with site.http() as client:
        upgrade(client)
        os.kill(int(site.get("/pid").body), 9)
        assert client.socket.recv(1) == b""
    assert site.get("/pid").status == 200
