"""Slow clients, by intent or by nature: they end at their limits, and nobody else notices them."""
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from harness import RawHttp, SteadyLoad, Trimaran, eventually, kernel_tcp_kib, resident_kib

CLIENTS = 500
NORMAL_RATE = 50        # requests a second of the client that must not notice
NORMAL_MS_MAX = 1000    # its slowest request: two shared cores also run the 500; a stall lasts as long as a limit
MACHINE_FACTOR = 3      # and so many times what the machine alone makes a client wait, see unnoticed()
LIMIT_SECONDS = 4       # half of it is far more than a client of these tests is held up that means to be in time
LIMITS = {name: f"{LIMIT_SECONDS}s" for name in ("head_timeout", "body_timeout", "send_timeout")}
SLACK_SECONDS = 10      # for 500 connections that must end at the same moment on a busy machine
HELD_KIB_MAX = 64       # per slow reader, in our processes
KERNEL_KIB_MAX = 512    # per slow reader, in the kernel: it takes up to 4 MiB (net.ipv4.tcp_wmem) from whoever lets it
LARGE = 8 << 20         # more than the kernel buffers for one connection

APP = '''
"""Reads what it is sent."""
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''


@pytest.fixture(scope="module")
def site():
    with Trimaran(files={"app.py": APP, "public/large.bin": b"l" * LARGE},
                  tables={"limits": LIMITS, "app": {"run": "wsgi:app:application"}}) as running:
        yield running


@pytest.fixture(scope="module")
def idle_site():
    """Apart from the other: who sends requests all the time may be late too, and is not to meet this limit."""
    with Trimaran(tables={"limits": {"idle_timeout": f"{LIMIT_SECONDS}s"}}) as running:
        yield running


@contextmanager
def unnoticed(site):
    """A normal client, which must not notice what else happens in the block.

    Another one does the same to another site at the same time. What that one has to wait is the machine's doing: both
    share the processors and this process, and nothing else."""
    with Trimaran() as bystander, SteadyLoad(bystander.http_port, rate=NORMAL_RATE) as control:
        with SteadyLoad(site.http_port, rate=NORMAL_RATE) as load:
            yield load
    for one in (load, control):
        one.assert_perfect()
    assert load.worst_ms() < NORMAL_MS_MAX + MACHINE_FACTOR * control.worst_ms(), \
        f"{load.worst_ms():.0f} ms, and {control.worst_ms():.0f} ms beside it"


class Crowd:
    """Many connections on one thread. `tick(socket)` is called for each once a second; what is left at the end did not
    end by itself. The step between two ticks is the slowness under test and not a wait for anything."""

    def __init__(self, port, count, opening, tick, receive_buffer=None):
        self.tick, self.open, self.ended_after_s, self.received = tick, {}, [], {}
        for _ in range(count):
            client = socket.socket()
            if receive_buffer:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.connect(("127.0.0.1", port))
            self.open[client] = time.monotonic()  # its limits begin later
            client.sendall(opening)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for client in self.open:
            client.close()

    def wait_until_all_ended(self, deadline_s):
        self._thread.join(deadline_s)
        assert not self.open, f"{len(self.open)} of them are still connected after {deadline_s} s"

    def _run(self):
        while self.open and not self._stop.wait(1.0):
            for client in list(self.open):
                try:
                    if self.tick(client):
                        continue
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.ended_after_s.append(time.monotonic() - self.open.pop(client))
                client.close()


def peer_closed(client):
    """Has the peer closed, as far as it can be seen without waiting? Reads and drops what it sent before."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        client.setblocking(True)


def dribble_a_header(client):
    if peer_closed(client):
        return False
    client.sendall(b"a")
    return True


def read_one_byte(client):
    return len(client.recv(1)) == 1


def test_500_clients_that_send_one_header_byte_a_second(site):
    head = b"GET / HTTP/1.1\r\nHost: foobar.com\r\nX-Slow: "
    with unnoticed(site), Crowd(site.http_port, CLIENTS, head, dribble_a_header) as crowd:
        crowd.wait_until_all_ended(LIMIT_SECONDS + SLACK_SECONDS)
    assert min(crowd.ended_after_s) >= LIMIT_SECONDS - 0.1, "one was ended before its limit"


def test_500_clients_that_read_one_byte_a_second(site):
    """Their windows are full, so not a byte leaves between two ticks that the peer could count: they end at
    send_timeout. Until then they hold little memory, in our processes and in the kernel: nginx in its defaults gives
    these 500 clients 1.7 GB of socket buffers, and stands still for 3 s while it fills them."""
    request = b"GET /large.bin HTTP/1.1\r\nHost: foobar.com\r\n\r\n"
    with unnoticed(site) as load:
        before, kernel_before = sum(resident_kib(pid) for pid in site.pids()), kernel_tcp_kib()
        with Crowd(site.http_port, CLIENTS, request, read_one_byte, receive_buffer=2304) as crowd:
            load.wait_for(NORMAL_RATE)
            held = sum(resident_kib(pid) for pid in site.pids()) - before
            kernel_held = kernel_tcp_kib() - kernel_before
            wait_until_the_peer_has_none(site, crowd, LIMIT_SECONDS + 2 * SLACK_SECONDS)
    assert held < CLIENTS * HELD_KIB_MAX, f"{held} KiB for {CLIENTS} slow readers"
    assert kernel_held < CLIENTS * KERNEL_KIB_MAX, f"{kernel_held} KiB of socket buffers for {CLIENTS} slow readers"


def wait_until_the_peer_has_none(site, crowd, deadline_s):
    """A reset does not reach a reader before the bytes in its own buffer, so the server's side is what counts."""
    ports = {client.getsockname()[1] for client in crowd.open}

    def gone():
        with open("/proc/net/tcp") as table:
            next(table)
            rows = [line.split() for line in table]
        established = {int(remote.rpartition(":")[2], 16) for _, local, remote, state, *_ in rows
                       if int(local.rpartition(":")[2], 16) == site.http_port and state == "01"}
        assert not established & ports, f"{len(established & ports)} slow readers are still served"
        return True

    eventually(gone, deadline_s)


def test_a_slow_head_is_408(site):  # RFC 9110 section 15.5.9
    with site.http() as client:
        began = time.monotonic()
        client.send("GET / HTTP/1.1\r\nHost: foo")
        answer = client.read_response()
        assert (answer.status, answer["connection"].lower()) == (408, "close")
        assert client.read_to_close() == b""
        assert LIMIT_SECONDS - 0.1 <= time.monotonic() - began < LIMIT_SECONDS + SLACK_SECONDS


def test_the_time_for_a_head_begins_with_each_request(site):
    """Not with the connection: a client that pauses between requests has the idle limit, then the whole head limit."""
    with site.http() as client:
        assert client.get("/").status == 200
        client.send("GET / HTTP/1.1\r\n")
        assert client.read_response().status == 408


def test_an_idle_connection_ends_without_a_word(idle_site):
    """A 408 here would be taken for the answer to a request that crosses it."""
    with idle_site.http() as client:
        began = time.monotonic()
        assert client.get("/").status == 200
        assert client.read_to_close() == b""
        assert LIMIT_SECONDS - 0.1 <= time.monotonic() - began < LIMIT_SECONDS + SLACK_SECONDS


def test_a_connection_that_never_asks_ends_without_a_word(idle_site):
    with idle_site.http() as client:
        assert client.read_to_close() == b""


def test_a_body_that_stops_is_408(site):
    with site.http() as client:
        client.request("/upload", "POST", {"Content-Length": "100"})
        client.send("half of it")
        answer = client.read_response()
        assert (answer.status, answer["connection"].lower()) == (408, "close")
        assert client.read_to_close() == b""


def test_a_body_may_take_longer_than_its_pauses(site):
    """body_timeout is the longest pause, not the whole upload: 8 pieces, together longer than the limit."""
    pieces = 8
    with site.http() as client:
        client.request("/upload", "POST", {"Content-Length": str(pieces * 1000)})
        for _ in range(pieces):
            client.send(b"p" * 1000)
            threading.Event().wait(LIMIT_SECONDS * 0.2)  # the pause is the subject of the test
        assert client.read_response().body == b"p" * 1000 * pieces


def test_a_client_that_reads_in_bursts_is_served_to_the_end(site):
    with RawHttp(site.http_port, receive_buffer=65536) as client:
        assert client.get("/large.bin").body == b"l" * LARGE
