"""ASGI: the http scope, its Tasks, and what happens when an application or a client does not do what it should."""

import os
import signal
import struct

import pytest
from fake_front import BODY, CREDIT, FAILED, FILE, RESPONSE, WINDOW, Channel, Failed, Skipped, asan_environment

KIND = {"TRIMARAN_KIND": "asgi"}
PRELUDE = """
import asyncio, json
async def reply(send, body=b"", status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body if isinstance(body, bytes) else repr(body).encode()})
async def whole(receive):
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            raise RuntimeError(event["type"])
        body, more = body + event["body"], event["more_body"]
    return body
"""


@pytest.fixture
def asgi(start):
    def start_asgi(body, **options):
        lines = "".join("    " + line + "\n" for line in body.strip("\n").split("\n"))
        source = PRELUDE + "async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n" + lines
        environment = {**KIND, **options.pop("environment", {})}
        return start(source, environment=environment, **options)

    return start_asgi


def test_the_scope_says_everything_about_the_request(asgi):
    worker = asgi("del scope['asgi']; await reply(send, scope)")
    answer = worker.channel.get("/a%20b/%C3%A4%2F", query="x=%20", scheme="https", headers=[
        ("Host", "foobar.com"), ("X-Two", "1"), ("x-two", "2")])
    assert eval(answer.body) == {
        "type": "http", "root_path": "", "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": "/a b/\u00e4/", "raw_path": b"/a%20b/%C3%A4%2F", "query_string": b"x=%20",
        "headers": [(b"host", b"foobar.com"), (b"x-two", b"1"), (b"x-two", b"2")],
        "client": ("192.0.2.7", 4711), "server": ("foobar.com", 8080),
        "extensions": {"http.response.pathsend": {}}}


def test_a_path_that_is_no_utf8_still_arrives(asgi):
    worker = asgi("await reply(send, (scope['path'], scope['raw_path']))")
    assert eval(worker.channel.get("/%ff").body) == ("/\ufffd", b"/%ff")


def test_a_small_response_has_its_length(asgi):
    answer = asgi("await reply(send, b'hello', 201, [(b'X-A', b'b')])").channel.get()
    assert (answer.status, answer.length, answer.body, answer.header("x-a")) == (201, 5, b"hello", "b")


def test_hop_by_hop_headers_are_left_out(asgi):
    answer = asgi("await reply(send, b'x', 200, [(b'transfer-encoding', b'chunked'), (b'a', b'b')])").channel.get()
    assert answer.headers == [("a", "b")]


def test_a_body_arrives_in_pieces_and_is_credited(asgi):
    worker = asgi("await reply(send, len(await whole(receive)))")
    assert worker.channel.post("/", b"x" * 5 * WINDOW).body == b"%d" % (5 * WINDOW)
    assert worker.channel.post("/", b"x" * 70_000, length=-1).body == b"70000"


