"""ASGI applications as visitors see them: through the front, with real clients."""
import socket
import struct
import threading

import pytest

from harness import Trimaran, resident_kib

APP = '''
import asyncio, contextvars, gc, os

who = contextvars.ContextVar("who", default="nobody")
MB = b"m" * 1048576

async def reply(send, body, status=200, headers=()):
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"text/plain"), *headers]})
    await send({"type": "http.response.body", "body": body if isinstance(body, bytes) else repr(body).encode()})

async def lifespan(scope, receive, send):
    await receive()
    if os.path.exists("refuse"):
        return await send({"type": "lifespan.startup.failed", "message": "the anchor is stuck"})
    scope["state"]["started"] = True
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("the anchor is up")
    await send({"type": "lifespan.shutdown.complete"})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    path, query = scope["path"], scope["query_string"].decode()
    if path == "/scope":
        await reply(send, {key: scope[key] for key in ("method", "path", "headers", "state", "scheme", "server")})
    elif path == "/upload":
        total, more = 0, True
        while more:
            event = await receive()
            total, more = total + len(event["body"]), event["more_body"]
        await reply(send, total)
    elif path == "/echo":  # both directions at once
        await send({"type": "http.response.start", "status": 200})
        more = True
        while more:
            event = await receive()
            more = event["more_body"]
            await send({"type": "http.response.body", "body": event["body"], "more_body": more})
    elif path == "/big":
        await send({"type": "http.response.start", "status": 200})
        for _ in range(200):
            await send({"type": "http.response.body", "body": MB, "more_body": True})
        await send({"type": "http.response.body"})
    elif path == "/sleep":
        async with asyncio.timeout(30):
            await asyncio.sleep(float(query))
        await reply(send, b"slept")
    elif path == "/wait":
        print("it waits")
        while (await receive())["type"] != "http.disconnect":
            pass
        print("the client has left")
    elif path == "/poll":
        await receive()
        for _ in range(100):
            try:
                await asyncio.wait_for(receive(), 0.001)
            except asyncio.TimeoutError:
                pass
        await reply(send, sum(type(one) is asyncio.Future for one in gc.get_objects()))
    elif path == "/file":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.pathsend", "path": os.path.abspath(query)})
    elif path == "/sendfile":
        await reply(send, b"", 200, [(b"x-sendfile", os.path.abspath(query).encode())])
    elif path == "/raise":
        raise RuntimeError("the mast broke")
    elif path == "/raise-late":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("too late")
    elif path == "/context":
        before = who.get()
        who.set("me")
        await asyncio.sleep(0.01)
        await reply(send, (before, who.get()))
    elif path != "/nothing":
        await reply(send, b"no", 404)
'''


def asgi_site(files=(), **app):
    return Trimaran(files={"app.py": APP, "page.bin": "page " * 100_000} | dict(files),
                    tables={"app": {"run": "asgi:app:app", "workers": 1} | app})


@pytest.fixture(scope="module")
def site():
    with asgi_site() as running:
        yield running


def test_the_scope_is_the_request_s(site):
    scope = eval(site.get("/scope?x=1", headers={"X-Mast": "two"}).body)
    assert (scope["method"], scope["path"], scope["scheme"]) == ("GET", "/scope", "http")
    assert (b"x-mast", b"two") in scope["headers"]
    assert scope["state"] == {"started": True}
    assert scope["server"][1] == site.http_port


def test_a_body_of_any_size_arrives(site):
    for size in (0, 1, 100_000, 5_000_000):
        assert site.get("/upload", method="POST", body=b"x" * size).body == b"%d" % size


def test_bytes_stream_both_ways_at_once(site):
    with site.http() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: foobar.com\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"30000\r\n" + b"f" * 0x30000 + b"\r\n")  # more than the front collects before it asks for a worker
        while client.buffer.count(b"f") < 0x30000:  # the answer to the first piece comes before the second is sent
            client.buffer += client.socket.recv(65536)
        client.send(b"6\r\nsecond\r\n0\r\n\r\n")
        assert client.read_response().body == b"f" * 0x30000 + b"second"


