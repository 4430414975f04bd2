"""What an application does to a request and to the worker: errors, close(), threads, drain, leaks."""

import signal
import struct
import subprocess
import time

import pytest
from fake_front import FAILED, INTERPRETER, PATIENCE_S, RESPONSE, SENT, Channel, Failed, Gone, Skipped, asan_environment

CLOSES = """
    class Result:
        def __init__(self, how):
            self.how = how
        def __iter__(self):
            yield b"first"
            if self.how == "/raise":
                raise ValueError("in the middle")
            while self.how == "/endless":
                yield b"x" * 65536
        def close(self):
            print("closed", self.how)
            if self.how == "/close-raises":
                raise ValueError("in close")
    def app(environ, start_response):
        start_response("200 OK", [])
        return Result(environ["PATH_INFO"])
"""


def test_close_is_called_after_a_response(start):
    worker = start(CLOSES)
    assert worker.channel.get("/good").body == b"first"
    worker.wait_for_log("closed /good")


def test_close_is_called_after_an_error(start):
    worker = start(CLOSES)
    with pytest.raises(Failed, match="ValueError: in the middle"):
        worker.channel.get("/raise")
    worker.wait_for_log("closed /raise")


def test_close_is_called_when_the_client_leaves(start):
    worker = start(CLOSES)
    slot = worker.channel.begin("/endless")
    worker.channel.head(slot)
    worker.channel.abort(slot)
    while (found := worker.channel.frame())[0] != FAILED:  # it gives the slot back
        assert found[2] == slot
    worker.wait_for_log("closed /endless")
    assert "Traceback" not in worker.log()


def test_close_is_called_when_the_front_is_lost(start):
    worker = start(CLOSES)
    slot = worker.channel.begin("/endless")
    worker.channel.head(slot)
    worker.channel.socket.close()
    worker.wait_for_log("closed /endless")
    worker.channel = Channel(worker.link)  # a new front
    assert worker.channel.get("/good").body == b"first"


def test_an_error_in_close_is_logged_and_harms_nothing(start):
    worker = start(CLOSES)
    assert worker.channel.get("/close-raises").body == b"first"
    worker.wait_for_log("ValueError: in close")
    assert worker.channel.get("/good").body == b"first"


@pytest.mark.parametrize("exception", ["ValueError('bad')", "SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()"])
def test_an_exception_ends_the_request_not_the_worker(start, exception):
    worker = start("""
        def app(environ, start_response):
            if environ["PATH_INFO"] == "/bad":
                raise %s
            start_response("200 OK", [])
            return [b"good"]
    """ % exception)
    with pytest.raises(Failed, match=exception.split("(")[0]):
        worker.channel.get("/bad", method="POST")
    log = worker.wait_for_log(exception.split("(")[0])
    assert "error POST /bad: the application failed\nTraceback (most recent call last):" in log
    assert 'app.py", line 4, in app' in log
    assert worker.channel.get("/good").body == b"good"


@pytest.mark.parametrize("threads", [1, 4])
def test_a_signal_handler_of_the_application_runs_without_a_request(start, threads):
    """It once waited for the next one."""
    worker = start("""
        import signal
        signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
        def app(environ, start_response):
            start_response("200 OK", [])
            return [b"served"]
    """, threads=threads)
    assert worker.channel.get().body == b"served"
    deadline = time.monotonic() + PATIENCE_S
    with worker.log_grew:
        while "handled" not in worker.log_text:
            assert time.monotonic() < deadline
            worker.signal(signal.SIGUSR1)  # one that comes just before the worker waits is handled with the next
            worker.log_grew.wait(0.05)
    assert worker.channel.get().body == b"served"


def test_errors_and_prints_are_whole_lines_in_the_log(start):
    worker = start("""
        def app(environ, start_response):
            for i in range(50):
                print("line of", environ["PATH_INFO"], i, file=environ["wsgi.errors"])
            environ["wsgi.errors"].write("no end")
            environ["wsgi.errors"].flush()
            environ["wsgi.errors"].writelines([" but ", "now\\n"])
            print("printed")
            start_response("200 OK", [])
            return [b""]
    """, threads=4)
    for i in range(8):
        worker.channel.begin("/%d" % i)
    for _ in range(16):
        worker.channel.frame()
    worker.wait_for_log("printed", times=8)
    lines = worker.log().splitlines()
    for i in range(8):
        assert [n for n in lines if n.startswith("line of /%d " % i)] == ["line of /%d %d" % (i, n) for n in range(50)]
    assert lines.count("no end") == lines.count(" but now") == 8


def test_threads_run_at_once(start):
    worker = start("""
        import threading
        barrier = threading.Barrier(4, timeout=60)
        def app(environ, start_response):
            barrier.wait()
            start_response("200 OK", [])
            return [threading.current_thread().name.encode()]
    """, threads=4)
    for _ in range(4):
        worker.channel.begin()
    frames = [worker.channel.frame() for _ in range(8)]
    assert len({payload for kind, _, _, payload in frames if kind != RESPONSE}) == 4


