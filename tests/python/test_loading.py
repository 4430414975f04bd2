"""How TRIMARAN_APP becomes an application, and how a worker says that it does not."""

import pytest

SOURCE = """
def answer(text):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [text]
    return application
application = answer(b"default")
class Site:
    wsgi = staticmethod(answer(b"dotted"))
def create_app():
    return answer(b"factory")
number = 7
"""


@pytest.mark.parametrize("app, body", [
    ("app:application", b"default"), ("app", b"default"), ("app:Site.wsgi", b"dotted"),
    ("app:create_app()", b"factory"),
])
def test_the_application_is_found(start, app, body):
    assert start(SOURCE, app=app).channel.get().body == body


@pytest.mark.parametrize("source, app, reason", [
    ("", "nowhere:app", "ModuleNotFoundError: No module named 'nowhere'"),
    ("", "app:app", "AttributeError: module 'app' has no attribute 'app'"),
    (SOURCE, "app:number", "TypeError: app:number is not callable"),
    (SOURCE, "app:number()", "TypeError: 'int' object is not callable"),
    ("import nothing_like_it", "app:app", "ModuleNotFoundError: No module named 'nothing_like_it'"),
    ("1 +", "app:app", "SyntaxError: invalid syntax"),
    ("raise SystemExit(0)", "app:app", "SystemExit: 0"),
    ("raise OSError('no file /\\udcff\\0')", "app:app", r"OSError: no file /\udcff "),
    ("", "", "ValueError"),
])
def test_an_application_that_cannot_be_loaded(start, source, app, reason):
    worker = start(source, app=app, wait_ready=False)
    verb, fields = worker.message()
    assert verb == "failed"
    assert reason in fields["reason"]
    assert "\n" not in fields["reason"]
    assert worker.wait() == 1
    assert "Traceback" in worker.log() and reason.split(":")[0] in worker.log()


def test_no_name_of_the_application_is_hidden_by_ours(start):
    worker = start("""
        import os, sys
        def app(environ, start_response):
            start_response("200 OK", [])
            good = sys.path[0] == os.getcwd() and "" not in sys.path and "trimaran" in os.listdir(sys.path[-1])
            return [b"%d" % good]
    """)
    assert worker.channel.get().body == b"1"
