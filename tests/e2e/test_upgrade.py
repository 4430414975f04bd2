"""trimaran upgrade: the daemon becomes another program in place. Same process, same workers, same database, and nobody
who uses the site notices. The other program is the same build; what is broken is broken on purpose."""
import os
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import RawHttp, SteadyLoad, Trimaran, dig, eventually
from harness.proc import links
from harness.programs import programs

APP = '''
import time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        def pieces():
            for _ in range(20):
                time.sleep(0.05)
                yield b"x" * 10
        start_response("200 OK", [("Content-Length", "200")])
        return pieces()
    if environ["PATH_INFO"].startswith("/say"):
        print("said", environ["PATH_INFO"])
    body = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''


def app_site(**tables):
    return Trimaran(files={"app.py": APP, "public/a.txt": "a"},
                    tables={"app": {"run": "wsgi:app:application", "workers": 2, "threads": 2}} | tables)


@pytest.fixture(scope="module")
def site():
    with app_site() as running:
        eventually(lambda: len(pids(running, "app")) == 2)
        yield running


def pids(site, *names):
    return {s["pid"] for name in names for s in site.services(name) if s["state"] == "serving"}


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class NewConnections(SteadyLoad):
    """The same load with a connection for each request."""

    def __init__(self, port, targets, **options):
        super().__init__(port, targets, check=self.close_after, **options)

    @staticmethod
    def close_after(target, response):
        SteadyLoad._expect_200(target, response)
        response.all.append(("connection", "close"))


@contextmanager
def queries(port):
    """DNS queries one after the other; what was not answered rightly is in the list."""
    lost, count, stop = [], [0], threading.Event()
    query = bytes.fromhex("123400000001000000000000") + b"\x06foobar\x03com\x00\x00\x01\x00\x01"

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(30)
            client.connect(("127.0.0.1", port))
            while not stop.wait(0.002):
                count[0] += 1
                try:
                    client.send(query)
                    answer = client.recv(512)
                    if answer[:2] != query[:2] or bytes([192, 0, 2, 1]) not in answer:
                        lost.append(answer)
                except OSError as error:
                    lost.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield lost, count
    finally:
        stop.set()
        thread.join(40)


def test_an_upgrade_under_load_loses_no_request_and_no_query(site):
    supervisor, workers = site.process.pid, pids(site, "app")
    before = pids(site, "front", "nameserver")
    with queries(site.dns_port) as (lost, count), \
            SteadyLoad(site.http_port, targets=["/a.txt", "/app"], rate=150) as kept, \
            NewConnections(site.http_port, targets=["/a.txt", "/app"], rate=100) as new:
        for _ in range(3):
            kept.wait_for(40)
            said = site.command("upgrade").stdout
            assert said == f"{programs() / 'trimaran'} serves\n"
        kept.wait_for(80)
        new.wait_for(40)
    kept.assert_perfect()
    new.assert_perfect()
    assert not lost and count[0] > 0
    assert site.status()["pid"] == site.process.pid == supervisor
    assert pids(site, "app") == workers
    assert not pids(site, "front", "nameserver") & before


def test_an_idle_connection_is_not_closed_and_its_next_response_says_close(site):
    with site.http() as client:
        assert "connection" not in client.get("/a.txt").headers
        old = eventually(lambda: site.pid("front"))  # one: those of earlier upgrades have handed over
        site.command("upgrade")
        assert {s["state"] for s in site.services("front")} == {"serving", "draining"}
        response = client.get("/app")
        assert response.status == 200 and response["connection"] == "close"
        assert client.read_to_close() == b""
    eventually(lambda: old not in pids_of_all(site, "front"))


def pids_of_all(site, name):
    return {s["pid"] for s in site.services(name)}


def test_requests_that_the_client_has_pipelined_are_all_answered(site):
    with site.http() as client:
        client.get("/a.txt")
        site.command("upgrade")
        client.send("GET /a.txt HTTP/1.1\r\nHost: foobar.com\r\n\r\n" * 5)
        answers = [client.read_response() for _ in range(5)]
        assert [a.body for a in answers] == [b"a"] * 5
        assert [a.get("connection") for a in answers] == [None] * 4 + ["close"]


def test_a_long_response_and_a_slow_upload_go_on(site):
    body = b"u" * 200_000
    with site.http() as reader, site.http() as writer:
        reader.request("/slow")
        assert reader.socket.recv(1, socket.MSG_PEEK)  # it has begun
        writer.send(f"POST /upload HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: {len(body)}\r\n"
                    "Expect: 100-continue\r\n\r\n")
        assert writer.read_response().status == 100
        writer.send(body[:1000])
        site.command("upgrade")
        for start in range(1000, len(body), 20_000):
            writer.send(body[start:start + 20_000])
        assert reader.read_response().body == b"x" * 200
        assert writer.read_response().body == str(len(body)).encode()


def test_a_tcp_connection_of_a_resolver_is_finished(site):
    query = bytes.fromhex("123400000001000000000000") + b"\x06foobar\x03com\x00\x00\x01\x00\x01"
    with socket.create_connection(("127.0.0.1", site.dns_port), timeout=30) as client:
        for _ in range(2):
            client.sendall(len(query).to_bytes(2, "big") + query)
            assert bytes([192, 0, 2, 1]) in client.recv(512)
            site.command("upgrade")


def script(site, name, text, mode=0o755):
    path = site.path / name
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("name, text, mode, why", [
    ("fails", "#!/bin/sh\nexit 1\n", 0o755, "exited with status 1"),
    ("says-yes", "#!/bin/sh\nexit 0\n", 0o755, "exited with status 0"),
    ("no-program", "not a program\n", 0o755, "cannot execute"),
    ("not-executable", "#!/bin/sh\n", 0o644, "cannot execute"),
    ("crashes", "#!/bin/sh\nkill -SEGV $$\n", 0o755, "was killed by signal 11"),
    ("missing", None, 0, "cannot execute"),
], ids=lambda value: value if isinstance(value, str) and "\n" not in value and " " not in value else "")
def test_a_broken_program_changes_nothing(site, name, text, mode, why):
    path = script(site, name, text, mode) if text is not None else site.path / name
    before = pids(site, "front", "nameserver", "app")
    with SteadyLoad(site.http_port, targets=["/a.txt", "/app"], rate=100) as load:
        load.wait_for(10)
        done = site.command("upgrade", "--binary", path, check=False)
        load.wait_for(20)
    load.assert_perfect()
    assert done.returncode == 1
    assert why in done.stderr and "what served before still serves" in done.stderr
    assert pids(site, "front", "nameserver", "app") == before


def test_a_program_that_hangs_is_given_up(site):
    path = script(site, "hangs", "#!/bin/sh\nexec sleep 1000\n")
    before = pids(site, "front", "nameserver", "app")
    done = site.command("upgrade", "--binary", path, check=False)
    assert done.returncode == 1 and "was not ready in time" in done.stderr
    assert pids(site, "front", "nameserver", "app") == before


def test_a_second_upgrade_at_the_same_time_is_refused(site):
    gate = script(site, "waits", f"#!/bin/sh\nwhile ! test -e {site.path}/go; do sleep 0.05; done\n")
    first = threading.Thread(target=lambda: site.command("upgrade", "--binary", gate, check=False))
    first.start()
    site.wait_for_line(f"asking {gate} whether")
    done = site.command("upgrade", check=False)
    assert done.returncode == 1 and "another upgrade is under way" in done.stderr
    assert site.command("reload", check=False).returncode == 1
    (site.path / "go").touch()
    first.join()


def test_the_new_program_is_another_file_and_its_children_too(site):
    folder = site.path / "new/bin"
    folder.mkdir(parents=True)
    for name in ("trimaran", "trimaran-host"):
        shutil.copy2(programs() / name, folder / name)
    (site.path / "new/python").symlink_to(programs().parent / "python")
    site.command("upgrade", "--binary", folder / "trimaran")
    try:
        assert os.readlink(f"/proc/{site.process.pid}/exe") == str(folder / "trimaran")
        for pid in pids(site, "front", "nameserver"):
            assert os.readlink(f"/proc/{pid}/exe") == str(folder / "trimaran")
        assert site.get("/app").body == b"0"
    finally:
        site.command("upgrade", "--binary", programs() / "trimaran")
    assert os.readlink(f"/proc/{site.process.pid}/exe") == str(programs() / "trimaran")


def test_after_an_upgrade_everything_is_still_watched(site):
    site.command("upgrade")
    for name in ("front", "nameserver", "app"):
        victim = next(s for s in site.services(name) if s["state"] == "serving")
        os.kill(victim["pid"], 9)
        eventually(lambda: all(s["pid"] != victim["pid"] for s in site.services(name))
                   and all(s["state"] != "back-off" for s in site.services(name)))
        eventually(lambda: site.get("/app").body == b"0")
    site.command("reload")
    assert "192.0.2.1" in site.dig("foobar.com", "A", "+short")


def test_systemd_sees_one_process_that_reloads(site):
    seen = len(site.notices)
    site.command("upgrade")
    eventually(lambda: any("READY=1" in notice for notice in site.notices[seen:]))
    said = [notice for notice in site.notices[seen:] if not notice.startswith("STATUS=")]
    assert said[0].startswith("RELOADING=1\nMONOTONIC_USEC=")


def test_the_log_of_a_worker_goes_on(site):
    for text in ("before", "after"):
        assert site.get(f"/say-{text}").status == 200
        site.wait_for_line(rf"app foobar.com/\d \| said /say-{text}")
        site.command("upgrade")


@pytest.mark.deadline(1200)
def test_twenty_upgrades_leave_nothing_behind(site):
    def drained():
        return all(len(site.services(name)) == 1 for name in ("front", "nameserver"))

    site.command("upgrade")
    eventually(drained)
    fds = descriptors(site.process.pid)
    with SteadyLoad(site.http_port, targets=["/a.txt", "/app"], rate=50) as load:
        for _ in range(20):
            site.command("upgrade")
            load.wait_for(4)
    load.assert_perfect()
    eventually(drained)
    eventually(lambda: descriptors(site.process.pid) <= fds)
    assert not [p for p in Path("/proc").glob("[0-9]*/stat") if is_zombie_of(p, site.process.pid)]


def is_zombie_of(stat, parent):
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] == "Z" and int(fields[1]) == parent


def test_the_database_server_and_its_users_live_on():
    with app_site(database={"engine": "mariadb"}) as site:
        eventually(lambda: len(pids(site, "app")) == 2)
        kept = pids(site, "mariadbd", "app")
        for _ in range(2):
            site.command("upgrade")
        assert pids(site, "mariadbd", "app") == kept
        os.kill(site.pid("mariadbd"), 9)  # watched as before
        eventually(lambda: site.pid("mariadbd") not in kept and
                   site.services("mariadbd")[0]["state"] == "serving")


def test_sockets_from_systemd_live_on():
    site = Trimaran(files={"public/a.txt": "a"})
    with socket.socket() as http:
        http.bind(("127.0.0.1", site.http_port))
        http.listen()
        site.sockets = [http]
        with site:
            inode = f"socket:[{os.fstat(http.fileno()).st_ino}]"
            for _ in range(2):
                site.command("upgrade")
                assert site.get("/a.txt").body == b"a"
            front = eventually(lambda: site.pid("front"))  # one: the old one has handed over
            assert inode in links(front)


# --- WebSockets ---

WEBSOCKET_APP = '''
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
'''


class WebSocket(RawHttp):
    """A client that says and hears short unfragmented frames."""

    def __init__(self, port):
        super().__init__(port)
        self.request("/chat", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                       "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        assert self.read_response().status == 101

    def say(self, text, opcode=1):
        self.send(bytes([0x80 | opcode, 0x80 | len(text)]) + bytes(4) + text)  # masked with zeros

    def hear(self):
        """(opcode, payload) of the next frame."""
        end = time.monotonic() + self.deadline_s
        first, length = self._take(2, end)
        return first & 0x0f, self._take(length, end)


def test_a_websocket_stays_until_the_drain_limit_and_is_told_to_come_back():
    with Trimaran(files={"app.py": WEBSOCKET_APP}, tables={"app": {"run": "asgi:app:application", "workers": 1},
                                                           "deploy": {"drain": "10s"}}) as site:
        clients = [WebSocket(site.http_port) for _ in range(10)]
        began_s = time.monotonic()
        site.command("upgrade")
        for number, client in enumerate(clients):
            client.say(b"still here %d" % number)
        for number, client in enumerate(clients):
            assert client.hear() == (1, b"still here %d" % number)
        with WebSocket(site.http_port) as new:
            for client in clients:
                opcode, payload = client.hear()
                assert (opcode, payload[:2]) == (8, (1012).to_bytes(2, "big"))
                client.say(payload[:2], opcode=8)
            assert time.monotonic() - began_s >= 10
            for client in clients:
                assert client.read_to_close() == b""
                client.close()
            new.say(b"on the new front")
            assert new.hear() == (1, b"on the new front")
        eventually(lambda: len(site.services("front")) == 1)


def test_the_application_hears_of_a_websocket_whose_client_does_not_say_goodbye():
    """Its worker was killed while the front still waited for that client: what cleans up after a member never ran."""
    told = WEBSOCKET_APP + """
websocket = application
async def application(scope, receive, send):
    async def heard():
        event = await receive()
        if event["type"] == "websocket.disconnect":
            print("a member has left", event["code"])
        return event
    await websocket(scope, heard, send)
"""
    files = {"app.py": told, "next/app.py": told, "next/public/index.html": "home"}
    with Trimaran(files=files, tables={"app": {"run": "asgi:app:application", "workers": 1},
                                       "deploy": {"drain": "1s", "warm": "0s"}}) as site:
        with WebSocket(site.http_port) as client:
            client.say(b"here")
            assert client.hear() == (1, b"here")
            site.command("deploy", str(site.path / "next"))
            assert client.hear()[0] == 8
            site.wait_for_line("a member has left")
