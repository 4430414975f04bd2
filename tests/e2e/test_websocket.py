"""WebSockets of ASGI applications through the front: unmodified applications, Debian's own client, and raw bytes."""
import asyncio
import os
import socket
import struct

import pytest

from harness import PATIENCE_SECONDS, Trimaran

websockets = pytest.importorskip("websockets")

APP = '''
import asyncio, os

async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        return await send({"type": "http.response.body", "body": b"plain"})
    assert scope["type"] == "websocket"
    path = scope["path"]
    assert (await receive())["type"] == "websocket.connect"
    if path == "/refuse":
        return await send({"type": "websocket.close"})
    if path == "/deny":
        await send({"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-why", b"tea")]})
        return await send({"type": "websocket.http.response.body", "body": b"a teapot"})
    if path == "/raise":
        raise RuntimeError("before it was accepted")
    protocol = scope["subprotocols"][0] if scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": protocol, "headers": [(b"x-hull", b"three")]})
    if path == "/raise-late":
        raise RuntimeError("after it was accepted")
    if path == "/return":
        return
    if path == "/pair":
        async def push():
            await send({"type": "websocket.send", "bytes": b"b" * (32 << 20)})
        first, second = asyncio.create_task(push()), asyncio.create_task(push())
        await asyncio.sleep(0)
        print("two wait")
        print("they ended with", await asyncio.gather(first, second, return_exceptions=True))
        return
    if path == "/deaf":
        while not os.path.exists("hear"):
            await asyncio.sleep(0.05)
        return
    if path == "/big":
        for _ in range(100):
            await send({"type": "websocket.send", "bytes": b"b" * 1048576})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            print("disconnected", path, event["code"], event["reason"])
            return
        if event.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
        elif event.get("text") == "scope":
            await send({"type": "websocket.send", "text": repr((scope["scheme"], scope["query_string"]))})
        elif "text" in event:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})
'''

STARLETTE = '''
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

class Room:
    members = set()

async def home(request):
    return PlainTextResponse("chat")

async def numbers(request):
    async def count():
        for i in range(1000):
            yield b"%d\\n" % i
    return StreamingResponse(count())

async def chat(socket):
    await socket.accept()
    Room.members.add(socket)
    await socket.send_text("welcome")
    try:
        async for text in socket.iter_text():
            for member in Room.members:
                await member.send_text(text)
    finally:
        Room.members.discard(socket)

app = Starlette(routes=[Route("/home", home), Route("/numbers", numbers), WebSocketRoute("/chat", chat)])
'''


@pytest.fixture(scope="module")
def site():
    with Trimaran(files={"app.py": APP}, tables={"app": {"run": "asgi:app:app"}}) as running:
        yield running


def connect(site, path="/echo", **options):
    patience = {"open_timeout": PATIENCE_SECONDS, "close_timeout": PATIENCE_SECONDS, "ping_interval": None}
    return websockets.connect("ws://127.0.0.1:%d%s" % (site.http_port, path), **patience | options)


def run(story):
    return asyncio.run(asyncio.wait_for(story, 2 * PATIENCE_SECONDS))


def test_messages_of_every_size_come_back(site):
    async def story():
        async with connect(site, max_size=None) as socket:
            for message in ("", "hello", "gr\u00fc\u00dfe", "x" * 200_000, b"", b"\0\xff" * 40_000,
                            os.urandom(3_000_000)):
                await socket.send(message)
                assert await socket.recv() == message
            await socket.send(["in ", "three ", "fragments"])
            assert await socket.recv() == "in three fragments"
    run(story())


def test_the_handshake_carries_headers_subprotocol_and_query(site):
    async def story():
        async with connect(site, "/echo?a=1", subprotocols=["chat", "other"]) as socket:
            assert socket.subprotocol == "chat"
            assert socket.response_headers["x-hull"] == "three"
            await socket.send("scope")
            assert await socket.recv() == "('ws', b'a=1')"
    run(story())


def test_pings_are_answered_while_the_application_is_busy(site):
    async def story():
        async with connect(site, "/big", max_size=None, max_queue=None) as socket:
            await asyncio.wait_for(await socket.ping(), PATIENCE_SECONDS)
            for _ in range(100):
                assert len(await socket.recv()) == 1048576
            await socket.send("still here")
            assert await socket.recv() == "still here"
    run(story())


