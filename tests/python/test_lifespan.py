"""The lifespan protocol of ASGI, and the health check of an ASGI application."""

import pytest

KIND = {"TRIMARAN_KIND": "asgi"}
APP = """
import asyncio
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        %s
        assert (await receive())["type"] == "lifespan.shutdown"
        print("shut down")
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200})
    scope["state"]["mine"] = 1
    await send({"type": "http.response.body", "body": repr(scope["state"]).encode()})
"""


def test_startup_comes_before_ready_and_its_state_is_in_every_scope(start):
    worker = start(APP % """scope["state"]["pool"] = "open"; print("started up")
        await send({"type": "lifespan.startup.complete"})""", environment=KIND)
    worker.wait_for_log("started up")
    for _ in range(2):  # a copy for each request
        assert worker.channel.get().body == b"{'pool': 'open', 'mine': 1}"
    worker.tell("drain")
    assert worker.wait() == 0
    assert "shut down" in worker.log()


def test_a_startup_that_fails_is_failed_with_its_message(start):
    worker = start(APP % """await send({"type": "lifespan.startup.failed", "message": "no pool"}); return""",
                   environment=KIND, wait_ready=False)
    assert worker.message() == ("failed", {"reason": "no pool"})
    assert worker.wait() == 1
    assert "Traceback" not in worker.log()


def test_an_application_that_goes_on_after_a_failed_startup_is_failed_all_the_same(start):
    """The supervisor once heard only that it "was not ready in time"."""
    worker = start(APP % """await send({"type": "lifespan.startup.failed", "message": "no pool"})
        await asyncio.sleep(600)""", environment=KIND, wait_ready=False)
    assert worker.message() == ("failed", {"reason": "no pool"})
    assert worker.wait() == 1


def test_an_application_that_goes_on_after_its_shutdown_is_cancelled(start):
    worker = start(APP.replace("return\n", "await asyncio.sleep(600)\n") %
                   """await send({"type": "lifespan.startup.complete"})""", environment=KIND)
    worker.tell("drain")
    assert worker.wait() == 0
    assert "shut down" in worker.log()


@pytest.mark.parametrize("how", ["return", "raise ValueError('what is this?')"])
def test_an_application_without_lifespan_is_served(start, how):
    worker = start("""
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                %s
            assert "state" not in scope
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"served"})
    """ % how, environment=KIND)
    assert worker.channel.get().body == b"served"
    worker.tell("drain")
    assert worker.wait() == 0


def test_a_lifespan_that_breaks_later_is_logged(start):
    worker = start(APP % """await send({"type": "lifespan.startup.complete"}); await asyncio.sleep(0.01)
        raise RuntimeError("the pool broke")""", environment=KIND)
    worker.wait_for_log("error the application's lifespan ended: RuntimeError: the pool broke")
    assert worker.channel.get().status == 200
    worker.tell("drain")
    assert worker.wait() == 0


def test_what_the_application_left_running_is_cancelled_at_the_end(start):
    worker = start("""
        import asyncio
        async def background():
            try:
                await asyncio.sleep(3600)
            finally:
                print("tidied up")
        async def app(scope, receive, send):
            assert scope["type"] == "http"
            app.task = asyncio.create_task(background())
            await asyncio.sleep(0)
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b""})
    """, environment=KIND)
    worker.channel.get()
    worker.tell("drain")
    assert worker.wait() == 0
    assert "tidied up" in worker.log()


def test_an_application_that_cannot_be_imported_is_failed(start):
    worker = start("raise RuntimeError('no mast')", environment=KIND, wait_ready=False)
    assert worker.message() == ("failed", {"reason": "RuntimeError: no mast"})
    assert worker.wait() == 1
    assert "Traceback" in worker.log()


@pytest.mark.parametrize("code, reason", [
    ("await send(START | {'status': 503}); await send(END)", "the health check /health answered 503"),
    ("pass", "the health check /health was not answered"),
    ("raise RuntimeError('the mast broke')", "RuntimeError: the mast broke"),
])
def test_an_unhealthy_one_is_not_ready_and_says_why(start, code, reason):
    worker = start("""
        START, END = {"type": "http.response.start", "status": 200}, {"type": "http.response.body"}
        async def app(scope, receive, send):
            assert scope["type"] == "http" and scope["path"] == "/health" and scope["query_string"] == b"deep=1"
            assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
            %s
    """ % code, environment={**KIND, "TRIMARAN_HEALTH": "/health?deep=1"}, wait_ready=False)
    verb, fields = worker.message()
    assert (verb, fields["reason"].replace("?deep=1", "")) == ("failed", reason)
    assert worker.wait() == 1


def test_a_healthy_one_is_ready(start):
    start("""
        async def app(scope, receive, send):
            assert scope["type"] == "http" and dict(scope["headers"])[b"host"] == b"foobar.com"
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
            assert (await receive())["type"] == "http.request" and (await receive())["type"] == "http.disconnect"
    """, environment={**KIND, "TRIMARAN_HEALTH": "/health"})