def test_a_hundred_requests_sleep_at_the_same_time(site):
    done = []
    def sleep():
        done.append(site.get("/sleep?0.5").body)
    threads = [threading.Thread(target=sleep) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [b"slept"] * 100


def test_each_request_has_its_own_context(site):
    for _ in range(3):
        assert site.get("/context").body == b"('nobody', 'me')"


TASKS = '''
import asyncio, sys
LOOP, WAY = "%s", "%s"
if LOOP == "asyncio":
    sys.modules["uvloop"] = None  # as if it were not installed

def mark(task):
    task.made_by = WAY
    return task

def marking(create_task):
    return lambda *arguments, **options: mark(create_task(*arguments, **options))

if WAY == "class" and LOOP == "asyncio":
    asyncio.BaseEventLoop.create_task = marking(asyncio.BaseEventLoop.create_task)

async def app(scope, receive, send):
    loop = asyncio.get_running_loop()
    if WAY == "factory" and scope["type"] == "lifespan" or scope["type"] == "http" and scope["path"] == "/factory":
        loop.set_task_factory(lambda loop, coroutine, **options: mark(asyncio.Task(coroutine, loop=loop, **options)))
    if scope["type"] == "lifespan":
        if WAY == "class" and LOOP == "uvloop":
            type(loop).create_task = marking(type(loop).create_task)
        if WAY == "object":
            loop.create_task = marking(loop.create_task)
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return await send({"type": "lifespan.shutdown.complete"})
    made_by = type(loop).__module__.partition(".")[0] + " " + getattr(asyncio.current_task(), "made_by", "nobody")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": made_by.encode()})
'''


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("way", ["factory", "object", "class", "later"])
def test_tasks_are_made_in_the_application_s_way(loop, way):
    """A task factory, or a create_task() of its own, which is how tracers follow requests."""
    with asgi_site(files={"app.py": TASKS % (loop, way)}) as site:
        if way == "later":
            assert site.get("/task").body.decode() == f"{loop} nobody"
            site.get("/factory")
        for _ in range(2):
            assert site.get("/task").body.decode() == f"{loop} {way}"


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_is_told_to_the_application(reset):
    with asgi_site() as site:
        with site.http() as client:
            client.send(b"GET /wait HTTP/1.1\r\nHost: foobar.com\r\n\r\n")
            site.wait_for_line("it waits")
            if reset:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        site.wait_for_line("the client has left")


def test_asking_again_and_again_for_the_client_leaves_nothing_behind(site):
    assert int(site.get("/poll").body) < 20


def test_a_file_is_sent_by_the_front(site):
    for path in ("/file", "/sendfile"):
        answer = site.get(path + "?page.bin")
        assert answer.status == 200 and answer.body == b"page " * 100_000
        assert answer["content-length"] == "500000"
    assert site.get("/file?missing").status == 500


def test_errors_are_a_page_and_a_traceback_in_the_log(site):
    assert site.get("/raise").status == 500
    site.wait_for_line("RuntimeError: the mast broke")
    assert site.get("/nothing").status == 500
    site.wait_for_line("the application returned without a response")
    with pytest.raises(ConnectionError):
        site.get("/raise-late")


def test_a_slow_client_stops_the_application_not_the_memory(site):
    pid = next(service["pid"] for service in site.services() if service["kind"] == "worker")
    site.get("/scope")
    before = resident_kib(pid)
    with site.http(receive_buffer=4096) as client:
        client.send(b"GET /big HTTP/1.1\r\nHost: foobar.com\r\n\r\n")
        client.socket.recv(100)
        for _ in range(20):
            assert site.get("/scope").status == 200  # others are served meanwhile
        assert resident_kib(pid) - before < 16 * 1024


def test_the_lifespan_ends_with_the_worker():
    with asgi_site() as site:
        site.get("/scope")
        site.stop()
        site.wait_for_line("the anchor is up")


def test_a_startup_that_fails_is_said_to_the_visitor_s_operator():
    site = asgi_site(files={"refuse": ""})
    try:
        site.start(wait=False)
        site.wait_for_line("the anchor is stuck")
    finally:
        site.__exit__(None, None, None)
