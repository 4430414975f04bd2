"""The health path ([app] health) is asked before the worker says that it is ready."""

import pytest

HEALTHY = """
def app(environ, start_response):
    good = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], environ["HTTP_HOST"]) == (
        "GET", "/he alth", "deep=1", "foobar.com") and environ["wsgi.input"].read() == b""
    start_response("200 OK" if good else "500 Wrong", [("Content-Type", "text/plain")])
    return [b"ok"]
"""


def started(start, source, health, **options):
    return start(source, environment={"TRIMARAN_HEALTH": health}, **options)


def test_a_healthy_application_is_ready(start):
    started(start, HEALTHY, "/he%20alth?deep=1")


def test_without_a_health_path_nothing_is_asked(start):
    started(start, "def app(environ, start_response):\n    raise SystemExit(3)\n", "")


@pytest.mark.parametrize("line, reason", [
    ("start_response('503 Sick', []); return [b'no']", "the health check /health answered 503"),
    ("start_response('404 Not Found', []); return []", "the health check /health answered 404"),
    ("return []", "the health check /health was not answered"),
    ("raise RuntimeError('the mast broke')", "RuntimeError: the mast broke"),
    ("start_response('200 OK', []); yield b'half'; raise RuntimeError('late')", "RuntimeError: late"),
])
def test_an_unhealthy_one_is_not_and_says_why(start, line, reason):
    worker = started(start, "def app(environ, start_response):\n    " + line + "\n", "/health", wait_ready=False)
    assert worker.message() == ("failed", {"reason": reason})
    assert worker.wait() == 1
    assert reason in worker.log()
    assert ("Traceback" in worker.log()) == ("Error" in reason)


def test_the_answer_of_a_healthy_one_is_closed(start):
    worker = started(start, """
        class Body:
            def __iter__(self):
                return iter([b"part"] * 3)
            def close(self):
                print("closed", flush=True)
        def app(environ, start_response):
            start_response("204 No Content", [])
            return Body()
    """, "/health")
    assert worker.stop() == 0
    assert "closed" in worker.log()
