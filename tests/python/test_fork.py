"""An application that forks: what the worker has with its fronts stays the worker's alone."""

import os
import signal

import pytest
from fake_front import Gone

FORKS = """
    import os, sys
    def in_the_child(how):
        if how == "exit":
            sys.exit(7)
        if how == "nothing":
            sys.exit()
        if how == "words":
            sys.exit("some words")
        if how == "raise":
            raise ValueError("of the child")
        if how == "interrupt":
            raise KeyboardInterrupt
        return b"this was said by the child"
    def fork(how):
        if how == "/":
            return str(os.getpid()).encode()
        child = os.fork()
        if not child:
            return in_the_child(how[1:])
        return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode()
    def wsgi(environ, start_response):
        start_response("200 OK", [])
        return [fork(environ["PATH_INFO"])]
    def generator(environ, start_response):
        start_response("200 OK", [])
        yield fork(environ["PATH_INFO"])
    async def asgi(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": fork(scope["path"])})
"""
KINDS = {"wsgi": {}, "generator": {"TRIMARAN_THREADS": "4"}, "asgi": {"TRIMARAN_KIND": "asgi"}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_that_comes_out_of_the_application_ends_and_never_answers(start, kind):
    worker = start(FORKS, app="app:" + kind, environment=KINDS[kind])
    codes = {"exit": 7, "nothing": 0, "words": 1, "raise": 1, "interrupt": 1, "return": 1}
    for how, code in codes.items():
        assert worker.channel.get("/" + how, method="POST").body == b"%d" % code, how
        for _ in range(5):  # each of them once went to the worker or to the child
            assert worker.channel.get("/").body == b"%d" % worker.process.pid
    for words in ("some words", "ValueError: of the child", "KeyboardInterrupt"):
        worker.wait_for_log(words)


@pytest.mark.parametrize("kind", ["wsgi", "generator"])
def test_a_child_that_returns_is_the_application_s_mistake_and_told(start, kind):
    worker = start(FORKS, app="app:" + kind, environment=KINDS[kind])
    worker.channel.get("/return")
    worker.wait_for_log("a process that the application forked came back from it into the worker and is ended")


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_the_request_is_not_the_child_s(start, kind):
    worker = start("""
        import os
        def wsgi(environ, start_response):
            if not (child := os.fork()):
                for use in (environ["wsgi.input"].read, lambda: start_response("500 No", [])):
                    try:
                        use()
                    except RuntimeError as error:
                        print("refused:", error)
                os._exit(5)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            start_response("200 OK", [])
            return [str(code).encode() + environ["wsgi.input"].read()]
        async def asgi(scope, receive, send):
            assert scope["type"] == "http"
            if not (child := os.fork()):
                for use in (receive, lambda: send({"type": "http.response.start", "status": 500})):
                    try:
                        await use()
                    except RuntimeError as error:
                        print("refused:", error)
                os._exit(5)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": str(code).encode() + (await receive())["body"]})
    """, app="app:" + kind, environment=KINDS[kind])
    assert worker.channel.post("/", b" and the body").body == b"5 and the body"
    worker.wait_for_log("refused: this process was forked by the application: the request is the worker's", times=2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_that_lives_on_hides_no_death_of_its_worker(start, kind):
    worker = start("""
        import os, signal
        def fork(how):
            if how == "/die":
                os._exit(0)
            if not (child := os.fork()):
                os.setsid()
                os.closerange(0, 3)
                signal.pause()
            return str(child).encode()
        def wsgi(environ, start_response):
            start_response("200 OK", [])
            return [fork(environ["PATH_INFO"])]
        def generator(environ, start_response):
            start_response("200 OK", [])
            yield fork(environ["PATH_INFO"])
        async def asgi(scope, receive, send):
            assert scope["type"] == "http"
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": fork(scope["path"])})
    """, app="app:" + kind, environment=KINDS[kind])
    child = int(worker.channel.get().body)
    try:
        worker.channel.begin("/die")
        with pytest.raises((Gone, ConnectionResetError)):
            worker.channel.frame()
        assert worker.message() is None
        assert worker.wait() == 0
    finally:
        os.kill(child, signal.SIGKILL)
