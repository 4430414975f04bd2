"""What an application finds in its environ (PEP 3333, "environ Variables")."""

import ast

import pytest

APP = """
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [repr({key: value for key, value in environ.items() if type(value) in (str, bool, tuple)}).encode()]
"""


@pytest.fixture
def environ(start):
    worker = start(APP)
    return lambda *args, **rest: ast.literal_eval(worker.channel.get(*args, **rest).body.decode())


def test_the_request_line(environ):
    got = environ("/a%20b/%C3%BC%ff", query="x=%201&y", method="GET")
    assert got["REQUEST_METHOD"] == "GET"
    assert got["SCRIPT_NAME"] == ""
    assert got["PATH_INFO"] == "/a b/\xc3\xbc\xff"  # bytes as latin-1, as PEP 3333 wants them
    assert got["QUERY_STRING"] == "x=%201&y"
    assert got["REQUEST_URI"] == got["RAW_URI"] == "/a%20b/%C3%BC%ff?x=%201&y"
    assert got["SERVER_PROTOCOL"] == "HTTP/1.1"


def test_an_escape_that_is_none_stays(environ):
    assert environ("/100%/%zz/%4")["PATH_INFO"] == "/100%/%zz/%4"


def test_who_and_where(environ):
    got = environ("/", client="2001:db8::7", scheme="https")
    assert got["REMOTE_ADDR"] == "2001:db8::7"
    assert got["REMOTE_PORT"] == "4711"
    assert got["SERVER_NAME"] == "foobar.com"
    assert got["SERVER_PORT"] == "8080"
    assert got["wsgi.url_scheme"] == "https"


def test_flags_are_true_to_fact(start):
    for threads in (1, 3):
        worker = start(APP, threads=threads)
        got = ast.literal_eval(worker.channel.get("/").body.decode())
        assert got["wsgi.version"] == (1, 0)
        assert got["wsgi.multithread"] is (threads > 1)
        assert got["wsgi.multiprocess"] is True
        assert got["wsgi.run_once"] is False
        assert got["wsgi.input_terminated"] is True


def test_headers(environ):
    got = environ(headers=[("Host", "foobar.com:8080"), ("accept", "a"), ("X-Latin", "\xe9"), ("X-Empty", "")])
    assert got["HTTP_HOST"] == "foobar.com:8080"
    assert got["HTTP_ACCEPT"] == "a"
    assert got["HTTP_X_LATIN"] == "\xe9"
    assert got["HTTP_X_EMPTY"] == ""
    assert "CONTENT_LENGTH" not in got and "CONTENT_TYPE" not in got


def test_repeated_headers_are_joined(environ):
    got = environ(headers=[("Accept", "a"), ("accept", "b"), ("ACCEPT", "c"), ("Cookie", "a=1"), ("Cookie", "b=2")])
    assert got["HTTP_ACCEPT"] == "a,b,c"
    assert got["HTTP_COOKIE"] == "a=1; b=2"


def test_headers_that_could_deceive_are_left_out(environ):
    got = environ(headers=[("X-User", "alice"), ("X_User", "mallory"), ("Proxy", "http://evil"), ("Content_Type", "x")])
    assert got["HTTP_X_USER"] == "alice"
    assert "HTTP_PROXY" not in got
    assert "CONTENT_TYPE" not in got and "HTTP_CONTENT_TYPE" not in got


def test_one_environ_is_not_the_next(start):
    worker = start("""
        def app(environ, start_response):
            seen = environ.get("mine", "nothing")
            environ["mine"] = "left over"
            environ["wsgi.version"] = None
            start_response("200 OK", [])
            return [seen.encode()]
    """)
    assert [worker.channel.get().body for _ in range(3)] == [b"nothing"] * 3


def test_more_header_names_than_are_remembered(start):
    worker = start("""
        def app(environ, start_response):
            start_response("200 OK", [])
            return [",".join(key for key in environ if key.startswith("HTTP_X_")).encode()]
    """)
    for i in range(700):
        assert worker.channel.get(headers=[("X-%d" % i, "1")]).body == b"HTTP_X_%d" % i
    assert worker.channel.get(headers=[("X-A", "1"), ("X-B", "2"), ("X-0", "3")]).body == b"HTTP_X_A,HTTP_X_B,HTTP_X_0"


def test_the_body_is_described(start):
    worker = start(APP)
    got = worker.channel.post("/", b"12345", headers=[("Content-Type", "text/x")]).body.decode()
    assert ast.literal_eval(got)["CONTENT_LENGTH"] == "5"
    assert ast.literal_eval(got)["CONTENT_TYPE"] == "text/x"
    got = worker.channel.post("/", b"12345", length=-1, headers=[("Transfer-Encoding", "chunked")]).body.decode()
    assert "CONTENT_LENGTH" not in ast.literal_eval(got)
