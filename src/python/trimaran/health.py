"""Asks the application for its health path ([app] health) before the worker counts as ready.

In the worker's own process and thread, without a socket: what is proved is that this worker can answer. A request
through the front was rejected: it would reach any worker, also one of the old generation. ask() is for WSGI, ask_asgi()
for ASGI.
"""

import asyncio
import io
import os
from urllib.parse import unquote_to_bytes

BODY_MAX = 1 << 20  # bytes of the answer that are read; a health page has a few


class Unhealthy(Exception):
    """The application answered, and the answer is no."""


def check(path, code):
    """`code` is the status; None: there was none."""
    if code is None:
        raise Unhealthy("the health check %s was not answered" % path)
    if code >= 400:
        raise Unhealthy("the health check %s answered %s" % (path, code))


def site_name():
    """What the request names as its host: frameworks refuse hosts that are not theirs."""
    return os.environ.get("TRIMARAN_SITE", "") or "localhost"


def environ_of(path, base):
    raw, _, query = path.partition("?")
    site = site_name()
    return base | {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": path,
        "RAW_URI": path,
        "SERVER_NAME": site,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "HTTP_HOST": site,
        "HTTP_USER_AGENT": "trimaran-health",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }


def ask(application, path, base):
    """Returns when the application is healthy; raises Unhealthy, or what the application raises."""
    status = ""

    def start_response(line, headers, exc_info=None):
        nonlocal status
        status = line
        return lambda data: None

    body = application(environ_of(path, base), start_response)
    try:
        # To its end: a generator calls start_response late, and may fail later.
        size = 0
        for part in body:
            size += len(part)
            if size > BODY_MAX:
                break
    finally:
        if hasattr(body, "close"):
            body.close()
    code = status[:3]
    check(path, int(code) if code.isdigit() else None)


def scope_of(path, base, state):
    raw, _, query = path.partition("?")
    site = site_name()
    scope = base | {
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", site.encode()), (b"user-agent", b"trimaran-health")],
        "client": ("127.0.0.1", 0),
        "server": (site, 80),
    }
    return scope if state is None else scope | {"state": state.copy()}


async def ask_asgi(application, path, base, state):
    """Returns when the application is healthy; raises Unhealthy, or what the application raises."""
    events = asyncio.Queue()
    events.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    status = None
    size = 0

    async def send(event):
        nonlocal status, size
        if event["type"] == "http.response.start":
            status = event["status"]
        elif not event.get("more_body"):
            events.put_nowait({"type": "http.disconnect"})
        size += len(event.get("body", b""))
        if size > BODY_MAX:
            raise Unhealthy("the health check %s never ends" % path)

    await application(scope_of(path, base, state), events.get, send)
    check(path, status)
