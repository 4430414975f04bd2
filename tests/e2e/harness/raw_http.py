"""An HTTP/1.1 client that sends exactly the bytes it is told to and reads exactly one response at a time.

http.client and curl were rejected: both repair or refuse the very requests these tests are about, and neither says
where one response ended and the next began.
"""
import socket
import time
from dataclasses import dataclass, field

from .wait import PATIENCE_SECONDS

HEAD_BYTES_MAX = 64 * 1024
DRAIN_BYTES_MAX = 64 * 1024 * 1024  # what read_to_close() takes before it calls the peer broken


@dataclass
class Response:
    """One response. Header names are lower case; a name that came twice has both values in `all`."""
    version: str
    status: int
    reason: str
    all: list = field(repr=False)
    body: bytes = b""
    trailers: list = field(default_factory=list, repr=False)

    @property
    def headers(self):
        return {name: value for name, value in reversed(self.all)}

    def __getitem__(self, name):
        return self.headers[name.lower()]

    def get(self, name, default=None):
        return self.headers.get(name.lower(), default)


class RawHttp:
    """One connection. Every read has a deadline; a peer that goes away in the middle is a ConnectionError."""

    def __init__(self, port, host="127.0.0.1", name="foobar.com", receive_buffer=None, deadline_s=PATIENCE_SECONDS):
        self.name, self.deadline_s = name, deadline_s
        self.buffer = b""
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:  # before connect: it decides the window
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(deadline_s)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def half_close(self):
        """No more from us; the answer may still come."""
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def request(self, target="/", method="GET", headers=(), body=None):
        """Sends one well-formed request. `headers`: a dict or pairs; Host and Content-Length are added when missing."""
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        names = {name.lower() for name, _ in pairs}
        if "host" not in names:
            pairs.insert(0, ("Host", self.name))
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            pairs.append(("Content-Length", str(len(body))))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n"
        self.send(head.encode("latin-1") + (body or b""))

    def get(self, target="/", method="GET", headers=(), body=None):
        """Sends one request and reads its final response."""
        self.request(target, method, headers, body)
        response = self.read_response(method)
        while response.status < 200:
            response = self.read_response(method)
        return response

    def _fill(self, end):
        """More bytes into the buffer; False at the end of the stream."""
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no more bytes in time; so far {self.buffer[:200]!r}")
        self.socket.settimeout(left)
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _take(self, count, end):
        while len(self.buffer) < count:
            if not self._fill(end):
                raise ConnectionError(f"closed after {len(self.buffer)} of {count} bytes: {self.buffer[:200]!r}")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _take_line(self, end):
        while (at := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > HEAD_BYTES_MAX:
                raise ConnectionError(f"no end of line in {len(self.buffer)} bytes")
            if not self._fill(end):
                raise ConnectionError(f"closed in the middle of a line: {self.buffer[:200]!r}")
        line, self.buffer = self.buffer[:at], self.buffer[at + 2:]
        return line.decode("latin-1")

    def _take_fields(self, end):
        fields = []
        while line := self._take_line(end):
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), f"not a header line: {line!r}"
            fields.append((name.lower(), value.strip()))
        return fields

    def read_response(self, method="GET", deadline_s=None):
        """The next response, an interim one (1xx) too. `method` is the one it answers: HEAD has no body."""
        end = time.monotonic() + (deadline_s or self.deadline_s)
        status_line = self._take_line(end)
        version, _, rest = status_line.partition(" ")
        code, _, reason = rest.partition(" ")
        assert version.startswith("HTTP/1.") and len(code) == 3, f"not a status line: {status_line!r}"
        response = Response(version, int(code), reason, self._take_fields(end))
        # RFC 9112 section 6.3, in its order.
        if method == "HEAD" or response.status < 200 or response.status in (204, 304):
            return response
        if "transfer-encoding" in response.headers:
            assert response["transfer-encoding"].lower() == "chunked", response
            assert "content-length" not in response.headers, "both framings at once"
            self._read_chunks(response, end)
        elif "content-length" in response.headers:
            response.body = self._take(int(response["content-length"]), end)
        else:
            while self._fill(end):
                pass
            response.body, self.buffer = self.buffer, b""
        return response

    def _read_chunks(self, response, end):
        parts = []
        while size := int(self._take_line(end).partition(";")[0], 16):
            parts.append(self._take(size, end))
            assert self._take(2, end) == b"\r\n", "a chunk does not end with CRLF"
        response.body = b"".join(parts)
        response.trailers = self._take_fields(end)

    def read_to_close(self, deadline_s=None):
        """Every byte until the peer closes; a reset counts as a close, because bytes we sent may have been unread."""
        end = time.monotonic() + (deadline_s or self.deadline_s)
        try:
            while self._fill(end):
                assert len(self.buffer) <= DRAIN_BYTES_MAX, "the peer sends without end"
        except ConnectionResetError:
            pass
        data, self.buffer = self.buffer, b""
        return data
