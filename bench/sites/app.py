"""The applications of the benchmark: a bare hello, and a small page with about 10 us of Python in it."""
import json
import re
from urllib.parse import parse_qs


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"Hello, world\n"]


ROUTES = [(re.compile(r"^/users/(\d+)$"), "user"), (re.compile(r"^/posts/(\d+)/comments$"), "comments"),
          (re.compile(r"^/items/(\w+)$"), "items")]


def page(environ, start_response):
    path = environ["PATH_INFO"]
    kind = next((name for pattern, name in ROUTES if pattern.match(path)), "none")
    query = parse_qs(environ["QUERY_STRING"])
    body = json.dumps({"kind": kind, "query": query,
                       "items": [{"id": i, "name": f"item {i}", "price": i * 100} for i in range(20)]}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