def test_many_requests_in_one_send(start):
    worker = start("""
        def app(environ, start_response):
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode()]
    """)
    for slot in range(200):
        worker.channel.set_state(slot, SENT)
    worker.channel.send(b"".join(worker.channel.request_frame(slot, "/%d" % slot) for slot in range(200)))
    for slot in range(200):
        assert worker.channel.finish(slot).body == b"/%d" % slot


def test_a_recalled_request_is_skipped(start):
    worker = start("def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'x']\n")
    slot = worker.channel.next_slot
    worker.channel.send(worker.channel.request_frame(slot))  # its ledger word never says `sent`
    with pytest.raises(Skipped):
        worker.channel.head(slot)


def test_a_front_that_talks_nonsense_is_cut_off(start):
    worker = start("def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'x']\n")
    worker.channel.send(struct.pack("<IBBH", 5, 99, 0, 0))
    with pytest.raises(Gone):
        worker.channel.frame()
    worker.channel = Channel(worker.link)
    assert worker.channel.get().body == b"x"


def test_drain_finishes_what_is_under_way(start):
    worker = start("""
        def app(environ, start_response):
            start_response("200 OK", [])
            for line in environ["wsgi.input"]:
                yield line
    """, threads=2)
    slot = worker.channel.begin(method="POST", end=False, length=-1)
    worker.channel.body(slot, b"one\n")
    response = worker.channel.head(slot)
    worker.channel.piece(slot, response)
    for number in (signal.SIGTERM, signal.SIGINT):  # a worker ends through its link only
        worker.signal(number)
    worker.tell("drain")
    worker.tell("status")
    assert worker.message()[0] == "status"
    queued = worker.channel.begin("/queued")
    with pytest.raises(Skipped):
        worker.channel.head(queued)
    worker.channel.body(slot, b"two\n", end=True)
    while not response.whole:
        worker.channel.piece(slot, response)
    assert response.body == b"one\ntwo\n"
    assert worker.wait() == 0


def test_a_lost_supervisor_ends_the_worker(start):
    worker = start("def app(environ, start_response): pass", threads=3)
    worker.link.close()
    assert worker.wait() == 0


def test_status(start):
    worker = start("def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'x']\n")
    worker.channel.get()
    worker.tell("status")
    assert worker.message() == ("status", {"json": '{"requests":1,"busy":0,"threads":1,"waiting":0}'})


def test_the_validator_finds_nothing(start):
    worker = start("""
        from wsgiref.validate import validator
        @validator
        def app(environ, start_response):
            lines = list(environ["wsgi.input"])
            environ["wsgi.errors"].write("fine\\n")
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            if environ["PATH_INFO"] == "/write":
                write(b"written ")
            return [b"".join(lines), b" end"]
    """)
    assert worker.channel.get("/").body == b" end"
    assert worker.channel.get("/", method="HEAD").status == 200
    assert worker.channel.post("/write", b"a\nb\n", headers=[("Content-Type", "x/y")]).body == b"written a\nb\n end"
    assert "AssertionError" not in worker.log()


def test_nothing_is_leaked(start):
    worker = start("""
        import gc, sys
        def app(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/objects":
                gc.collect()
                start_response("200 OK", [])
                return [b"%d" % sys.getallocatedblocks()]
            if path == "/raise":
                raise ValueError(path)
            write = start_response("200 OK", [("X-A", "b" * 100), ("X-Latin", "\\xe9")])
            environ["wsgi.input"].read()
            if path == "/write":
                write(b"x")
            return iter([b"a", b"b"]) if path == "/stream" else [b"a", b"b"]
    """)

    def round_of_requests(count):
        for _ in range(count):
            for path in ("/list", "/stream", "/write"):
                worker.channel.get(path, headers=[("X-Long", "v" * 200), ("Cookie", "a"), ("Cookie", "b")])
            with pytest.raises(Failed):
                worker.channel.get("/raise")
        return int(worker.channel.get("/objects").body)

    def peak_after(count):
        return round_of_requests(count), worker.rss()

    blocks, rss = peak_after(500)
    more_blocks, more_rss = peak_after(2500)
    assert abs(more_blocks - blocks) < 200, "10,000 requests left %d blocks" % (more_blocks - blocks)
    if not asan_environment():  # which keeps freed memory for a while
        assert more_rss - rss < 1 << 20


def test_an_interpreter_of_a_virtual_environment(start, tmp_path):
    subprocess.run([INTERPRETER, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    package = next((tmp_path / "venv/lib").glob("python3*/site-packages"))
    (package / "only_here.py").write_text("text = b'from the venv'\n")
    worker = start("""
        import only_here
        def app(environ, start_response):
            start_response("200 OK", [])
            return [only_here.text]
    """, interpreter=str(tmp_path / "venv/bin/python"))
    assert worker.channel.get().body == b"from the venv"