def test_an_application_that_does_not_read_gets_no_more_than_the_window(asgi):
    worker = asgi("""
import os
await receive()
while not os.path.exists("go"):
    await asyncio.sleep(0.01)
""")
    channel = worker.channel
    slot = channel.begin(method="POST", end=False, length=-1)
    for _ in range(WINDOW // 65536):
        channel.body(slot, b"x" * 65536)
    assert channel.frame()[0] == CREDIT  # for what it has read
    assert channel.frame(patience=0.2) is None
    open(worker.directory + "/go", "w").close()


GO = """
import os
while not os.path.exists("go"):
    await asyncio.sleep(0.01)
"""


def credits_after_go(worker, slot):
    open(worker.directory + "/go", "w").close()
    credits = 0
    while credits < WINDOW:
        kind, _, _, payload = worker.channel.frame_of(slot)
        assert kind == CREDIT
        credits += struct.unpack("<I", payload)[0]
    return credits


def test_a_slow_application_credits_what_it_reads_although_nothing_comes_any_more(asgi):
    """Credit once left with the next frame that came, and with the window full none could: every larger upload to an
    application slower than its client hung."""
    worker = asgi(GO + "await whole(receive)")
    slot = worker.channel.begin(method="POST", end=False, length=-1)
    for _ in range(WINDOW // 65536):
        worker.channel.body(slot, b"x" * 65536)
    assert credits_after_go(worker, slot) == WINDOW
    worker.channel.body(slot, b"", end=True)


def test_a_websocket_credits_what_it_reads_although_nothing_comes_any_more(start):
    worker = start(PRELUDE + """
async def app(scope, receive, send):
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    %s
    while (await receive())["type"] == "websocket.receive":
        pass
""" % GO.replace("\n", "\n    "), environment=KIND)
    key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    headers = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), key]
    slot = worker.channel.begin(end=False, tunnel=True, headers=headers)
    assert worker.channel.head(slot).status == 101
    message = struct.pack(">BBH4x", 0x82, 0x80 | 126, 1024 - 8) + b"x" * (1024 - 8)
    for _ in range(WINDOW // 65536):
        worker.channel.body(slot, message * 64)
    assert credits_after_go(worker, slot) == WINDOW
    worker.channel.abort(slot)


def test_a_response_stops_without_credit_and_send_waits(asgi):
    worker = asgi("""
await send({"type": "http.response.start", "status": 200})
for i in range(8):
    await send({"type": "http.response.body", "body": b"x" * %d, "more_body": True})
    print("sent", i)
await send({"type": "http.response.body"})
""" % (WINDOW // 2))
    channel = worker.channel
    slot = channel.begin()
    answer = channel.head(slot)
    got = 0
    while got < WINDOW:
        kind, _, _, payload = channel.frame_of(slot)
        assert kind == BODY
        got += len(payload)
    assert got == WINDOW
    assert channel.frame(patience=0.2) is None  # not one byte beyond the window
    assert "sent 2" not in worker.wait_for_log("sent 1")
    channel.credit(slot, WINDOW)
    while not answer.whole:
        channel.piece(slot, answer)
    assert got + len(answer.body) == 4 * WINDOW


def test_one_large_event_is_sent_as_the_client_takes_it(asgi):
    worker = asgi("await reply(send, bytes(range(256)) * 20000)")
    assert worker.channel.get().body == bytes(range(256)) * 20000


def test_a_stream_s_head_leaves_with_its_first_event(asgi):
    worker = asgi("""
await send({"type": "http.response.start", "status": 200})
await send({"type": "http.response.body", "more_body": True})
await receive(); await receive()  # until the client is gone
print("done")
""")
    slot = worker.channel.begin()
    assert worker.channel.head(slot).length == -1
    worker.channel.abort(slot)
    worker.wait_for_log("done")


@pytest.mark.parametrize("method, status", [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_what_has_no_body_gets_none(asgi, method, status):
    worker = asgi("await reply(send, b'hello', %d)" % status)
    assert worker.channel.get(method=method).body == b""


def test_a_file_is_sent_by_the_front(asgi, tmp_path):
    path = tmp_path / "page"
    path.write_bytes(b"0123456789")
    worker = asgi("""
await send({"type": "http.response.start", "status": 200})
await send({"type": "http.response.pathsend", "path": %r})
""" % str(path))
    for method in ("GET", "HEAD"):
        slot = worker.channel.begin(method=method)
        head = worker.channel.head(slot)
        assert head.length == 10
        kind, _, _, payload = worker.channel.frame_of(slot)
        if method == "HEAD":
            assert (kind, payload) == (BODY, b"")
        else:
            assert (kind, struct.unpack("<QQ", payload)) == (FILE, (0, 10))
            assert os.pread(worker.channel.files.pop(), 100, 0) == b"0123456789"


def test_a_file_that_is_not_there_is_an_exception(asgi):
    worker = asgi("""
await send({"type": "http.response.start", "status": 200})
await send({"type": "http.response.pathsend", "path": "/nonexistent/page"})
""")
    with pytest.raises(Failed, match="FileNotFoundError.*nonexistent"):
        worker.channel.get()


def test_a_hundred_requests_wait_at_the_same_time(asgi):
    worker = asgi("""
global waiting
waiting = globals().get("waiting", 0) + 1
while waiting < 100:
    await asyncio.sleep(0.001)
await reply(send, b"all here")
""")
    slots = [worker.channel.begin() for _ in range(100)]
    for slot in slots:
        assert worker.channel.finish(slot).body == b"all here"


def test_each_request_is_a_task_of_its_own_with_its_own_context(start):
    worker = start(PRELUDE + """
import contextvars
who = contextvars.ContextVar("who", default="nobody")
async def app(scope, receive, send):
    assert scope["type"] == "http"
    before = who.get()
    who.set(scope["path"])
    task = asyncio.current_task()
    assert task in asyncio.all_tasks() and "app" in repr(task.get_coro().__qualname__)
    async with asyncio.timeout(60):
        await asyncio.sleep(0.01)
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
    except TimeoutError:
        pass
    async with asyncio.TaskGroup() as group:
        child = group.create_task(asyncio.sleep(0, who.get()))
    await reply(send, (before, who.get(), child.result()))
""", environment=KIND)
    slots = {worker.channel.begin("/%d" % i): "/%d" % i for i in range(10)}
    for slot, path in slots.items():
        assert eval(worker.channel.finish(slot).body) == ("nobody", path, path)


def test_what_a_plain_function_does_before_its_coroutine_is_in_the_task_too(start):
    """It once ran outside, and one visitor's context became everybody's."""
    worker = start(PRELUDE + """
import contextvars
who = contextvars.ContextVar("who", default="nobody")
def app(scope, receive, send):
    assert scope["type"] == "http"
    before = who.get()
    who.set(scope["path"])
    task = asyncio.current_task()
    async def rest():
        await reply(send, (before, who.get(), task is asyncio.current_task()))
    return rest()
""", environment=KIND)
    for path in ("/a", "/b"):
        assert eval(worker.channel.get(path).body) == ("nobody", path, True)


def test_a_task_that_is_cancelled_before_it_begins_is_answered(start):
    worker = start(PRELUDE + """
def factory(loop, coroutine, **rest):
    task = asyncio.Task(coroutine, loop=loop, **rest)
    task.cancel()
    return task
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        asyncio.get_running_loop().set_task_factory(factory)
        await receive()
    await reply(send, b"not this")
""", environment=KIND)
    for _ in range(2):
        with pytest.raises(Failed, match="the application's task was cancelled"):
            worker.channel.get()


def test_receive_and_send_may_be_tasks_themselves(asgi):
    worker = asgi("""
event = await asyncio.create_task(receive())
gone = asyncio.ensure_future(receive())
await asyncio.wait_for(send({"type": "http.response.start", "status": 200}), 60)
assert not gone.done()
await asyncio.create_task(send({"type": "http.response.body", "body": event["body"]}))
assert (await gone)["type"] == "http.disconnect" and (await receive())["type"] == "http.disconnect"
print("disconnected")
""")
    assert worker.channel.post("/", b"echo").body == b"echo"
    worker.wait_for_log("disconnected")


def test_anyio_works(asgi):
    pytest.importorskip("anyio")
    worker = asgi("""
import anyio
async with anyio.create_task_group() as group:
    async def watch():
        await receive(); await receive()
    group.start_soon(watch)
    with anyio.move_on_after(0.01):
        await anyio.sleep(60)
    await reply(send, await anyio.to_thread.run_sync(lambda: b"from a thread"))
    group.cancel_scope.cancel()
""")
    assert worker.channel.get().body == b"from a thread"


@pytest.mark.parametrize("exception", ["ValueError('bad')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_an_exception_ends_the_request_not_the_worker(asgi, exception):
    worker = asgi("""
if scope["path"] == "/bad":
    raise %s
await reply(send, b"good")
""" % exception)
    with pytest.raises(Failed, match=exception.split("(")[0]):
        worker.channel.get("/bad")
    worker.wait_for_log("error GET /bad: the application failed\nTraceback")
    assert worker.channel.get("/good").body == b"good"


@pytest.mark.parametrize("code, reason", [
    ("pass", "the application returned without a response"),
    ("await send({'type': 'http.response.start', 'status': 200})", "returned before its response was complete"),
    ("await send({'type': 'http.response.body'})", "RuntimeError: unexpected ASGI event \"http.response.body\" before"),
    ("await reply(send); await reply(send)", None),
    ("await send({'type': 'http.response.start', 'status': '200'})", "TypeError"),
    ("await send({'type': 'http.response.start', 'status': 99})", "ValueError: the status of the response"),
    ("await send({'type': 'http.response.start'})", "ValueError.*status"),
    ("await send({})", "ValueError.*type"),
    ("await send(7)", "TypeError: an ASGI event must be a dict"),
    ("await reply(send, b'', 200, [('a', 'b')])", "TypeError: a response header must be a pair of bytes"),
    ("await reply(send, b'', 200, [(b'a b', b'c')])", "ValueError: the name of the response header"),
    ("await reply(send, b'', 200, [(b'a', b'b\\nc: d')])", "ValueError.*control character"),
    ("await reply(send, b'abc', 200, [(b'content-length', b'5')])", "the response has 3 bytes, its Content-Length"),
    ("await reply(send); await send({'type': 'http.response.start', 'status': 200})", None),
    ("await reply(send, bytearray(b'x')); await send(7)", None),
    ("start = {'type': 'http.response.start', 'status': 200}\n"
     "await send(start); await send({'type': 'http.response.body', 'body': ''})", "TypeError: a body must be bytes"),
])
def test_a_mistake_is_raised_in_the_application_s_face(asgi, code, reason):
    worker = asgi(code)
    if reason:
        with pytest.raises(Failed, match=reason):
            worker.channel.get()
    else:  # the response was whole already
        assert worker.channel.get().status == 200
        worker.wait_for_log("Error: ")


def test_too_long_a_body_is_cut_and_logged(asgi):
    worker = asgi("await reply(send, b'abcdef', 200, [(b'content-length', b'5')])")
    assert worker.channel.get().body == b"abcde"
    worker.wait_for_log("the response is longer than its Content-Length of 5")


def test_a_wsgi_application_is_told_apart(start):
    worker = start("def app(environ, start_response):\n    return [b'x']\n", environment=KIND)
    with pytest.raises(Failed, match="TypeError"):
        worker.channel.get()


def test_a_client_that_leaves_is_a_disconnect_and_an_oserror(asgi):
    worker = asgi("""
await receive()
event = await receive()
try:
    await send({"type": "http.response.start", "status": 200})
except OSError as error:
    print(event["type"], type(error).__name__)
    raise
""")
    slot = worker.channel.begin()
    worker.channel.wait_until_begun(slot)
    worker.channel.abort(slot)
    worker.wait_for_log("http.disconnect ConnectionResetError")
    assert worker.channel.frame()[0] == FAILED  # the slot is given back
    assert "Traceback" not in worker.log()


def test_a_client_that_leaves_wakes_a_send_that_waits(asgi):
    worker = asgi("""
await send({"type": "http.response.start", "status": 200})
try:
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
finally:
    print("woken")
""")
    slot = worker.channel.begin()
    assert worker.channel.frame_of(slot)[0] == RESPONSE
    worker.channel.abort(slot)
    worker.wait_for_log("woken")


def test_a_send_that_is_given_up_in_its_middle_cuts_the_response(asgi):
    worker = asgi("""
await send({"type": "http.response.start", "status": 200})
try:
    await asyncio.wait_for(send({"type": "http.response.body", "body": b"x" * %d, "more_body": True}), 0.05)
except asyncio.TimeoutError:
    await send({"type": "http.response.body", "body": b"the end"})
""" % (2 * WINDOW))
    slot = worker.channel.begin()
    worker.channel.head(slot)
    while (found := worker.channel.frame_of(slot))[0] == BODY:
        assert b"the end" not in found[3]
    assert found[0] == FAILED


def test_the_loss_of_a_front_ends_its_requests_and_a_new_one_may_come(asgi):
    worker = asgi("""
await receive()
if scope["path"] == "/wait":
    print((await receive())["type"])
await reply(send, b"there")
""")
    slot = worker.channel.begin("/wait")
    worker.channel.wait_until_begun(slot)
    worker.channel.socket.close()
    worker.wait_for_log("http.disconnect")
    worker.channel = Channel(worker.link)
    assert worker.channel.get().body == b"there"


def test_drain_finishes_what_was_begun_and_skips_the_rest(asgi):
    worker = asgi("""
await whole(receive)
await reply(send, b"whole")
""")
    begun = worker.channel.begin(method="POST", end=False, length=-1)
    worker.channel.wait_until_begun(begun)
    worker.tell("drain")
    worker.tell("status")
    assert worker.message()[0] == "status"  # answered after the drain was read
    with pytest.raises(Skipped):
        worker.channel.get("/late")
    worker.channel.body(begun, b"", end=True)
    assert worker.channel.finish(begun).body == b"whole"
    assert worker.wait() == 0


def test_drain_waits_for_what_an_application_does_after_its_response(asgi):
    worker = asgi("""
import os
await reply(send, b"whole")
while not os.path.exists("go"):
    await asyncio.sleep(0.001)
print("all done")
""")
    assert worker.channel.get().body == b"whole"
    worker.tell("drain")
    worker.tell("status")
    assert '"busy":1' in worker.message()[1]["json"]
    open(worker.directory + "/go", "w").close()
    assert worker.wait() == 0
    assert "all done" in worker.log()


def test_signals_do_not_cut_a_request_short(asgi):
    worker = asgi("""
await whole(receive)
await reply(send, b"whole")
""")
    slot = worker.channel.begin(method="POST", end=False, length=-1)
    worker.channel.wait_until_begun(slot)
    for number in (signal.SIGTERM, signal.SIGINT):
        worker.signal(number)
    worker.channel.body(slot, b"", end=True)
    assert worker.channel.finish(slot).body == b"whole"


@pytest.mark.skipif(bool(asan_environment()), reason="AddressSanitizer keeps freed memory back")
def test_memory_does_not_grow(asgi):
    worker = asgi("await reply(send, await whole(receive))")
    def round_of(count):
        for _ in range(count):
            slots = [worker.channel.begin() for _ in range(50)]
            for slot in slots:
                worker.channel.finish(slot)
    round_of(40)
    before = worker.rss()
    round_of(200)
    assert worker.rss() - before < 2 << 20


def test_without_uvloop_it_is_asyncio_and_mistakes_are_answered_too(start):
    worker = start({"app.py": PRELUDE + """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/bad":
        await send({"type": "http.response.body"})
    await reply(send, type(asyncio.get_running_loop()).__module__)
""", "uvloop.py": "raise ImportError('not here')"}, environment=KIND)
    for _ in range(3):  # a call with an exception set once lost the answer, with asyncio's loop only
        with pytest.raises(Failed, match="RuntimeError: unexpected ASGI event"):
            worker.channel.get("/bad")
    assert worker.channel.get().body == b"'asyncio.unix_events'"


def test_uvloop_is_used_when_it_is_there(asgi):
    pytest.importorskip("uvloop")
    assert asgi("await reply(send, type(asyncio.get_running_loop()).__module__)").channel.get().body == b"'uvloop'"
