"""Any HTTP program as the application: run = "http:COMMAND"."""
import base64
import os
import shutil
import signal
import threading

import pytest

from harness import RawHttp, Trimaran, eventually, proc, resident_kib

# A program as somebody else would write it: it knows PORT and nothing of us.
PROGRAM = '''
import http.server, os, socket, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, body, status=200, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/pid":
            return self.answer(str(os.getpid()).encode())
        if path == "/port":
            return self.answer(str(self.client_address[1]).encode())
        if path == "/headers":
            return self.answer(str(self.headers).encode(), headers=[
                ("X-Own", "1"), ("Connection", "X-Own"), ("X-Sendfile", "/srv/secret")])
        if path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one,", b"two,", b"three"):
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(part), part))
            self.wfile.write(b"0\\r\\nX-Trailer: 1\\r\\n\\r\\n")
            return
        if path == "/until-close":
            self.wfile.write(b"HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\nuntil the end")
            self.close_connection = True
            return
        if path == "/early-hints":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\\r\\nLink: </a.css>\\r\\n\\r\\n")
            return self.answer(b"after the hints")
        if path == "/big":
            self.send_response(200)
            self.send_header("Content-Length", str(int(query) * 65536))
            self.end_headers()
            for _ in range(int(query)):
                self.wfile.write(b"b" * 65536)
            return
        if path == "/hold":
            open("held", "a").write("GET\\n")
            while not os.path.exists(query):
                time.sleep(0.01)
            return self.answer(b"held")
        if path == "/broken":
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
            self.close_connection = True
            return
        if path == "/healthz":
            return self.answer(b"", 200 if not os.path.exists("sick") else 503)
        self.answer(b"hello from a program")

    do_HEAD = do_GET

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            left = int(self.headers.get("Content-Length", 0))
            while left > 0:
                part = self.rfile.read(min(left, 65536))
                left -= len(part)
                yield part
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def do_POST(self):
        if self.path == "/hold":
            open("held", "a").write("POST\\n")
            time.sleep(600)
        total = sum(len(part) for part in self.body())
        self.answer(b"%d bytes, %s" % (total, self.headers.get("Transfer-Encoding", "counted").encode()))

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

if os.environ.get("LISTEN_FDS"):
    assert os.environ["LISTEN_PID"] == str(os.getpid()), os.environ["LISTEN_PID"]
    server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket = socket.socket(fileno=3)
else:
    server = Server((os.environ["HOST"], int(os.environ["PORT"])), Handler)
print("the program listens", flush=True)
server.serve_forever()
'''

RUN = "http:python3 program.py"


def http_site(run=RUN, files=None, **app):
    defaults = {"run": run, "workers": 1}
    site = Trimaran(files={"program.py": PROGRAM} | (files or {}), tables={"app": defaults | app})
    site.path.chmod(0o777)  # the program writes there, as an unprivileged user when the tests run as root
    return site


@pytest.fixture(scope="module")
def site():
    with http_site() as running:
        yield running


def test_a_program_that_knows_nothing_of_us_answers(site):
    assert site.get("/hello").body == b"hello from a program"
    assert site.get("/index.html").status == 200  # the site's files come first


def test_it_hears_who_the_visitor_is_and_nothing_that_he_forged(site):
    with site.http() as client:
        client.send(b"GET /headers HTTP/1.1\r\nHost: foobar.com\r\nX-Forwarded-For: 10.0.0.1\r\n"
                    b"Forwarded: for=1.2.3.4\r\nConnection: X-Secret\r\nX-Secret: 1\r\nCookie: a=1\r\n\r\n")
        answer = client.read_response()
    text = answer.body.decode()
    assert "X-Forwarded-For: 127.0.0.1" in text and "X-Forwarded-Proto: http" in text
    assert "X-Forwarded-Host: foobar.com" in text and "Host: foobar.com" in text and "Cookie: a=1" in text
    assert "10.0.0.1" not in text and "1.2.3.4" not in text and "X-Secret" not in text
    assert answer.get("x-own") is None
    assert answer.get("x-sendfile") is None


