"""The strict load client is believed when it says "0 failed", so it is itself tested against servers that lie: each one
does one thing wrong, and the client must see it and call it by its name."""
import base64
import hashlib
import socket
import struct
import threading
from contextlib import contextmanager

import pytest

from harness import free_port, run_load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Server:
    """A TCP server on a thread for each connection: behave(connection, number, requests) does what it wants."""

    def __init__(self, behave):
        self.behave, self.connections, self.heads = behave, 0, []
        self.listener = socket.create_server(("127.0.0.1", free_port()), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(30)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection, number):
        try:
            self.behave(connection, number, self._requests(connection))
        except OSError:
            pass
        finally:
            connection.close()

    def _requests(self, connection):
        """Each request head with its body, as they come."""
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                data = connection.recv(65536)
                if not data:
                    return
                buffer += data
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            while len(buffer) < length:
                buffer += connection.recv(65536)
            self.heads.append(head)
            yield head, buffer[:length]
            buffer = buffer[length:]


@contextmanager
def serving(behave):
    server = Server(behave)
    try:
        yield server
    finally:
        server.listener.close()


def answering(answer):
    """Every request gets the same bytes; None closes, "reset" resets, "hang" never answers."""
    def behave(connection, number, requests):
        for _ in requests:
            if answer is None:
                return
            if answer == "reset":
                return reset(connection)
            if answer != "hang":
                connection.sendall(answer)
    return behave


def load(port, **options):
    return run_load("http", port, **{"requests": 10, "connections": 2, "expect_body": "ok", "timeout": 30} | options)


def assert_all_failed(result, reason):
    assert result["attempted"] == 10
    assert result["failures"] == {reason: 10}, result
    assert result["succeeded"] == 0 and result["failed"] == 10


