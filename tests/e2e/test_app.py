"""The application server as visitors and operators see it: requests that wait, fail, stream or die."""
import itertools
import os
import signal
import threading
from contextlib import ExitStack

import pytest

from harness import Trimaran, eventually, resident_kib

APP = '''
import functools, os, sys, threading, time
MB = b"m" * 65536 * 16

def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    def text(body, status="200 OK", headers=()):
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers])
        return [body]
    if path == "/pid":
        return text(str(os.getpid()).encode())
    if path == "/hold":  # until the file named by the query is there
        mark(environ["REQUEST_METHOD"])
        while not os.path.exists(query):
            time.sleep(0.01)
        return text(b"held")
    if path == "/raise":
        raise RuntimeError("the mast broke")
    if path == "/raise-late":
        return raise_late(start_response)
    if path == "/count":
        os.write(counted(), query.encode() + b"\\n")
        return (DiesInClose if query == "last" else list)(text(query.encode()))
    if path == "/exit":
        mark(environ["REQUEST_METHOD"])
        os._exit(7)
    if path == "/big":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return (MB for _ in range(200))
    if path == "/upload":
        total, reader = 0, environ["wsgi.input"]
        while part := reader.read(65536):
            total += len(part)
        return text(str(total).encode())
    if path == "/endless":
        return Endless(start_response)
    if path == "/flags":
        flags = environ["wsgi.multithread"], environ["wsgi.multiprocess"], environ["wsgi.run_once"]
        return text(repr(flags).encode())
    if path == "/wide":  # a head larger than any browser takes
        return text(b"", headers=[("X-Wide", "w" * 65536)] * int(query))
    if path == "/print":
        print("said on stdout")
        print("said on wsgi.errors", file=environ["wsgi.errors"])
        return text(b"ok")
    return text(b"no", "404 Not Found")

def mark(what):
    with open("marks", "a") as f:
        f.write(what + "\\n")

def raise_late(start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "100")])
    yield b"half"
    raise RuntimeError("too late")

@functools.cache  # a test may have to make it writable first
def counted():
    return os.open("counted", os.O_WRONLY | os.O_APPEND)

class DiesInClose(list):
    def close(self):
        os._exit(7)

class Endless:
    def __init__(self, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
    def __iter__(self):
        return self
    def __next__(self):
        return b"e" * 1000
    def close(self):
        mark("closed")
'''


def app_site(**app):
    return Trimaran(files={"app.py": APP, "marks": "", "counted": ""},
                    tables={"app": {"run": "wsgi:app:application", "workers": 2} | app})


@pytest.fixture(scope="module")
def site():
    with app_site(threads=2) as running:
        # All of them: who is still being started grows, and would be taken for what a test did.
        eventually(lambda: [s["state"] for s in running.services("app")] == ["serving"] * 2)
        running.path.joinpath("marks").chmod(0o666)
        running.path.joinpath("marks").parent.chmod(0o777)
        yield running


def marks(site):
    return (site.path / "marks").read_text().split()


def test_the_flags_of_the_environment_are_true_to_fact(site):
    assert site.get("/flags").body == b"(True, True, False)"


def test_an_exception_is_a_500_with_an_honest_page_and_a_traceback_in_the_log(site):
    seen = len(site.log)
    response = site.get("/raise")
    assert response.status == 500
    assert b"mast" not in response.body, "the visitor is not shown the inside of the application"
    site.wait_for_line(r"Traceback \(most recent call last\)", since=seen)
    site.wait_for_line(r"app foobar.com.*RuntimeError: the mast broke", since=seen)
    assert site.get("/flags").status == 200


def test_an_exception_after_the_head_cuts_the_connection_instead_of_faking_an_end(site):
    with site.http() as client:
        client.request("/raise-late")
        with pytest.raises(ConnectionError):
            client.read_response()


def test_a_response_head_beyond_the_limit_is_the_applications_fault_and_no_worker_dies_of_it(site):
    before = {service["pid"] for service in site.services("app")}
    assert site.get("/wide?1").status == 200
    assert site.get("/wide?8").status == 500
    assert {service["pid"] for service in site.services("app")} == before


def test_what_the_application_prints_is_in_the_log_with_its_name(site):
    seen = len(site.log)
    assert site.get("/print").body == b"ok"
    site.wait_for_line(r"app foobar.com.*said on stdout", since=seen)
    site.wait_for_line(r"app foobar.com.*said on wsgi.errors", since=seen)