def test_the_application_closes_with_its_code(site):
    async def story():
        async with connect(site, "/closes") as socket:
            await socket.send("close")
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (4001, "as you wish")
    run(story())


def test_the_client_s_close_reaches_the_application(site):
    async def story():
        socket = await connect(site, "/bye")
        await socket.close(3000, "bye")
        assert socket.close_code == 3000
        socket = await connect(site, "/lost")
        socket.transport.abort()
    run(story())
    site.wait_for_line("disconnected /bye 3000 bye")
    site.wait_for_line("disconnected /lost 1006")


@pytest.mark.parametrize("path, status", [("/refuse", 403), ("/deny", 418), ("/raise", 500)])
def test_a_refusal_is_an_ordinary_response(site, path, status):
    async def story():
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            await connect(site, path)
        assert refused.value.status_code == status
        assert refused.value.headers.get("x-why") == ("tea" if path == "/deny" else None)
    run(story())


@pytest.mark.parametrize("path, code", [("/return", 1000), ("/raise-late", 1011)])
def test_an_application_that_ends_closes(site, path, code):
    async def story():
        socket = await connect(site, path)
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert socket.close_code == code
    run(story())


HANDSHAKE = (b"GET /echo HTTP/1.1\r\nHost: foobar.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: %d\r\n\r\n")


def test_the_handshake_is_the_one_of_the_rfc(site):
    with site.http() as client:
        client.send(HANDSHAKE % 13)
        head = client.socket.recv(65536)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    with site.http() as client:
        client.send(HANDSHAKE % 8)
        answer = client.read_response()
        assert (answer.status, answer["sec-websocket-version"], answer["upgrade"]) == (426, "13", "websocket")


def test_a_frame_that_is_not_masked_is_a_protocol_error(site):
    with site.http() as client:
        client.send(HANDSHAKE % 13)
        head = client.socket.recv(65536)
        assert head.startswith(b"HTTP/1.1 101 ")
        client.send(b"\x81\x05Hello")
        rest = head.partition(b"\r\n\r\n")[2] + client.read_to_close()
        assert rest == b"\x88\x02" + struct.pack(">H", 1002)


# Once only the first was told, and the second waited for it for ever.
def test_every_send_that_waits_is_told_that_the_client_is_gone(site):
    with site.http() as client:
        client.send((HANDSHAKE % 13).replace(b"/echo", b"/pair"))
        site.wait_for_line("two wait")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    site.wait_for_line("they ended with .ConnectionResetError.*ConnectionResetError")


# Once messages without content were counted as nothing, and all of them were kept.
def test_a_flood_of_empty_messages_is_stopped(site):
    with site.http() as client:
        client.send((HANDSHAKE % 13).replace(b"/echo", b"/deaf"))
        assert client.socket.recv(65536).startswith(b"HTTP/1.1 101 ")
        client.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            for _ in range(64):
                client.socket.sendall(b"\x81\x80mask" * 100_000)
    (site.path / "hear").touch()


def test_another_upgrade_is_an_ordinary_request(site):
    assert site.get("/plain", headers={"Upgrade": "other", "Connection": "Upgrade"}).body == b"plain"


def test_a_hundred_sockets_chat_in_an_unmodified_starlette_application():
    pytest.importorskip("starlette")
    with Trimaran(files={"app.py": STARLETTE}, tables={"app": {"run": "asgi:app:app"}}) as site:
        assert site.get("/home").body == b"chat"
        assert site.get("/numbers").body == b"".join(b"%d\n" % i for i in range(1000))

        async def story():
            sockets = await asyncio.gather(*(connect(site, "/chat") for _ in range(100)))
            # The handshake ends before the member is in the room.
            assert await asyncio.gather(*(socket.recv() for socket in sockets)) == ["welcome"] * 100
            await sockets[0].send("hello")
            assert await asyncio.gather(*(socket.recv() for socket in sockets)) == ["hello"] * 100
            await asyncio.gather(*(socket.close() for socket in sockets))
        run(story())