@pytest.mark.parametrize("reason, answer", [
    ("status", b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nok"),
    ("status", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("body", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"),
    ("body", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\no"),
    ("body", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nokk"),
    ("malformed", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokk"),
    ("malformed", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
    ("malformed", b"ok, you have asked\r\n\r\n"),
    ("malformed", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokk\r\n0\r\n\r\n"),
    ("closed", None),
    ("reset", "reset"),
    ("timeout", "hang"),
])
def test_each_lie_has_its_name(reason, answer):
    with serving(answering(answer)) as server:
        assert_all_failed(load(server.port, new=True, timeout=1 if answer == "hang" else 30), reason)


def test_a_body_that_stops_in_the_middle_is_cut_short():
    def behave(connection, number, requests):
        next(requests)
        connection.sendall(OK[:-1])
    with serving(behave) as server:
        assert_all_failed(load(server.port), "cut_short")


def test_a_reset_in_the_middle_is_cut_short():
    def behave(connection, number, requests):
        next(requests)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"x" * 9)
        reset(connection)
    with serving(behave) as server:
        assert_all_failed(load(server.port, expect_prefix="x", expect_body=[]), "cut_short")


def test_nobody_there_is_refused():
    assert_all_failed(load(free_port()), "refused")


def test_a_connection_closed_under_a_request_is_told_from_one_closed_while_idle():
    def under(connection, number, requests):
        next(requests)
        connection.sendall(OK)
        next(requests)  # and closes instead of answering
    with serving(under) as server:
        result = load(server.port, connections=1)
    assert result["failures"] == {"closed_reused": 5} and result["succeeded"] == 5 and result["idle_closes"] == 0

    def idle(connection, number, requests):
        next(requests)
        connection.sendall(OK)  # and closes, without a word
    with serving(idle) as server:
        result = load(server.port, connections=1, rate=50)
    # A rare close may come just when a request goes out; then it is a failure, which is the very point.
    assert result["idle_closes"] + result["failed"] >= 9 and result["idle_closes"] > 0
    assert set(result["failures"]) <= {"closed_reused"}


def test_connection_close_is_honoured():
    close = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    def behave(connection, number, requests):
        next(requests)
        connection.sendall(close)
    with serving(behave) as server:
        result = load(server.port)
        assert (result["succeeded"], result["idle_closes"], result["connections"]) == (10, 0, 10)
        assert server.connections == 10


def test_what_was_pipelined_behind_a_close_is_sent_again():
    def behave(connection, number, requests):
        next(requests)
        connection.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        connection.shutdown(socket.SHUT_WR)
        for _ in requests:  # so that no reset destroys the answer
            pass
    with serving(behave) as server:
        result = load(server.port, connections=1, pipeline=5)
    assert result["succeeded"] == 10 and result["resent"] == 6 * 4 + 3 + 2 + 1  # five at a time, one answered each time


def test_answers_come_in_the_order_of_the_requests():
    def swapped(connection, number, requests):
        for first, _ in requests:
            second, _ = next(requests)
            for head in (second, first):
                body = head.split()[1]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with serving(swapped) as server:
        result = load(server.port, connections=1, pipeline=2, path="/{id}", expect_body="/{id}")
    assert result["failures"] == {"body": 10}


def test_a_request_is_known_by_its_number():
    def behave(connection, number, requests):
        for _, body in requests:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with serving(behave) as server:
        options = {"method": "POST", "body": "number {id}", "requests": 50}
        assert load(server.port, **options, expect_body="number {id}")["succeeded"] == 50
        assert load(server.port, **options, expect_body="number 1")["failures"] == {"body": 49}


def test_a_slow_upload_arrives_whole():
    def behave(connection, number, requests):
        for _, body in requests:
            text = b"%d" % len(body)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
    with serving(behave) as server:
        result = load(server.port, requests=1, method="POST", body_bytes=100_000, upload_rate=200_000,
                      expect_body="{length}")
    assert result["succeeded"] == 1 and result["max_ms"] >= 450


def test_a_slow_reader_gets_it_whole():
    body = b"x" * 100_000
    with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body)) as server:
        result = load(server.port, requests=1, read_rate=200_000, expect_body=body.decode())
    assert result["succeeded"] == 1 and result["max_ms"] >= 450


def test_the_latency_counts_from_when_a_request_was_due():
    def behave(connection, number, requests):
        next(requests)
        threading.Event().wait(1.0)  # the pause is the subject of the test
        connection.sendall(OK)
        for _ in requests:
            connection.sendall(OK)
    with serving(behave) as server:
        result = load(server.port, rate=100, requests=50, connections=1)
    # One connection: only one request was out during that second, but the others were due.
    assert result["succeeded"] == 50 and result["p50_ms"] > 300 and result["longest_gap_ms"] >= 900


def test_the_timeline_names_every_request(tmp_path):
    with serving(answering(OK)) as server:
        load(server.port, timeline=tmp_path / "timeline")
    lines = [line.split("\t") for line in (tmp_path / "timeline").read_text().splitlines()]
    assert lines[0] == ["id", "intended_us", "done_us", "outcome", "status", "body"]
    assert sorted(int(line[0]) for line in lines[1:]) == list(range(1, 11))
    assert {tuple(line[3:]) for line in lines[1:]} == {("ok", "200", "ok")}


# --- WebSockets -----------------------------------------------------------------------------------------------------

def accept_key(head):
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def read_frame(connection):
    """(opcode, payload) of a short masked frame."""
    head = connection.recv(2, socket.MSG_WAITALL)
    if len(head) < 2:
        raise OSError("closed")
    rest = connection.recv(4 + (head[1] & 127), socket.MSG_WAITALL)
    return head[0] & 15, bytes(byte ^ rest[i % 4] for i, byte in enumerate(rest[4:]))


def websocket_server(behave, accept=accept_key):
    def serve(connection, number, requests):
        head, _ = next(requests)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + accept(head) + b"\r\n\r\n")
        behave(connection)
    return serve


def echo(connection, change=lambda text: text, count=10**9):
    for _ in range(count):
        opcode, payload = read_frame(connection)
        payload = change(payload) if opcode == 1 else payload
        connection.sendall(bytes([0x80 | opcode, len(payload)]) + payload)
        if opcode == 8:
            return


def websockets(port, **options):
    return run_load("websocket", port, **{"connections": 3, "interval": 0.05, "seconds": 60, "timeout": 30} | options)


def test_an_honest_echo_is_perfect():
    with serving(websocket_server(echo)) as server:
        result = websockets(server.port, seconds=5)
    assert result["failed"] == 0 and result["succeeded"] >= 3 * 3  # handshake, at least one message, close
    assert result["close_codes"] == {"1000": 3} and result["early_closes"] == 0


def test_a_wrong_echo_is_seen():
    with serving(websocket_server(lambda connection: echo(connection, change=bytes.upper))) as server:
        assert websockets(server.port, seconds=5)["failures"]["body"] > 0


def test_a_close_is_told_by_its_code():
    def behave(connection):
        echo(connection, count=2)
        connection.sendall(b"\x88\x02" + struct.pack("!H", 1012))
        read_frame(connection)
    with serving(websocket_server(behave)) as server:
        result = websockets(server.port)
    assert result["close_codes"] == {"1012": 3} and result["early_closes"] == 3
    assert result["first_early_close_us"] > result["began_us"]


def test_an_end_without_a_close_frame_is_a_failure():
    with serving(websocket_server(lambda connection: echo(connection, count=2))) as server:
        result = websockets(server.port)
    assert result["close_codes"] == {"1006": 3} and result["failures"] == {"closed_reused": 3}


def test_a_handshake_must_prove_that_it_was_understood():
    with serving(websocket_server(echo, accept=lambda head: b"AAAA")) as server:
        assert websockets(server.port)["failures"] == {"malformed": 3}
    with serving(answering(OK)) as server:
        assert websockets(server.port)["failures"] == {"status": 3}


# --- DNS ------------------------------------------------------------------------------------------------------------

@contextmanager
def name_server(answer):
    """answer(query, number) is what is sent back, or None."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", free_port()))

    def serve():
        number = 0
        while True:
            try:
                query, client = sock.recvfrom(4096)
            except OSError:
                return
            number += 1
            if (reply := answer(query, number)) is not None:
                sock.sendto(reply, client)
    threading.Thread(target=serve, daemon=True).start()
    try:
        yield sock.getsockname()[1]
    finally:
        sock.close()


def honest(query, number=0, rcode=0, answers=1):
    record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01" * answers
    return query[:2] + bytes([0x84, rcode]) + query[4:6] + struct.pack("!H", answers) + query[8:] + record


@pytest.mark.parametrize("answer, failures", [
    (honest, {}),
    (lambda query, number: None if number % 10 == 0 else honest(query), {"timeout": 10}),
    (lambda query, number: honest(query, rcode=2 if number <= 7 else 0), {"status": 7}),
    (lambda query, number: honest(query, answers=0 if number == 1 else 1), {"body": 1}),
    (lambda query, number: honest(query).replace(b"foobar", b"raboof") if number == 1 else honest(query),
     {"malformed": 1}),
])
def test_each_query_is_asked_once_and_counted(answer, failures):
    with name_server(answer) as port:
        result = run_load("dns", port, rate=500, requests=100, timeout=5 if "timeout" in failures else 30)
    assert result["attempted"] == 100 and result["failures"] == failures
