"""start_response(), write() and the iterable: what of an application's answer reaches the client, and when."""

import pytest
from fake_front import WINDOW, Failed

HELLO = """
    def app(environ, start_response):
        start_response("%s", %r)
        return %s
"""


def hello(result, status="200 OK", headers=()):
    return HELLO % (status, list(headers), result)


def test_status_and_headers(start):
    headers = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Latin", "\xe9")]
    response = start(hello("[b'hello']", "404 Nothing Here", headers)).channel.get()
    assert (response.status, response.reason) == (404, "Nothing Here")
    assert response.headers == headers
    assert response.body == b"hello"


@pytest.mark.parametrize("result, length", [
    ("[b'hello']", 5), ("(b'hello',)", 5), ("[b'he', b'llo']", 5), ("[]", 0), ("[b'']", 0), ("[b'', b'']", 0),
    ("iter([b'hello'])", -1), ("iter([])", 0), ("iter([b''])", 0), ("[b'x' * 70000, b'y']", 70001),
])
def test_the_length_is_known_when_the_whole_body_is(start, result, length):
    response = start(hello(result)).channel.get()
    assert response.length == length
    assert response.header("Content-Length") is None  # it travels beside the headers, once
    assert response.whole and (length < 0 or len(response.body) == length)


def test_a_generator_is_streamed_piece_by_piece(start):
    worker = start("""
        def app(environ, start_response):
            start_response("200 OK", [])
            yield b""
            for line in environ["wsgi.input"]:
                yield line
    """)
    slot = worker.channel.begin(method="POST", end=False, length=-1)
    assert worker.channel.frame(patience=0.1) is None  # the head waits for the first byte
    worker.channel.body(slot, b"a\n")
    response = worker.channel.head(slot)
    worker.channel.piece(slot, response)
    assert response.body == b"a\n" and not response.whole
    worker.channel.body(slot, b"b\n", end=True)
    while not response.whole:
        worker.channel.piece(slot, response)
    assert response.chunks == [b"a\n", b"b\n"]


