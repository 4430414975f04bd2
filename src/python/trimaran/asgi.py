"""Runs an ASGI application: its lifespan, its event loop, and the worker (_trimaran.AsgiWorker) inside that loop."""

import asyncio
import base64
import gc
import hashlib
import os
import sys
import traceback

import _trimaran
from trimaran.child import end_child
from trimaran.errors import one_line, report, write_stderr
from trimaran.health import Unhealthy, ask_asgi
from trimaran.lifespan import Lifespan, StartupFailed

SPECIFICATION = {"version": "3.0", "spec_version": "2.4"}
CLOSE_WAIT_S = 10  # for a client's answer to our close frame, and for its reading of what was said before
PLAIN_CREATE_TASK = asyncio.BaseEventLoop.create_task  # read before an application can replace it
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key.encode("latin-1") + WEBSOCKET_GUID).digest())


def scopes():
    """What every scope of the two types has."""
    common = {"asgi": SPECIFICATION, "root_path": ""}
    return (
        {"type": "http", **common, "extensions": {"http.response.pathsend": {}}},
        {"type": "websocket", **common, "extensions": {"websocket.http.response": {}}},
    )


def new_loop():
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def plain_task(loop):
    """The class that loop.create_task() calls while nobody has set a task factory; None: it has its own way."""
    plain = [PLAIN_CREATE_TASK]
    if uvloop := sys.modules.get("uvloop"):  # None for one that must not be imported
        plain.append(uvloop.loop.Loop.create_task)  # of the class in C, which nobody can change
    replaced = "create_task" in getattr(loop, "__dict__", ())
    return asyncio.Task if not replaced and getattr(type(loop), "create_task", None) in plain else None


def make_wait(loop):
    """A function that makes futures which are done after CLOSE_WAIT_S, or before, by whoever holds one."""

    def expire(future):
        if not future.done():
            future.set_result(None)

    def wait():
        future = loop.create_future()
        timer = loop.call_later(CLOSE_WAIT_S, expire, future)
        future.add_done_callback(lambda _: timer.cancel())
        return future

    return wait


async def serve(worker, application, health):
    """Until the worker drains. Raises what keeps the application from starting."""
    loop = asyncio.get_running_loop()
    http, websocket = scopes()
    lifespan = Lifespan(application, SPECIFICATION)
    await lifespan.start()
    try:
        if health:
            await ask_asgi(application, health, http, lifespan.state)
        # What is loaded now stays for ever: no collection needs to look at it again.
        gc.collect()
        gc.freeze()
        drained = asyncio.Event()
        worker.start(application=application, loop=loop, http=http, websocket=websocket, state=lifespan.state,
                     report=report, accept_key=accept_key, make_wait=make_wait(loop),
                     cancelled_error=asyncio.CancelledError, drained=drained.set, plain_task=plain_task(loop),
                     end_child=end_child)
        loop.add_reader(worker.fileno(), worker.poll)
        worker.ready()
        await drained.wait()
        loop.remove_reader(worker.fileno())
    finally:
        await lifespan.stop()


def end(loop):
    """As asyncio.run() does: what the application left running is cancelled and heard out."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    asyncio.set_event_loop(None)
    loop.close()


def run(get_application, health):
    """The whole life of the worker; its exit code."""
    worker = _trimaran.connect_asgi()
    pid = os.getpid()
    os.register_at_fork(after_in_child=worker.after_fork_in_child)
    loop = None
    try:
        application = get_application()
        loop = new_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve(worker, application, health))
    except (Unhealthy, StartupFailed) as answer:  # no traceback: the application said so itself
        write_stderr("error %s\n" % answer)
        worker.failed(str(answer))
        return 1
    except BaseException as exception:  # also SystemExit: the reason must reach the supervisor
        if os.getpid() != pid:
            end_child(exception)
        traceback.print_exc()
        worker.failed(one_line(exception))
        return 1
    finally:
        if loop:
            end(loop)
    return 0
