"""The ASGI applications of the benchmark."""
import asyncio


async def answer(send):
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")]})
    await send({"type": "http.response.body", "body": b"Hello, world!"})


async def hello(scope, receive, send):
    assert scope["type"] == "http"
    await answer(send)


async def awaits(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(0)
    await answer(send)
