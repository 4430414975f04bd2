"""HTTP/1.1 as RFC 9110 and 9112 want it, seen from a socket. Where a standard leaves a choice the test accepts the set;
where it leaves an ambiguity the design does not: 400, and the connection ends, so that nothing can be smuggled."""
import re

import pytest

from harness import Trimaran, eventually

APP = '''
"""Echoes, and answers in every shape that WSGI allows."""
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path in ("/echo", "/echo.txt"):
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body))),
                                  ("X-Method", environ["REQUEST_METHOD"])])
        return [body]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (piece for piece in (b"one", b"", b"two", b"three"))
    if path == "/unread":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"no"]
'''
PAGE = b"<!doctype html><title>home</title>\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: foobar.com\r\n\r\n"


@pytest.fixture(scope="module")
def site():
    files = {"app.py": APP, "public/index.html": PAGE, "public/a.txt": "a" * 100, "public/echo.txt": "a file"}
    with Trimaran(files=files, tables={"app": {"run": "wsgi:app:application", "workers": 2}}) as running:
        eventually(lambda: [s["state"] for s in running.services("app")] == ["serving"] * 2)
        before = running.pids()
        yield running
        assert running.pids() == before, "a process died of a request"


@pytest.fixture(scope="module")
def files_only():
    with Trimaran(files={"public/a.txt": "a" * 100}) as running:
        yield running


@pytest.fixture
def client(site):
    with site.http() as connection:
        yield connection


@pytest.fixture
def files_client(files_only):
    with files_only.http() as connection:
        yield connection


# --- connections ---

def test_a_connection_serves_many_requests(client):
    for _ in range(50):
        response = client.get("/")
        assert (response.version, response.status, response.body) == ("HTTP/1.1", 200, PAGE)
        assert response.get("connection", "keep-alive").lower() == "keep-alive"


def test_every_response_has_a_date(client):
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", client.get("/")["date"])


def test_pipelined_requests_are_answered_in_order(client):
    paths = ["/", "/a.txt", "/missing"] * 10
    client.send("".join(f"GET {path} HTTP/1.1\r\nHost: foobar.com\r\n\r\n" for path in paths))
    answers = [client.read_response() for _ in paths]
    assert [answer.status for answer in answers] == [200, 200, 404] * 10
    assert answers[1].body == b"a" * 100


def test_pipelined_requests_with_bodies_are_answered_in_order(client):
    client.send("".join(f"POST /echo HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 4\r\n\r\nn{number:03}"
                        for number in range(30)) + "GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n")
    assert [client.read_response().body for _ in range(30)] == [b"n%03d" % number for number in range(30)]
    assert client.read_response().body == PAGE


def test_a_request_may_come_byte_by_byte(client):
    for byte in b"POST /echo HTTP/1.1\r\nHost: foobar.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
        client.send(bytes([byte]))
    assert client.read_response().body == b"abc"


def test_one_empty_line_before_a_request_is_ignored(client):  # RFC 9112 section 2.2
    client.send("\r\nGET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n")
    assert client.read_response().status == 200


def test_connection_close_is_honoured(client):
    response = client.get("/", headers={"Connection": "close"})
    assert response["connection"].lower() == "close"
    assert client.read_to_close() == b""


def test_requests_after_connection_close_are_not_answered(client):  # RFC 9112 section 9.6
    client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\nConnection: close\r\n\r\n" + SMUGGLED)
    client.read_response()
    assert client.read_to_close() == b""


def test_http_1_0_closes_unless_asked_not_to(site):
    with site.http() as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        assert client.read_response().body == PAGE
        assert client.read_to_close() == b""


def test_a_half_closed_client_still_gets_its_answer(client):
    client.request("/echo", "POST", body=b"last words")
    client.half_close()
    assert client.read_response().body == b"last words"
    assert client.read_to_close() == b""