def test_a_large_upload_streams_through(site):
    body = os.urandom(1 << 20) * 12
    assert site.get("/upload", method="POST", body=body).body == str(len(body)).encode()


def test_a_client_that_goes_away_ends_its_response_and_close_is_called(site):
    before = marks(site).count("closed")
    with site.http(receive_buffer=4096) as client:
        client.request("/endless")
        assert client.socket.recv(1000)
    eventually(lambda: marks(site).count("closed") == before + 1)


def test_a_client_that_does_not_read_stops_the_application_and_costs_bounded_memory(site):
    workers = [service["pid"] for service in site.services("app")]
    front = site.pid("front")
    before = sum(map(resident_kib, workers)) + resident_kib(front)
    with site.http(receive_buffer=4096) as client:
        client.request("/big")  # 200 MiB if somebody took it
        assert client.socket.recv(1000)
        assert site.get("/flags").status == 200  # the front lives, and others are served
        grown = sum(map(resident_kib, workers)) + resident_kib(front) - before
        assert grown < 16 * 1024, f"{grown} KiB for one response that nobody reads"


# --- a worker dies ---

def test_a_killed_worker_costs_a_post_one_502_and_it_is_not_run_twice():
    with app_site(workers=2) as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        with site.http() as client:
            client.request(f"/hold?{site.path}/go", method="POST", body=b"")
            eventually(lambda: marks(site) == ["POST"])
            # The one that holds it: the other still answers.
            alive = int(site.get("/pid").body)
            victims = [s["pid"] for s in site.services("app") if s["pid"] != alive]
            os.kill(victims[0], signal.SIGKILL)
            response = client.read_response()
            assert response.status == 502
            assert response.headers["content-type"].startswith("text/html")
        assert marks(site) == ["POST"]
        eventually(lambda: len([s for s in site.services("app") if s["state"] == "serving"]) == 2)


def test_a_killed_worker_costs_a_get_nothing():
    with app_site(workers=2) as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        with site.http() as client:
            client.request(f"/hold?{site.path}/go")
            eventually(lambda: marks(site) == ["GET"])
            alive = int(site.get("/pid").body)
            os.kill(next(s["pid"] for s in site.services("app") if s["pid"] != alive), signal.SIGKILL)
            eventually(lambda: marks(site) == ["GET", "GET"])
            site.site.write("go", "")
            assert client.read_response().body == b"held"


def test_a_request_that_kills_two_workers_is_refused_and_named_in_the_log():
    with app_site(workers=2) as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        assert site.get("/exit").status == 502
        assert marks(site) == ["GET", "GET"]
        site.wait_for_line(r"front.*GET /exit has killed 2 workers")
        eventually(lambda: site.get("/flags").status == 200)


def ask_at_once(clients, targets):
    """All requests are on their way before the first answer is read; yields the bodies."""
    for client, target in zip(clients, targets):
        client.request(target)
    for client in clients:
        response = client.read_response()
        assert response.status == 200, response
        yield response.body.decode()


def test_workers_killed_under_quick_gets_cost_no_answer_and_no_count():
    """A worker keeps responses to quick GETs back for a moment, to write them together: they die with it."""
    with app_site(workers=2, threads=2) as site, ExitStack() as stack:
        site.path.joinpath("counted").chmod(0o666)
        clients = [stack.enter_context(site.http()) for _ in range(40)]
        answered, numbers = [], map(str, itertools.count())
        for turn in range(60):
            wanted = list(itertools.islice(numbers, len(clients)))
            answers = ask_at_once(clients, [f"/count?{number}" for number in wanted])
            got = [next(answers)]
            if turn % 12 == 6:
                os.kill(site.services("app")[turn % 2]["pid"], signal.SIGKILL)
            got += answers
            assert got == wanted
            answered += got
            if turn % 12 == 7:
                eventually(lambda: [s["state"] for s in site.services("app")] == ["serving"] * 2)
        counted = (site.path / "counted").read_text().split()
        assert set(counted) == set(answered)
        assert len(counted) - len(answered) <= 5 * len(clients), "only what a killed worker had begun runs twice"


def test_a_worker_that_dies_after_its_response_costs_the_others_nothing_and_is_not_asked_again():
    """The response leaves before close(): with it the request is over, also when other requests wait."""
    with app_site(workers=2) as site, ExitStack() as stack:
        site.path.joinpath("counted").chmod(0o666)
        clients = [stack.enter_context(site.http()) for _ in range(40)]
        wanted = [*map(str, range(20)), "last", *map(str, range(21, 40))]
        assert list(ask_at_once(clients, [f"/count?{what}" for what in wanted])) == wanted
        assert (site.path / "counted").read_text().split().count("last") == 1