def test_its_connections_are_used_again(site):
    with site.http() as client:
        ports = {client.get("/port").body for _ in range(20)}
    assert len(ports) <= 3


def test_every_framing_reaches_the_visitor_whole(site):
    with site.http() as client:
        assert client.get("/chunked").body == b"one,two,three"
        assert client.get("/until-close").body == b"until the end"
        assert client.get("/early-hints").body == b"after the hints"
        head = client.get("/hello", method="HEAD")
        assert head.status == 200 and head["content-length"] == "20"
        assert client.get("/big?64").body == b"b" * 65536 * 64


def test_bodies_of_requests_reach_it_whole(site):
    with site.http() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 5000000\r\n\r\n" + b"u" * 5_000_000)
        assert client.read_response().body == b"5000000 bytes, counted"
        chunk = b"8000\r\n" + b"c" * 0x8000 + b"\r\n"
        client.send(b"POST / HTTP/1.1\r\nHost: foobar.com\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(chunk * 20 + b"0\r\n\r\n")
        assert client.read_response().body == b"655360 bytes, chunked"
        client.send(b"POST / HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
        assert client.read_response().status == 100
        assert client.read_response().body == b"3 bytes, counted"


def test_a_response_that_can_be_read_in_two_ways_is_refused(site):
    assert site.get("/broken").status == 502


def test_a_slow_visitor_does_not_fill_our_memory(site):
    pid = site.pid("front")
    before = resident_kib(pid)
    clients = [RawHttp(site.http_port, receive_buffer=16 * 1024) for _ in range(10)]
    for client in clients:
        client.send(b"GET /big?1000 HTTP/1.1\r\nHost: foobar.com\r\n\r\n")  # 65 MB each
    for client in clients:
        client.socket.recv(1000)
    assert site.get("/hello").status == 200
    assert resident_kib(pid) - before < 40 * 1024
    for client in clients:
        client.close()


def test_a_killed_program_costs_no_get_and_runs_no_post_twice():
    with http_site() as site:
        answers = {}

        def ask(name, request):
            with site.http() as client:
                client.send(request)
                answers[name] = client.read_response()

        requests = {"GET": b"GET /hold?go HTTP/1.1\r\nHost: foobar.com\r\n\r\n",
                    "POST": b"POST /hold HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 0\r\n\r\n"}
        threads = [threading.Thread(target=ask, args=item) for item in requests.items()]
        for thread in threads:
            thread.start()
        held = site.path / "held"
        eventually(lambda: held.exists() and len(held.read_text().split()) == 2)
        os.kill(int(site.get("/pid").body), signal.SIGKILL)
        (site.path / "go").touch()
        for thread in threads:
            thread.join()
        assert answers["GET"].body == b"held"
        assert answers["POST"].status == 502
        assert held.read_text().split().count("POST") == 1


# It closes each second connection without a word, as one does that is told to end between accept and read.
CLOSES = '''
import os, socket
server = socket.create_server((os.environ["HOST"], int(os.environ["PORT"])), backlog=64)
turn = 0
while True:
    connection = server.accept()[0]
    turn = turn + 1 if os.path.exists("armed") else 0
    if turn % 2 == 0 and connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    connection.close()
'''


def test_a_new_connection_that_is_closed_at_once_costs_no_get_and_a_post_is_not_sent_again():
    with http_site(run="http:python3 closes.py", files={"closes.py": CLOSES}) as site:
        assert site.get("/x").body == b"ok"
        (site.path / "armed").touch()
        for _ in range(5):
            assert site.get("/x").body == b"ok"
        statuses = []
        for _ in range(2):
            with site.http() as client:
                client.send(b"POST /x HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 1\r\n\r\nx")
                statuses.append(client.read_response().status)
        assert statuses == [502, 200], "each was sent once"


def test_a_restart_is_a_short_wait():
    with http_site() as site:
        for _ in range(3):
            os.kill(int(site.get("/pid").body), signal.SIGKILL)
            with site.http() as client:
                assert client.get("/hello").body == b"hello from a program"


def test_a_program_on_our_socket_keeps_it_over_a_crash():
    with http_site(listen_fd=True) as site:
        first = site.get("/pid").body
        os.kill(int(first), signal.SIGKILL)
        with site.http() as client:
            assert client.get("/hello").body == b"hello from a program"
        assert site.get("/pid").body != first


def test_the_procfile_names_the_command():
    with http_site(run="http:", files={"Procfile": "worker: false\nweb: python3 program.py\n"}) as site:
        assert site.get("/hello").body == b"hello from a program"


def test_several_workers_are_several_processes():
    with http_site(workers=2) as site:
        pids = set()

        def both():
            pids.add(site.get("/pid").body)
            return len(pids) == 2
        eventually(both)


def test_a_program_that_is_not_healthy_does_not_take_over():
    with http_site(health="/healthz") as site:
        old = site.get("/pid").body
        (site.path / "sick").touch()
        site.site.configure({"app": {"run": RUN + " new"}})
        done = site.command("reload", check=False)
        assert done.returncode == 1 and "GET /healthz is answered with 503" in done.stdout + done.stderr
        assert site.get("/pid").body == old


def test_what_it_does_while_it_is_told_to_end_is_finished():
    """A reload that changes the command retires the old program: it is told to end when its last request has."""
    with http_site() as site:
        old = site.get("/pid").body
        with site.http() as client:
            client.send(b"GET /hold?go HTTP/1.1\r\nHost: foobar.com\r\n\r\n")
            eventually((site.path / "held").exists)
            site.site.configure({"app": {"run": RUN + " new"}})
            site.command("reload")
            eventually(lambda: site.get("/pid").body != old)
            (site.path / "go").touch()
            assert client.read_response().body == b"held"
        eventually(lambda: not os.path.exists(f"/proc/{int(old)}"))


NODE = '''
const http = require("http"), crypto = require("crypto");
const server = http.createServer((request, response) => response.end("hello from node\\n"));
server.on("upgrade", (request, socket) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n" +
               "Sec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  socket.on("data", (data) => socket.write(data));
  socket.on("end", () => socket.end());
});
server.listen(process.env.PORT, process.env.HOST);
'''


@pytest.mark.skipif(not shutil.which("node"), reason="no nodejs here")
def test_an_unmodified_node_program_and_its_websocket():
    with Trimaran(files={"server.js": NODE}, tables={"app": {"run": "http:node server.js"}}) as site:
        assert site.get("/").status == 200
        assert site.get("/hello").body == b"hello from node\n"
        with site.http() as client:
            key = base64.b64encode(b"k" * 16).decode()
            client.send(f"GET /ws HTTP/1.1\r\nHost: foobar.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.socket.recv(4096)
            assert head.startswith(b"HTTP/1.1 101 ") and b"upgrade: websocket" in head.lower()
            client.socket.sendall(b"\x81\x85\0\0\0\0hello")
            echoed = b""
            while len(echoed) < 11:
                echoed += client.socket.recv(100)
            assert echoed == b"\x81\x85\0\0\0\0hello"


def test_what_a_program_forked_ends_at_the_next_start_after_a_killed_supervisor():
    forks = "import os\nif os.fork() == 0:\n    while True:\n        time.sleep(60)\n"
    with Trimaran(files={"program.py": PROGRAM.replace("import http.server, os,", "import http.server, time\n" + forks +
                                                       "import os,", 1)},
                  tables={"app": {"run": "http:/usr/bin/python3 program.py"}}) as site:
        program = site.pid("app foobar.com/1")
        forked = eventually(lambda: [pid for pid in proc.descendants(program) if pid != program])
        before = {pid: proc.command(pid) for pid in forked}
        os.kill(site.process.pid, signal.SIGKILL)
        site.process.wait()
        site.process = None
        site.site.write("program.py", PROGRAM)
        site.start()
        assert not [pid for pid in forked if proc.command(pid) == before[pid]]