def test_a_client_that_leaves_in_the_middle_harms_nobody(site):
    for sent in ("GET / HT", "GET / HTTP/1.1\r\nHost: foobar.com\r\n", "POST /echo HTTP/1.1\r\nHost: foobar.com\r\n"
                 "Content-Length: 10\r\n\r\nhalf", "GET /stream HTTP/1.1\r\nHost: foobar.com\r\n\r\n"):
        with site.http() as client:
            client.send(sent)
    assert site.get("/echo", method="POST", body=b"x").body == b"x"


# --- methods ---

@pytest.mark.parametrize("path", ["/", "/a.txt", "/missing"])
def test_head_is_get_without_the_body(client, path):  # RFC 9110 section 9.3.2
    got, head = client.get(path), client.get(path, method="HEAD")
    assert (head.status, head.body) == (got.status, b"")
    for name in ("content-type", "content-length", "etag", "last-modified"):
        assert head.get(name) == got.get(name)
    assert client.get("/").body == PAGE  # the framing is still right


def test_head_of_an_application_has_no_body(client):
    assert client.get("/stream", method="HEAD").status == 200
    assert client.get("/").body == PAGE


def test_options_of_the_server(client):  # RFC 9110 section 9.3.7
    client.send("OPTIONS * HTTP/1.1\r\nHost: foobar.com\r\n\r\n")
    assert client.read_response().status in (200, 204)
    assert client.get("/").status == 200


def test_options_of_a_file_says_what_is_allowed(files_client):
    response = files_client.get("/a.txt", method="OPTIONS")
    assert response.status in (200, 204)
    assert {"GET", "HEAD"} <= {word.strip() for word in response["allow"].split(",")}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_file_can_only_be_read(files_client, method):
    response = files_client.get("/a.txt", method=method, body=b"")
    assert response.status == 405
    assert {"GET", "HEAD"} <= {word.strip() for word in response["allow"].split(",")}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get"])
def test_what_is_no_reading_belongs_to_the_application(client, method):
    """Only GET and HEAD look for a file first: the application may have a form at a path that is also a file's."""
    response = client.get("/echo.txt", method=method, body=b"form")
    assert (response.status, response["x-method"], response.body) == (200, method, b"form")
    assert client.get("/echo.txt").body == b"a file"


def test_trace_is_refused(site):  # it would reflect cookies to a script
    assert site.get("/a.txt", method="TRACE").status in {405, 501}


@pytest.mark.parametrize("method", ["BREW", "get"])
def test_a_method_that_no_file_knows_is_refused(files_client, method):
    assert files_client.get("/a.txt", method=method).status == 501


def test_connect_is_refused(client):  # we are no proxy
    client.send("CONNECT foobar.com:80 HTTP/1.1\r\nHost: foobar.com:80\r\n\r\n")
    assert client.read_response().status in (400, 405, 501)


def test_the_absolute_form_is_understood(client):  # RFC 9112 section 3.2.2
    assert client.get("http://foobar.com/a.txt").body == b"a" * 100


# --- bodies ---

@pytest.mark.parametrize("size", [0, 1, 1000, 65536, 1_000_000])
def test_a_body_with_a_length(client, size):
    assert client.get("/echo", method="POST", body=b"x" * size).body == b"x" * size


@pytest.mark.parametrize("chunks", [
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
    "005\r\nhello\r\n000\r\n\r\n",
    "5;name=value;other=\"a b\"\r\nhello\r\n0;last\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
])
def test_a_chunked_body(client, chunks):  # RFC 9112 section 7.1
    client.request("/echo", "POST", {"Transfer-Encoding": "chunked"})
    client.send(chunks)
    assert client.read_response().body == (b"hello" if "e" in chunks else b"")
    assert client.get("/").body == PAGE