def test_a_slow_client_stops_the_application(start):
    worker = start("""
        made = 0
        def app(environ, start_response):
            global made
            start_response("200 OK", [])
            if environ["PATH_INFO"] == "/made":
                return [b"%d" % made]
            return stream()
        def stream():
            global made
            for made in range(1, 101):
                yield b"x" * 65536
    """, threads=2)
    slot = worker.channel.begin()
    response = worker.channel.head(slot)
    for _ in range(WINDOW // 65536):
        assert worker.channel.frame()[2] == slot
    assert worker.channel.frame(patience=0.1) is None
    made = WINDOW // 65536 + 1  # the last one waits
    worker.channel.until(lambda: int(worker.channel.get("/made").body) >= made)
    assert int(worker.channel.get("/made").body) == made
    worker.channel.credit(slot, WINDOW)
    while not response.whole:
        worker.channel.piece(slot, response)
    assert len(response.body) == 100 * 65536 - WINDOW


def test_the_application_may_set_the_length(start):
    response = start(hello("iter([b'he', b'llo'])", headers=[("Content-Length", "5")])).channel.get()
    assert (response.length, response.body) == (5, b"hello")


def test_too_long_a_body_is_cut_at_its_length(start):
    for result in ("[b'hello world']", "iter([b'hello', b' wor', b'ld'])", "[b'hell', b'o w']"):
        worker = start(hello(result, headers=[("Content-Length", "5")]))
        response = worker.channel.get()
        assert (response.length, response.body) == (5, b"hello")
        assert worker.channel.get().body == b"hello"
        worker.wait_for_log("longer than its Content-Length of 5", times=2)


def test_too_short_a_body_fails(start):
    for result in ("[b'hell']", "iter([b'he', b'll'])", "[]"):
        worker = start(hello(result, headers=[("Content-Length", "5")]))
        with pytest.raises(Failed, match="Content-Length says 5"):
            worker.channel.get()
        assert "Content-Length says 5" in worker.wait_for_log("GET /: the application failed")


def test_head_has_the_head_of_get(start):
    worker = start("""
        def app(environ, start_response):
            path = environ["PATH_INFO"]
            start_response("200 OK", [("Content-Length", "1000")] if path == "/known" else [])
            return {"/known": [], "/list": [b"hello"], "/none": [], "/stream": iter([b"a", b"b"])}[path]
    """)
    for path, length in (("/known", 1000), ("/list", 5), ("/none", -1), ("/stream", -1)):
        response = worker.channel.get(path, method="HEAD")
        assert (response.length, response.body, response.whole) == (length, b"", True)


def test_204_and_304_have_no_body(start):
    for status in ("204 No Content", "304 Not Modified"):
        response = start(hello("[b'ignored']", status)).channel.get()
        assert (response.length, response.body) == (-1, b"")


def test_write(start):
    worker = start("""
        def app(environ, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"")
            write(b"one ")
            write(b"two ")
            return [b"three"]
    """)
    response = worker.channel.get()
    assert response.chunks == [b"one ", b"two ", b"three"]
    assert response.length == -1


def test_a_second_head_needs_exc_info(start):
    worker = start("""
        import sys
        def app(environ, start_response):
            path = environ["PATH_INFO"]
            start_response("200 OK", [("X-Which", "first"), ("Content-Length", "3")])
            if path == "/plain":
                start_response("500 Oops", [])
            if path == "/late":
                yield b"out"
            try:
                raise KeyError("the reason")
            except KeyError:
                start_response(status="500 Oops", headers=[("X-Which", "second")], exc_info=sys.exc_info())
            yield b"sorry"
    """)
    with pytest.raises(Failed, match="AssertionError: start_response.. was called a second time without exc_info"):
        worker.channel.get("/plain")
    response = worker.channel.get("/early")
    assert (response.status, response.header("X-Which"), response.body) == (500, "second", b"sorry")
    slot = worker.channel.begin("/late")
    response = worker.channel.head(slot)
    worker.channel.piece(slot, response)
    assert (response.status, response.body) == (200, b"out")
    log = worker.wait_for_log("GET /late: the application failed")
    assert 'raise KeyError("the reason")' in worker.wait_for_log("KeyError: 'the reason'") or log


@pytest.mark.parametrize("status, headers, error", [
    ("'200 OK'", "()", "TypeError: the response headers must be a list"),
    ("'200 OK'", "[['A', 'b']]", "TypeError: a response header must be a tuple"),
    ("'200 OK'", "[('A', 'b', 'c')]", "TypeError: a response header must be a tuple"),
    ("'200 OK'", "[('A', b'b')]", "TypeError: the value of a response header must be a str"),
    ("'200 OK'", "[('A', 1)]", "TypeError: the value of a response header must be a str"),
    ("'200 OK'", "[('A:', 'b')]", "ValueError: the name of the response header .* is not valid"),
    ("'200 OK'", "[('', 'b')]", "ValueError: the name of the response header .* is not valid"),
    ("'200 OK'", r"[('A', 'b\r\nSet-Cookie: c')]", "ValueError: .* control character"),
    ("'200 OK'", r"[('A', 'b\0')]", "ValueError: .* control character"),
    ("'200 OK'", r"[('A', '\u20ac')]", "UnicodeEncodeError"),
    ("'200 OK'", r"[('A', '\ud800')]", "UnicodeEncodeError"),
    ("'200 OK'", "[('Transfer-Encoding', 'chunked')]", "ValueError: .* hop-by-hop"),
    ("'200 OK'", "[('connection', 'close')]", "ValueError: .* hop-by-hop"),
    ("'200 OK'", "[('Content-Length', 'x')]", "ValueError: the Content-Length"),
    ("'200 OK'", "[('Content-Length', '-1')]", "ValueError: the Content-Length"),
    ("'200 OK'", "[('Content-Length', '1'), ('Content-Length', '2')]", "ValueError: the Content-Length"),
    ("'200 OK'", "[('A', 'b')] * 1025", "ValueError: the response has too many headers, or too long ones"),
    ("200", "[]", "TypeError: the status must be a str"),
    ("b'200 OK'", "[]", "TypeError: the status must be a str"),
    ("'OK'", "[]", "ValueError: the status must be like"),
    ("'20'", "[]", "ValueError: the status must be like"),
    ("'100 Continue'", "[]", "ValueError: the status must be like"),
    ("'2000 OK'", "[]", "ValueError: the status must be like"),
    (r"'200 OK\r\n'", "[]", "ValueError: the status must be like"),
    ("'200 OK', [], (1, 2)", "", "TypeError: exc_info"),
    ("'200 OK', [], None, 4", "", "TypeError"),
    ("", "", "TypeError"),
])
def test_a_wrong_head_is_raised_where_it_was_given(start, status, headers, error):
    worker = start("def app(environ, start_response):\n    start_response(%s)\n    return [b'x']\n" %
                   ", ".join(filter(None, (status, headers))))
    with pytest.raises(Failed, match=error):
        worker.channel.get()
    assert "start_response(" in worker.wait_for_log("Traceback")


def test_a_head_that_was_refused_is_no_head(start):
    worker = start("""
        def app(environ, start_response):
            start_response("200 OK", [])
            try:
                start_response("500 Oops", [("Bad\\n", "")], (ValueError, ValueError("x"), None))
            except ValueError:
                return [b"x"]
    """)
    with pytest.raises(Failed, match="before start_response"):
        worker.channel.get()


@pytest.mark.parametrize("body, error", [
    ("['text']", "TypeError: the response body must be made of bytes, not <class 'str'>"),
    ("'text'", "TypeError: the response body must be made of bytes"),
    ("iter([bytearray(b'x')])", "TypeError: the response body must be made of bytes"),
    ("None", "TypeError: 'NoneType' object is not iterable"),
])
def test_a_wrong_body_is_an_error(start, body, error):
    with pytest.raises(Failed, match=error):
        start(hello(body)).channel.get()


@pytest.mark.parametrize("body", ["[b'x']", "[]", "iter([])", "iter([b'x'])"])
def test_a_body_without_a_head_is_an_error(start, body):
    with pytest.raises(Failed, match="AssertionError: .*start_response"):
        start("def app(environ, start_response):\n    return %s\n" % body).channel.get()


def test_start_response_may_wait_for_the_first_item(start):
    worker = start("""
        class App:
            def __init__(self, environ, start_response):
                self.start_response = start_response
            def __iter__(self):
                self.start_response("201 Created", [])
                yield b"late"
    """, app="app:App")
    response = worker.channel.get()
    assert (response.status, response.body) == (201, b"late")


def test_file_wrapper(start):
    worker = start("""
        import io
        class File(io.BytesIO):
            def close(self):
                print("file closed")
                super().close()
        def app(environ, start_response):
            start_response("200 OK", [("Content-Length", "150000")])
            return environ["wsgi.file_wrapper"](File(b"x" * 150_000), 100_000)
    """)
    response = worker.channel.get()
    assert response.body == b"x" * 150_000
    worker.wait_for_log("file closed")


FILES = """
    import gzip, io, os, tempfile
    def app(environ, start_response):
        kind = environ["PATH_INFO"][1:]
        headers = [("Content-Type", "text/plain")]
        with open("big", "wb") as f:
            f.write(b"0123456789" * 10_000)
        if kind == "plain":
            opened = open("big", "rb")
        elif kind == "unbuffered":
            opened = open("big", "rb", buffering=0)
        elif kind == "middle":
            opened = open("big", "rb")
            assert opened.read(5) == b"01234"
        elif kind == "short":
            opened = open("big", "rb")
            headers.append(("Content-Length", "50000"))
        elif kind == "missing":
            opened = open("big", "rb")
            headers.append(("Content-Length", "200000"))
        elif kind == "gzip":
            with gzip.open("big.gz", "wb") as f:
                f.write(os.urandom(100_000))
            opened = gzip.open("big.gz", "rb")
        elif kind == "temporary":
            opened = tempfile.NamedTemporaryFile()
            opened.write(b"t" * 100_000)
            opened.seek(0)
        elif kind == "small":
            with open("small", "wb") as f:
                f.write(b"small")
            opened = open("small", "rb")
        elif kind == "memory":
            opened = io.BytesIO(b"m" * 100_000)
        start_response("200 OK", headers)
        return environ["wsgi.file_wrapper"](opened)
"""


@pytest.mark.parametrize("kind, length, is_file", [
    ("plain", 100_000, True), ("unbuffered", 100_000, True), ("middle", 99_995, True), ("short", 50_000, True),
    ("temporary", 100_000, True), ("gzip", 100_000, False), ("small", 5, False), ("memory", 100_000, False)])
def test_real_files_leave_as_descriptors(start, kind, length, is_file):
    response = start(FILES).channel.get("/" + kind)
    assert len(response.body) == length
    assert response.is_file == is_file
    if is_file:
        assert response.length == length
    if kind == "middle":
        assert response.body.startswith(b"56789")


def test_a_file_shorter_than_its_content_length_is_an_error(start):
    with pytest.raises(Failed, match="Content-Length"):
        start(FILES).channel.get("/missing")


def test_head_of_a_file_sends_none(start):
    response = start(FILES).channel.get("/plain", method="HEAD")
    assert response.body == b"" and not response.is_file


def test_x_sendfile(start):
    worker = start("""
        import os
        def app(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/file":
                path = os.path.abspath("app.py")
            # as Werkzeug does it: the file's length, and no body
            start_response("200 OK", [("X-Sendfile", path), ("Content-Length", "12345"), ("Content-Type", "a/b")])
            return []
    """)
    response = worker.channel.get("/file")
    assert response.is_file and b"X-Sendfile" in response.body
    assert response.length == len(response.body)
    assert response.header("X-Sendfile") is None and response.header("Content-Type") == "a/b"
    for path in ("/nonexistent", "/dev/zero", "/"):
        with pytest.raises(Failed, match="X-Sendfile"):
            worker.channel.get(path)
    assert worker.channel.get("/file").is_file
