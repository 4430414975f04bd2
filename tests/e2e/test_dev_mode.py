"""[app] dev = true: an edit is loaded at once, and what is wrong with it is shown. Never outside of it."""
import pytest

from harness import RawHttp, Trimaran, eventually

APP = '''
def application(environ, start_response):
    if environ["PATH_INFO"] == "/fail":
        raise ValueError("<script>alert(1)</script> of " + environ["QUERY_STRING"])
    if environ["PATH_INFO"] == "/late":
        return broken_parts(start_response)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"VER"]

def broken_parts(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise KeyError("late")
    yield b""
'''
ASGI = '''
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    raise ValueError("<b>asgi</b>")
'''


def dev_site(app=APP, run="wsgi:app:application", dev=True):
    return Trimaran(files={"app.py": app.replace("VER", "one")},
                    tables={"app": {"run": run, "workers": 1, "dev": dev}})


def get(site, target="/page"):  # "/" is public/index.html
    with RawHttp(site.http_port) as client:
        return client.get(target)


def test_an_edit_is_loaded_without_a_reload():
    with dev_site() as site:
        assert get(site).body == b"one"
        site.site.write("app.py", APP.replace("VER", "two"))
        eventually(lambda: get(site).body == b"two")
        site.wait_for_line(r"app.py has changed: starting foobar.com with it")


@pytest.mark.parametrize("edit, error", [
    ("import nothing_of_that_name\n", b"ModuleNotFoundError: No module named &#39;nothing_of_that_name&#39;"),
    ("def application(<b>\n", b"SyntaxError"),
    ("raise ValueError('<script>alert(1)</script>')\n", b"ValueError: &lt;script&gt;"),
])
def test_a_broken_edit_shows_its_traceback_until_the_next_good_one(edit, error):
    with dev_site() as site:
        assert get(site).body == b"one"
        site.site.write("app.py", edit)
        eventually(lambda: get(site).status == 503)
        for _ in range(3):  # it stays, also while the start is tried again
            response = get(site)
            assert response.status == 503
            assert error in response.body, response.body
            assert b"Traceback (most recent call last)" in response.body and b"app.py" in response.body
            assert b"dev = true" in response.body
            assert b"<b>" not in response.body and b"<script>" not in response.body
        assert response.headers["content-type"].startswith("text/html")
        assert response.headers["cache-control"] == "no-store"
        assert get(site, "/").status == 200  # files need no application
        site.site.write("app.py", APP.replace("VER", "two"))
        eventually(lambda: get(site).body == b"two")


def test_the_traceback_of_a_broken_edit_outlives_an_upgrade():
    """The new program knew the reason, and not what the worker had written last."""
    with dev_site() as site:
        site.site.write("app.py", "import nothing_of_that_name\n")
        eventually(lambda: b"Traceback" in get(site).body)
        site.command("upgrade")
        page = get(site)
        assert page.status == 503
        assert b"Traceback (most recent call last)" in page.body and b"nothing_of_that_name" in page.body
        site.site.write("app.py", APP.replace("VER", "two"))
        eventually(lambda: get(site).body == b"two")


def test_a_broken_edit_of_an_asgi_application_too():
    with dev_site(ASGI, "asgi:app:application") as site:
        site.site.write("app.py", "import nothing_of_that_name\n")
        eventually(lambda: b"nothing_of_that_name" in get(site).body)
        assert b"Traceback" in get(site).body
        site.site.write("app.py", ASGI)
        eventually(lambda: b"&lt;b&gt;asgi" in get(site).body)


def test_a_request_under_way_outlives_an_edit():
    slow = APP.replace("VER", "one").replace("def application(environ, start_response):", """
import time
def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        print("slow began", file=environ["wsgi.errors"])
        time.sleep(3)
        environ["PATH_INFO"] = "/page"
""", 1)
    with dev_site(slow) as site, RawHttp(site.http_port) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: foobar.com\r\n\r\n")
        site.wait_for_line("slow began")
        site.site.write("app.py", APP.replace("VER", "two"))
        eventually(lambda: get(site).body == b"two")
        assert client.read_response().body == b"one"


def test_an_application_that_cannot_be_started_says_why_in_the_browser():
    with dev_site("import <b>nothing</b>\n") as site:
        response = get(site)
        assert response.status == 503
        assert b"SyntaxError" in response.body and b"Traceback" in response.body
        site.site.write("app.py", APP.replace("VER", "two"))
        eventually(lambda: get(site).body == b"two")


@pytest.mark.parametrize("target, error", [("/fail?q", b"ValueError"), ("/late", b"KeyError")])
def test_an_exception_is_a_readable_page_and_a_line_in_the_log(target, error):
    with dev_site() as site:
        response = get(site, target)
        assert response.status == 500
        assert error in response.body and b"app.py" in response.body
        assert b"<script>" not in response.body
        site.wait_for_line("Traceback")
        assert get(site).body == b"one"


def test_an_asgi_application_too():
    with dev_site(ASGI, "asgi:app:application") as site:
        response = get(site)
        assert response.status == 500
        assert b"ValueError" in response.body and b"<b>asgi" not in response.body


@pytest.mark.parametrize("app, run", [(APP, "wsgi:app:application"), (ASGI, "asgi:app:application")])
def test_outside_of_it_visitors_learn_nothing(app, run):
    with dev_site(app, run, dev=False) as site:
        response = get(site, "/fail")
        assert response.status == 500
        assert b"ValueError" not in response.body and b"app.py" not in response.body


def test_outside_of_it_a_broken_application_says_nothing_to_visitors():
    with dev_site("import nothing_of_that_name\n", dev=False) as site:
        response = get(site)
        assert response.status == 503
        assert b"nothing_of_that_name" not in response.body and b"Traceback" not in response.body


def test_outside_of_it_an_edit_changes_nothing_and_a_broken_reload_leaves_the_old_one():
    with dev_site(dev=False) as site:
        site.site.write("app.py", "import nothing_of_that_name\n")
        assert get(site).body == b"one"
        site.site.configure({"app": {"threads": 2}})  # other processes: the reload has to start them
        assert site.command("reload", check=False).returncode != 0
        assert get(site).body == b"one"