def test_a_large_chunked_body(client):
    client.request("/echo", "POST", {"Transfer-Encoding": "chunked"})
    for _ in range(100):
        client.send(b"2710\r\n" + b"y" * 10000 + b"\r\n")
    client.send("0\r\n\r\n")
    assert client.read_response().body == b"y" * 1_000_000


def test_a_response_of_unknown_length_is_chunked(client):
    response = client.get("/stream")
    assert (response["transfer-encoding"], response.body) == ("chunked", b"onetwothree")
    assert client.get("/").body == PAGE


def test_a_response_of_unknown_length_ends_with_the_connection_in_http_1_0(client):
    client.send("GET /stream HTTP/1.0\r\nHost: foobar.com\r\n\r\n")
    response = client.read_response()
    assert response.get("transfer-encoding") is None and response.body == b"onetwothree"


def test_a_body_that_the_application_does_not_read_is_not_the_next_request(client):
    client.send("POST /unread HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED)
    first = client.read_response()
    assert first.body == b"ok"
    if first.get("connection", "").lower() == "close":
        assert client.read_to_close() == b""
    else:
        assert client.get("/").body == PAGE


def test_100_continue_comes_before_the_body_is_sent(client):  # RFC 9110 section 10.1.1
    client.request("/echo", "POST", {"Expect": "100-continue", "Content-Length": "5"})
    assert client.read_response().status == 100
    client.send("hello")
    assert client.read_response().body == b"hello"


def test_a_client_need_not_wait_for_100_continue(client):
    client.request("/echo", "POST", {"Expect": "100-continue"}, body=b"hello")
    response = client.read_response()
    while response.status == 100:
        response = client.read_response()
    assert response.body == b"hello"
    assert client.get("/").body == PAGE


def test_a_refused_request_gets_no_100_continue(files_client):
    files_client.request("/a.txt", "PUT", {"Expect": "100-continue", "Content-Length": "5"})
    assert files_client.read_response().status == 405


def test_http_1_0_gets_no_100_continue(client):
    client.send("POST /echo HTTP/1.0\r\nHost: foobar.com\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi")
    assert client.read_response().status == 200


# --- what cannot be understood ends the connection ---

def post(framing, body=""):
    return f"POST /echo HTTP/1.1\r\nHost: foobar.com\r\n{framing}\r\n{body}"


def header(line):
    return f"GET / HTTP/1.1\r\nHost: foobar.com\r\n{line}\r\n"


def chunked(body):
    return post("Transfer-Encoding: chunked\r\n", body)


BAD = {400}
BAD_OR_UNKNOWN_CODING = {400, 501}  # RFC 9112 section 6.1 suggests 501 for a coding we do not have
BAD_OR_TOO_LARGE = {400, 413}
BAD_OR_VERSION = {400, 505}

AMBIGUOUS = {
    # RFC 9112 section 6: framing
    "length and coding": (post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD),
    "coding and length": (post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), BAD),
    "two different lengths": (post("Content-Length: 0\r\nContent-Length: 5\r\n"), BAD),
    "the same length twice": (post("Content-Length: 0\r\nContent-Length: 0\r\n"), BAD),
    "a list of lengths": (post("Content-Length: 0, 0\r\n"), BAD),
    "an empty length": (post("Content-Length: \r\n"), BAD),
    "a length with a plus": (post("Content-Length: +0\r\n"), BAD),
    "a negative length": (post("Content-Length: -1\r\n"), BAD),
    "a hexadecimal length": (post("Content-Length: 0x0\r\n"), BAD),
    "a length with letters": (post("Content-Length: 0a\r\n"), BAD),
    "a length of 2^64": (post("Content-Length: 18446744073709551616\r\n"), BAD_OR_TOO_LARGE),
    "chunked is not last": (post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), BAD),
    "chunked twice": (post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), BAD),
    "chunked in two lines": (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), BAD),
    "a coding we do not have": (post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN_CODING),
    "identity": (post("Transfer-Encoding: identity\r\n"), BAD_OR_UNKNOWN_CODING),
    "nearly chunked": (post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN_CODING),
    "chunked after a vertical tab": (post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"), BAD_OR_UNKNOWN_CODING),
    "chunked in quotes": (post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"), BAD_OR_UNKNOWN_CODING),
    "chunked in HTTP/1.0": (chunked("0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0"), BAD),
    # RFC 9112 section 7.1: chunks
    "a chunk size that is none": (chunked("xyz\r\n"), BAD),
    "an empty chunk size": (chunked("\r\n"), BAD),
    "a chunk size with 0x": (chunked("0x1\r\na\r\n0\r\n\r\n"), BAD),
    "a negative chunk size": (chunked("-1\r\n"), BAD),
    "a chunk size with a plus": (chunked("+1\r\na\r\n0\r\n\r\n"), BAD),
    "a blank before the chunk size": (chunked(" 1\r\na\r\n0\r\n\r\n"), BAD),
    "a chunk size of 2^64": (chunked("10000000000000000\r\n"), BAD_OR_TOO_LARGE),
    "a chunk longer than its size": (chunked("1\r\nab\r\n0\r\n\r\n"), BAD),
    "a chunk size line with a bare LF": (chunked("1\na\r\n0\r\n\r\n"), BAD),
    "chunk data with a bare LF after it": (chunked("1\r\na\n0\r\n\r\n"), BAD),
    "a chunk extension with a bare LF": (chunked("1;x\ny\r\na\r\n0\r\n\r\n"), BAD),
    "a chunk extension with a bare CR": (chunked("1;x\ry\r\na\r\n0\r\n\r\n"), BAD),
    "an obs-fold in the trailer": (chunked("0\r\nA: b\r\n c\r\n\r\n"), BAD),
    # RFC 9112 section 5: header lines
    "a blank before the colon": (header("X : y\r\n"), BAD),
    "a blank before the colon of the framing": (post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), BAD),
    "an obs-fold": (header("X: y\r\n z\r\n"), BAD),
    "an obs-fold of the framing": (post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), BAD),
    "a blank before the first header": ("GET / HTTP/1.1\r\n Host: foobar.com\r\n\r\n", BAD),
    "a header without a colon": (header("X\r\n"), BAD),
    "a header without a name": (header(": y\r\n"), BAD),
    "a header name that is no token": (header("X(): y\r\n"), BAD),
    "a NUL in a header": (header("X: a\0b\r\n"), BAD),
    "a bare CR in a header": (header("X: a\rb\r\n"), BAD),
    "a control character in a header": (header("X: a\x01b\r\n"), BAD),
    "a header that ends with a bare LF": (header("X: y\n"), BAD),
    "a head that ends with a bare LF": ("GET / HTTP/1.1\r\nHost: foobar.com\r\n\n", BAD),
    "a request line that ends with a bare LF": ("GET / HTTP/1.1\nHost: foobar.com\r\n\r\n", BAD),
    # RFC 9112 section 3: the request line
    "two blanks after the method": ("GET  / HTTP/1.1\r\nHost: foobar.com\r\n\r\n", BAD),
    "a tab after the method": ("GET\t/ HTTP/1.1\r\nHost: foobar.com\r\n\r\n", BAD),
    "a blank after the version": ("GET / HTTP/1.1 \r\nHost: foobar.com\r\n\r\n", BAD),
    "a blank in the target": ("GET /a b HTTP/1.1\r\nHost: foobar.com\r\n\r\n", BAD),
    "no target": ("GET HTTP/1.1\r\nHost: foobar.com\r\n\r\n", BAD),
    "no version": ("GET /\r\nHost: foobar.com\r\n\r\n", BAD),
    "a target that is no path": ("GET a.txt HTTP/1.1\r\nHost: foobar.com\r\n\r\n", BAD),
    "a star that is not of OPTIONS": ("GET * HTTP/1.1\r\nHost: foobar.com\r\n\r\n", BAD),
    "a control character in the target": ("GET /\x01 HTTP/1.1\r\nHost: foobar.com\r\n\r\n", BAD),
    "HTTP in small letters": ("GET / http/1.1\r\nHost: foobar.com\r\n\r\n", BAD_OR_VERSION),
    "HTTP/2 without its preface": ("GET / HTTP/2.0\r\nHost: foobar.com\r\n\r\n", BAD_OR_VERSION),
    "HTTP/1.10": ("GET / HTTP/1.10\r\nHost: foobar.com\r\n\r\n", BAD_OR_VERSION),
    "HTTP/11": ("GET / HTTP/11\r\nHost: foobar.com\r\n\r\n", BAD_OR_VERSION),
    # RFC 9112 section 3.2: Host
    "no host": ("GET / HTTP/1.1\r\n\r\n", BAD),
    "two hosts": ("GET / HTTP/1.1\r\nHost: foobar.com\r\nHost: foobar.com\r\n\r\n", BAD),
    "a host with a blank": ("GET / HTTP/1.1\r\nHost: foobar.com x\r\n\r\n", BAD),
    "a host with a path": ("GET / HTTP/1.1\r\nHost: foobar.com/x\r\n\r\n", BAD),
    "a host with a user": ("GET / HTTP/1.1\r\nHost: user@foobar.com\r\n\r\n", BAD),
    "a host with a bad port": ("GET / HTTP/1.1\r\nHost: foobar.com:80x\r\n\r\n", BAD),
    "another protocol": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", BAD),
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_ambiguous_requests_end_the_connection(site, what):
    request, statuses = AMBIGUOUS[what]
    with site.http() as client:
        client.send(request + SMUGGLED)
        answer = client.read_response()
        assert answer.status in statuses
        assert answer["connection"].lower() == "close"
        assert client.read_to_close() == b"", "what followed was answered too"


