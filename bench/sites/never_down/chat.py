"""The application of the never-down runs, for ASGI: a WebSocket echo, an upload, and an answer that takes its time."""
import asyncio
import os
import urllib.parse
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "release")) as release_file:
    RELEASE = release_file.read().strip()
PIECES = 10


async def echo(receive, send):
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            return


async def read_body(receive):
    body = b""
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return body
        body += event.get("body", b"")
        if not event.get("more_body"):
            return body


async def answer(send, body, more=False, begin=True):
    if begin:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def lifespan(receive, send):
    while True:
        event = await receive()
        await send({"type": event["type"] + ".complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["type"] == "websocket":
        return await echo(receive, send)
    query = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
    if scope["path"] == "/slow":
        for piece in range(PIECES):
            await answer(send, b"piece %d\n" % piece, more=True, begin=piece == 0)
            await asyncio.sleep(float(query["seconds"]) / PIECES)
        await answer(send, b"done\n", begin=False)
    elif scope["path"] == "/upload":
        body = await read_body(receive)
        await answer(send, b"%d %d\n" % (len(body), zlib.crc32(body)))
    else:
        await answer(send, f"{query.get('id', '')} {RELEASE}\n".encode())
