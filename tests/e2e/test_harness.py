"""The harness itself: it must notice what it is there to notice. A small Python program stands in for the daemon."""
import socket
import threading

import pytest

from harness import RawHttp, SteadyLoad, Trimaran, cpu_us, descendants, eventually, free_port, resident_kib
from harness import trimaran as harness_trimaran

READY = '''#!/usr/bin/python3
import os, signal, socket, subprocess, sys
def notify(text):
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text, os.environ["NOTIFY_SOCKET"])
folder = os.path.dirname(sys.argv[3])
'''
WELL_BEHAVED = READY + '''
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("front: serving", flush=True)
notify(b"STATUS=hello\\nREADY=1")
signal.sigwait({signal.SIGTERM})
'''
LEAVES_A_CHILD = WELL_BEHAVED + 'subprocess.Popen(["sleep", "60"], start_new_session=True)\n'
LEAVES_A_SOCKET = WELL_BEHAVED + 'socket.socket(socket.AF_UNIX).bind(folder + "/left.sock")\n'
FAILS_AT_STOP = WELL_BEHAVED + "sys.exit(1)\n"
HAS_A_BUG = WELL_BEHAVED + 'print("front: assertion failed at x.cc:1: x", flush=True)\n'
DIES_AT_ONCE = READY + 'print("trimaran.toml:1:1: error: no"); sys.exit(2)\n'


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    def install(text):
        program = tmp_path / "trimaran"
        program.write_text(text)
        program.chmod(0o755)
        monkeypatch.setenv("TRIMARAN_BIN", str(tmp_path))

    return install


def test_a_site_starts_when_it_says_so_and_stops_cleanly(stand_in):
    stand_in(WELL_BEHAVED)
    with Trimaran() as site:
        assert site.wait_for_line(r"^front: (\w+)")[1] == "serving"
        assert site.process.pid in descendants(site.process.pid)
        assert cpu_us(site.process.pid) > 0 and resident_kib(site.process.pid) > 0
        site.restart()
    assert not site.path.exists()


def test_a_site_can_start_again_after_kill_9(stand_in):
    child = 'subprocess.Popen(["sleep", "60"], start_new_session=True)\n'
    stand_in(WELL_BEHAVED.replace("notify(b", child + "notify(b"))
    site = Trimaran()
    site.start()
    assert len(site.pids()) == 2
    site.kill9_group()
    assert not site.pids()
    site.start()
    site.kill9_group()
    site.remove()


@pytest.mark.parametrize("program, complaint", [
    (LEAVES_A_CHILD, "processes left behind"),
    (LEAVES_A_SOCKET, "socket files left behind"),
    (FAILS_AT_STOP, "exit code 1"),
    (HAS_A_BUG, "a bug of ours"),
])
def test_stop_notices(stand_in, program, complaint):
    stand_in(program)
    with pytest.raises(AssertionError, match=complaint):
        with Trimaran() as site:
            pass
    assert not site.pids() and not site.path.exists()


def test_a_site_that_does_not_start_shows_its_log(stand_in):
    stand_in(DIES_AT_ONCE)
    with pytest.raises(AssertionError, match=r"exit code 2(.|\n)*trimaran.toml:1:1: error: no"):
        with Trimaran():
            pass


def test_the_site_file_is_toml():
    import tomllib
    site = Trimaran(tables={"limits": {"head_timeout": "2s"}, "site": {"root": None}},
                    toml='[[route]]\npath = "/x/"\n')
    parsed = tomllib.loads(site.config.read_text())
    assert parsed["limits"]["head_timeout"] == "2s" and parsed["route"][0]["path"] == "/x/"
    assert "root" not in parsed["site"]
    site.remove()


def test_eventually_raises_the_last_reason():
    values = iter([0, 0, 7])
    assert eventually(lambda: next(values)) == 7
    with pytest.raises(AssertionError, match="not true"):
        eventually(lambda: False, 0.1)


@pytest.fixture
def server():
    """A server that answers each connection with the next of the given byte strings, one per request head."""
    listener = socket.create_server(("127.0.0.1", free_port()))
    replies = []

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines:
                while replies and lines.readline():
                    while lines.readline().strip():
                        pass
                    client.sendall(replies.pop(0))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], replies
    listener.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_one_response_at_a_time(server):
    port, replies = server
    replies += [
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\nx: 2\r\n\r\n"
        b"3;e=1\r\nabc\r\n0\r\nT: t\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nrest",
    ]
    with RawHttp(port) as client:
        client.request("/")
        assert client.read_response().status == 100
        assert client.read_response().body == b"ok"
        chunked = client.get("/")
        assert (chunked.body, chunked.trailers) == (b"abc", [("t", "t")])
        assert chunked["x"] == "1" and chunked.all.count(("x", "2")) == 1
        assert client.get("/", method="HEAD").body == b""
        assert client.get("/").status == 304
        assert client.get("/").body == b"rest"


def test_a_response_that_is_cut_is_an_error(server):
    port, replies = server
    replies += [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"]
    with RawHttp(port) as client, pytest.raises(ConnectionError, match="2 of 5"):
        client.get("/")


def test_load_records_every_failure(server):
    port, replies = server
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
    replies += [OK] * 5 + [OK.replace(b"200 OK", b"503 No")] + [OK] * 5 + [cut]
    with SteadyLoad(port, rate=500, connections=1) as load:
        load.wait_for(12)
    assert [failure.what.split(":")[0] for failure in load.failures[:2]] == ["AssertionError", "ConnectionError"]
    assert len(load.latencies_s) == 10
    with pytest.raises(AssertionError, match="requests failed"):
        load.assert_perfect()