def test_an_ambiguous_request_after_a_good_one(client):
    client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n" + AMBIGUOUS["an obs-fold"][0] + SMUGGLED)
    assert [client.read_response().status for _ in range(2)] == [200, 400]
    assert client.read_to_close() == b""


# --- limits ---

def refused(site, request, status):
    with site.http() as client:
        client.send(request)
        answer = client.read_response()
        assert (answer.status, answer["connection"].lower()) == (status, "close")
        assert client.read_to_close() == b""


def test_a_long_request_line_is_414(site):
    refused(site, "GET /" + "a" * 10_000 + " HTTP/1.1\r\nHost: foobar.com\r\n\r\n", 414)


def test_an_endless_request_line_is_414(site):
    refused(site, "GET /" + "a" * 10_000, 414)


def test_long_headers_are_431(site):  # RFC 6585 section 5
    refused(site, header("X: " + "a" * 40_000 + "\r\n"), 431)


def test_endless_headers_are_431(site):
    refused(site, "GET / HTTP/1.1\r\nHost: foobar.com\r\nX: " + "a" * 40_000, 431)


def test_many_headers_are_431(site):
    refused(site, header("X: y\r\n" * 101), 431)


def test_a_large_body_is_413_before_it_is_sent(site):
    refused(site, post("Content-Length: 16777217\r\n"), 413)


def test_a_client_that_waits_for_100_continue_hears_413(site):
    refused(site, post("Content-Length: 16777217\r\nExpect: 100-continue\r\n"), 413)


def test_a_chunked_body_is_413_when_it_has_become_too_large(site):
    """The answer arrives although the client is still sending: a close with unread bytes would reset it away."""
    with site.http() as client:
        client.request("/echo", "POST", {"Transfer-Encoding": "chunked"})
        try:
            for _ in range(17 * 16):
                client.send(b"10000\r\n" + b"z" * 65536 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = client.read_response()
        assert (answer.status, answer["connection"].lower()) == (413, "close")
