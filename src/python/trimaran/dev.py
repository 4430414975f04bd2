"""[app] dev: an exception that the application does not catch is shown in the browser. Never loaded outside of it."""

import html
import traceback

from trimaran.errors import one_line, report
from trimaran.files import FileWrapper

TYPE = "text/html; charset=utf-8"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>%s</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}h1{font-size:1.3rem;overflow-wrap:anywhere}
pre{background:#f4f4f6;padding:1rem;overflow-x:auto;line-height:1.4}</style>
<h1>%s</h1>
<p>%s %s</p>
<pre>%s</pre>
<p>Shown because of <code>dev = true</code> in the site file.</p>
</html>
"""


def page(exception, method, path):
    """The traceback as HTML. All of it is text of strangers: escaped."""
    story = "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))
    line = html.escape(one_line(exception))
    text = PAGE % (line, line, html.escape(method), html.escape(path), html.escape(story))
    return text.encode("utf-8", "backslashreplace")


def headers(body):
    return [("Content-Type", TYPE), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]


def guard_wsgi(application):
    def answer(environ, start_response, exception):
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        body = page(exception, method, path)
        # Raises the exception when the answer has begun: then it goes its usual way.
        start_response("500 Internal Server Error", headers(body),
                       (type(exception), exception, exception.__traceback__))
        report(exception, method, path)
        return body

    class Body:
        """A body whose parts are made while it is sent."""

        def __init__(self, result, environ, start_response):
            self.parts, self.environ, self.start_response = iter(result), environ, start_response
            if hasattr(result, "close"):
                self.close = result.close

        def __iter__(self):
            return self

        def __next__(self):
            try:
                return next(self.parts)
            except StopIteration:
                raise
            except Exception as exception:
                self.parts = iter(())
                return answer(self.environ, self.start_response, exception)

    def guarded(environ, start_response):
        try:
            result = application(environ, start_response)
            if type(result) in (list, tuple, FileWrapper):
                return result
            return Body(result, environ, start_response)
        except Exception as exception:
            return [answer(environ, start_response, exception)]

    return guarded


def guard_asgi(application):
    async def guarded(scope, receive, send):
        begun = False

        async def watched(message):
            nonlocal begun
            begun = True
            await send(message)

        try:
            await application(scope, receive, watched)
        except Exception as exception:
            if begun or scope["type"] != "http":
                raise
            report(exception, scope["method"], scope["path"])
            body = page(exception, scope["method"], scope["path"])
            fields = [(name.lower().encode(), value.encode()) for name, value in headers(body)]
            await send({"type": "http.response.start", "status": 500, "headers": fields})
            await send({"type": "http.response.body", "body": body})

    return guarded