def test_a_post_that_waits_behind_a_slow_request_goes_elsewhere_with_its_whole_body():
    """Requests are sent in advance to fast workers; what then waits behind a slow one is taken back. A POST that was
    taken back once lost its body on the way."""
    with app_site(workers=2) as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        wrong = []

        def post(size):
            try:
                with site.http() as client:
                    for _ in range(150):
                        body = client.get("/upload", method="POST", body=b"b" * size).body
                        if body != str(size).encode():
                            wrong.append(body)
            except (OSError, AssertionError) as error:
                wrong.append(repr(error))
        threads = [threading.Thread(target=post, args=(size,)) for size in (1, 100, 1000, 70_000) * 3]
        for thread in threads:
            thread.start()
        for turn in range(5):  # one of the two workers is stuck again and again
            with site.http() as holder:
                holder.request(f"/hold?{site.path}/go{turn}")
                eventually(lambda: marks(site).count("GET") == turn + 1)
                site.site.write(f"go{turn}", "")
                assert holder.read_response().body == b"held"
        for thread in threads:
            thread.join()
        assert not wrong, wrong[:5]


# --- limits of the queue ---

def test_a_full_queue_answers_503_with_retry_after_and_the_waiting_are_served():
    with app_site(workers=1, queue_max=2) as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        clients = [site.http() for _ in range(4)]
        clients[0].request(f"/hold?{site.path}/go")
        eventually(lambda: marks(site) == ["GET"])
        for client in clients[1:3]:
            client.request("/flags")
        eventually(lambda: site.status()["front"]["apps"]["foobar.com"]["queued"] == 2)
        clients[3].request("/flags")
        refused = clients[3].read_response()
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        site.site.write("go", "")
        assert [client.read_response().status for client in clients[:3]] == [200, 200, 200]


def test_who_waits_too_long_gets_503():
    with app_site(workers=1, queue_wait="1s") as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        with site.http() as holder:
            holder.request(f"/hold?{site.path}/go")
            eventually(lambda: marks(site) == ["GET"])
            assert site.get("/flags").status == 503
            site.site.write("go", "")
            assert holder.read_response().status == 200


def test_an_application_that_does_not_answer_in_time_gives_504():
    with app_site(workers=2, timeout="5s") as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        assert site.get(f"/hold?{site.path}/go").status == 504
        assert site.get("/flags").status == 200
        site.site.write("go", "")


def test_threads_run_requests_at_the_same_time():
    with app_site(workers=1, threads=4) as site:
        site.path.chmod(0o777)
        site.path.joinpath("marks").chmod(0o666)
        results = []

        def hold():
            results.append(site.get(f"/hold?{site.path}/go").body)
        threads = [threading.Thread(target=hold) for _ in range(3)]
        for thread in threads:
            thread.start()
        eventually(lambda: marks(site) == ["GET"] * 3)
        # multiprocess even with one worker: while it is replaced, two run.
        assert site.get("/flags").body == b"(True, True, False)"
        site.site.write("go", "")
        for thread in threads:
            thread.join()
        assert results == [b"held"] * 3


# --- applications that do not start ---

@pytest.mark.parametrize("source, reason", [
    ("def application(:\n", r"SyntaxError"),
    ("import nothing_of_that_name\n", r"ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    ("x = 1\n", r"application"),
])
def test_a_broken_application_leaves_the_static_files_and_heals_when_it_is_mended(source, reason):
    with Trimaran(files={"app.py": source}, tables={"app": {"run": "wsgi:app:application", "workers": 1}}) as site:
        site.wait_for_line(r"app foobar.com.*" + reason)
        assert site.get("/").status == 200
        assert site.get("/somewhere").status == 503
        assert site.command("status", check=False).returncode == 4
        site.site.write("app.py", APP)
        eventually(lambda: site.get("/flags").status == 200)
        eventually(lambda: site.command("status", check=False).returncode == 0)


def test_a_missing_interpreter_is_one_clear_line_and_the_static_files_are_served():
    with Trimaran(files={"app.py": APP},
                  tables={"app": {"run": "wsgi:app:application", "interpreter": "/nonexistent/python"}}) as site:
        site.wait_for_line(r"/nonexistent/python")
        assert site.get("/").status == 200
        assert site.get("/flags").status == 503
