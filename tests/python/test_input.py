"""wsgi.input: the request body, streamed."""

import hashlib
import os

import pytest
from fake_front import CREDIT, WINDOW, Failed, asan_environment

TEXT = b"first\nsecond\n\nlast without end"


def how(expression):
    return """
        def app(environ, start_response):
            f = environ["wsgi.input"]
            start_response("200 OK", [])
            return [repr(%s).encode()]
    """ % expression


@pytest.mark.parametrize("expression, expected", [
    ("f.read()", TEXT),
    ("f.read(-1)", TEXT),
    ("f.read(None)", TEXT),
    ("f.read(10**15)", TEXT),
    ("[f.read(0), f.read(3), f.read(6), f.read(1000), f.read(1), f.read()]",
     [b"", b"fir", b"st\nsec", b"ond\n\nlast without end", b"", b""]),
    ("[f.readline(), f.readline(3), f.readline(), f.readline(0), f.readline(-1), f.readline(), f.readline()]",
     [b"first\n", b"sec", b"ond\n", b"", b"\n", b"last without end", b""]),
    ("f.readlines()", [b"first\n", b"second\n", b"\n", b"last without end"]),
    ("f.readlines(7)", [b"first\n", b"second\n"]),
    ("list(f)", [b"first\n", b"second\n", b"\n", b"last without end"]),
    ("(next(f), f.read(3), f.readline(), f.read())", (b"first\n", b"sec", b"ond\n", b"\nlast without end")),
])
def test_reading(start, expression, expected):
    worker = start(how(expression))
    assert worker.channel.post("/", TEXT).body == repr(expected).encode()


def test_a_request_without_a_body_reads_nothing(start):
    assert start(how("[f.read(), f.readline(), f.readlines(), list(f)]")).channel.get().body == b"[b'', b'', [], []]"


@pytest.mark.parametrize("arguments", ["'x'", "1.5", "1, 2"])
def test_a_wrong_size_is_a_type_error(start, arguments):
    worker = start(how("f.read(%s)" % arguments))
    with pytest.raises(Failed, match="TypeError"):
        worker.channel.get()


def test_a_large_body_flows_through_the_window(start):
    worker = start("""
        import hashlib
        def app(environ, start_response):
            digest = hashlib.sha256()
            while block := environ["wsgi.input"].read(100_000):
                digest.update(block)
            start_response("200 OK", [])
            return [digest.hexdigest().encode()]
    """)
    data = os.urandom(5_000_000)
    before = worker.rss()
    assert worker.channel.post("/", data).body.decode() == hashlib.sha256(data).hexdigest()
    if not asan_environment():  # which keeps freed memory for a while
        assert worker.rss() - before < 4 << 20


def test_a_reader_that_stops_stops_the_client(start):
    worker = start("""
        import threading
        release = threading.Event()
        def app(environ, start_response):
            start_response("200 OK", [])
            if environ["PATH_INFO"] == "/release":
                release.set()
                return [b""]
            start = len(environ["wsgi.input"].read(1))
            release.wait()
            return [b"%d" % (start + len(environ["wsgi.input"].read()))]
    """, threads=2)
    slot = worker.channel.begin(method="POST", end=False, length=-1)
    for _ in range(WINDOW // 65536):
        worker.channel.body(slot, b"x" * 65536)
    kind, _, _, payload = worker.channel.frame()
    assert (kind, payload) == (CREDIT, (65536).to_bytes(4, "little"))  # what wsgi.input reads ahead
    assert worker.channel.frame(patience=0.1) is None
    worker.channel.body(slot, b"x" * 65536, end=True)
    assert worker.channel.get("/release").status == 200
    worker.channel.skip_credits(slot)
    assert worker.channel.finish(slot).body == b"%d" % (WINDOW + 65536)


def test_response_and_request_may_flow_at_once(start):
    worker = start("""
        def app(environ, start_response):
            start_response("200 OK", [])
            for line in environ["wsgi.input"]:
                yield b"echo " + line
    """)
    slot = worker.channel.begin(method="POST", end=False, length=-1)
    worker.channel.body(slot, b"one\n")
    response = worker.channel.head(slot)
    for word in (b"one\n", b"two\n", b"three\n"):
        if word != b"one\n":
            worker.channel.body(slot, word)
        worker.channel.piece(slot, response)
        assert response.chunks[-1] == b"echo " + word  # each line was answered before the next was sent
    worker.channel.body(slot, b"", end=True)
    while not response.whole:
        worker.channel.piece(slot, response)


def test_a_client_that_leaves_while_it_sends(start):
    worker = start("""
        def app(environ, start_response):
            try:
                environ["wsgi.input"].read()
            except ConnectionResetError as e:
                print("seen:", e)
                raise
    """)
    slot = worker.channel.begin(method="POST", end=False, length=1000)
    worker.channel.wait_until_begun(slot)
    worker.channel.abort(slot)
    with pytest.raises(Failed, match="the client is gone"):
        worker.channel.finish(slot)
    worker.wait_for_log("seen: the client is gone")
    assert "Traceback" not in worker.log()  # it is nobody's bug


def test_objects_of_a_request_that_is_over_say_so(start):
    worker = start("""
        kept = []
        def app(environ, start_response):
            for f, s, w in kept:
                for attempt in (f.read, lambda: s("200 OK", []), lambda: w(b"x"), lambda: next(f), f.readlines):
                    try:
                        attempt()
                        print("not refused")
                    except ValueError as e:
                        assert str(e) == "the request is over"
            kept.append((environ["wsgi.input"], start_response, start_response("200 OK", [])))
            return [b"%d" % len(kept)]
    """)
    assert [worker.channel.get().body for _ in range(3)] == [b"1", b"2", b"3"]
    assert "not refused" not in worker.log()


def test_a_thread_of_the_application_that_still_reads_is_waited_for(start):
    worker = start("""
        import threading
        def app(environ, start_response):
            reading = threading.Event()
            def read():
                reading.set()
                print("read", environ["wsgi.input"].read())
            threading.Thread(target=read).start()
            reading.wait()
            start_response("200 OK", [])
            return [b"done"]
    """)
    slot = worker.channel.begin(method="POST", end=False, length=5)
    worker.channel.body(slot, b"hello", end=True)
    try:
        assert worker.channel.finish(slot).body == b"done"
    finally:
        assert worker.channel.get("/", method="POST").body == b"done"  # the worker lives
