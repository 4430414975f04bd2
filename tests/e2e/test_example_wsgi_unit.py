"""The Python program of examples/foobar gives what PAGES.md says, through wsgiref's validator and on both engines."""

import importlib
import io
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from harness import eventually

FOOBAR = pathlib.Path(__file__).resolve().parents[2] / "examples" / "foobar"
START_S_MAX = 120

POSTS, PRODUCTS, USERS = "/posts", "/products", "/users"
GOOD = {
    POSTS: {"title": "First", "body": "Hello"},
    PRODUCTS: {"name": "Mug", "price": "12.50"},
    USERS: {"name": "Ada", "email": "ada@example.test"},
}


class Server:
    """A private mariadbd on a unix socket, stopped and killed by its pid only."""

    def __init__(self, folder, pymysql):
        self.folder, self.pymysql, self.process = folder, pymysql, None
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        self.socket = folder / "db.sock"
        self.url = f"mysql://{user}@localhost/site?unix_socket={urllib.parse.quote(str(self.socket))}"
        self.user = user
        # A tmpdir of its own: a server that starts removes the temporary tables of all that share one.
        (folder / "tmp").mkdir()
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", f"--user={user}",
                        f"--tmpdir={folder}/tmp",
                        "--auth-root-authentication-method=socket", f"--auth-root-socket-user={user}",
                        "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=8M"],
                       check=True, capture_output=True)
        self.start()
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE site CHARACTER SET utf8mb4")

    def connect(self):
        return self.pymysql.connect(unix_socket=str(self.socket), user=self.user)

    def start(self):
        self.process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.socket}",
             f"--tmpdir={self.folder}/tmp",
             "--skip-networking", f"--user={self.user}", f"--log-error={self.folder}/log",
             f"--pid-file={self.folder}/pid", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
             "--performance-schema=OFF"])
        eventually(self.accepts, START_S_MAX)

    def accepts(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            self.connect().close()
        except self.pymysql.err.OperationalError:
            return False
        return True

    def stop(self):
        self.process.terminate()
        self.process.wait(START_S_MAX)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory):
    pymysql = pytest.importorskip("pymysql")
    if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
        pytest.skip("the package mariadb-server-core is missing")
    server = Server(tmp_path_factory.mktemp("mariadb"), pymysql)
    yield server
    server.stop()


def load(url):
    """wsgi.py as a fresh worker sees it."""
    os.environ["DATABASE_URL"] = url
    sys.path.insert(0, str(FOOBAR))
    try:
        for name in ("wsgi", "database"):
            sys.modules.pop(name, None)
        return importlib.import_module("wsgi")
    finally:
        sys.path.remove(str(FOOBAR))


class Site:
    def __init__(self, url):
        self.url = url
        self.module = load(url)
        self.log = io.StringIO()

    def request(self, method, path, body=b"", **extra):
        environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "wsgi.errors": self.log}
        if method == "POST":
            environ |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body)),
                        "wsgi.input": io.BytesIO(body)}
        environ |= extra
        setup_testing_defaults(environ)
        environ["QUERY_STRING"] = ""
        seen = []

        def start_response(status, headers, exc_info=None):
            seen.append((status, headers))

        result = validator(self.module.application)(environ, start_response)
        try:
            text = b"".join(result).decode()
        finally:
            result.close()
        (status, headers), = seen
        headers = dict(headers)
        assert int(headers["Content-Length"]) == len(text.encode())
        assert headers["Cache-Control"] == "no-store"
        return int(status[:3]), headers, text

    def post(self, path, **fields):
        return self.request("POST", path, urllib.parse.urlencode(fields).encode())

    def heads(self, path):
        return re.findall(r"<h2>(.*)</h2>\n<p class", self.request("GET", path)[2])


@pytest.fixture(params=["sqlite", "mariadb"])
def site(request, tmp_path):
    if request.param == "sqlite":
        return Site(f"sqlite:///{tmp_path}/site.db")
    server = request.getfixturevalue("mariadb")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE site")
        cursor.execute("CREATE DATABASE site CHARACTER SET utf8mb4")
    return Site(server.url)


@pytest.fixture
def sqlite_site(tmp_path):
    return Site(f"sqlite:///{tmp_path}/site.db")


def template(heading, nth=0):
    """The nth html block below a heading of PAGES.md."""
    text = (FOOBAR / "PAGES.md").read_text()
    section = re.split(r"^#+ ", text[text.index(f"# {heading}"):], maxsplit=2, flags=re.M)[1]
    return re.findall(r"```html\n(.*?)```", section, re.S)[nth]


def test_an_empty_list_is_the_page_of_pages_md(site):
    status, headers, text = site.request("GET", POSTS)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    form = template("/posts: title").format(title="", body="")
    main = f'<h1>Posts</h1>\n{form}<p class="empty">Nothing here yet.</p>\n'
    expected = template("The frame of every page").format(title="Posts", main=main)
    assert text == expected.replace('href="/posts"', 'href="/posts" aria-current="page"', 1)


@pytest.mark.parametrize("path", [POSTS, PRODUCTS, USERS])
def test_what_was_added_is_listed(site, path):
    status, headers, text = site.post(path, **GOOD[path])
    assert (status, headers["Location"], text) == (303, path, "")
    status, _, text = site.request("GET", path)
    assert status == 200
    created = re.search(r"<footer>(<time .*</time>)</footer>", text)[1]
    assert re.fullmatch(r'<time datetime="(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ">\1 \2 UTC</time>', created)
    first, second = GOOD[path].values()
    names = {POSTS: "title body", PRODUCTS: "name price", USERS: "name email"}[path].split()
    item = template(f"{path}: title", 1).replace("{time}", created).format(**dict(zip(names, (first, second))))
    assert f'<section class="list" aria-label="{path[1:].capitalize()}">\n{item}</section>\n' in text


def test_the_newest_fifty_are_listed_newest_first(site):
    for number in range(52):
        site.post(USERS, name=f"user{number}", email="a@b")
    assert site.heads(USERS) == [f"user{number}" for number in range(51, 1, -1)]


def test_what_visitors_type_is_never_markup(site):
    nasty = """<script>"it's" & more</script>"""
    escaped = "&lt;script&gt;&quot;it&#39;s&quot; &amp; more&lt;/script&gt;"
    site.post(POSTS, title=nasty, body=nasty)
    text = site.request("GET", POSTS)[2]
    assert nasty not in text and text.count(escaped) == 2
    text = site.post(POSTS, title=nasty, body="")[2]
    assert f'value="{escaped}"' in text


def test_characters_of_every_plane_come_back(site):
    site.post(POSTS, title="Grüße 你好 🛶", body="a\r\nb\rc")
    text = site.request("GET", POSTS)[2]
    assert "<h2>Grüße 你好 🛶</h2>" in text and '<p class="text">a\nb\nc</p>' in text


@pytest.mark.parametrize("path, fields, errors", [
    (POSTS, {"title": " \t\r\n", "body": ""}, ["Title must not be empty.", "Text must not be empty."]),
    (POSTS, {"title": "é" * 201, "body": "x" * 5001},
     ["Title must not be longer than 200 characters.", "Text must not be longer than 5000 characters."]),
    (POSTS, {"title": b"\xff", "body": "a\0b"}, ["Title is not valid text.", "Text is not valid text."]),
    (PRODUCTS, {"name": "x", "price": "cheap"}, ["Price must be a number like 12.50, at most 100000.00."]),
    (PRODUCTS, {"name": "x", "price": "100000.01"}, ["Price must be a number like 12.50, at most 100000.00."]),
    (PRODUCTS, {"name": "x", "price": "-1"}, ["Price must be a number like 12.50, at most 100000.00."]),
    (PRODUCTS, {"name": "x", "price": "1.234"}, ["Price must be a number like 12.50, at most 100000.00."]),
    (PRODUCTS, {"name": "x", "price": "١"}, ["Price must be a number like 12.50, at most 100000.00."]),
    (PRODUCTS, {"name": "x"}, ["Price must not be empty."]),
    (USERS, {"name": "x", "email": "nobody"}, ["Email must contain an @."]),
])
def test_a_wrong_form_is_shown_again_and_stores_nothing(site, path, fields, errors):
    status, _, text = site.post(path, **fields)
    assert status == 422
    listed = "".join(f"<li>{error}</li>\n" for error in errors)
    assert f'<ul class="errors" role="alert">\n{listed}</ul>\n<form' in text
    assert "Nothing here yet." in text


def test_what_was_typed_stays_in_a_wrong_form(site):
    text = site.post(USERS, name="  Ada  ", email="nobody")[2]
    assert 'name="name" value="Ada"' in text and 'type="email" value="nobody"' in text


@pytest.mark.parametrize("price, shown", [("0", "0.00"), ("0.5", "0.50"), ("0.05", "0.05"), ("100000", "100000.00")])
def test_prices_are_exact(site, price, shown):
    assert site.post(PRODUCTS, name="x", price=price)[0] == 303
    assert f'<p class="price">{shown}</p>' in site.request("GET", PRODUCTS)[2]


def test_the_longest_texts_fit(site):
    assert site.post(POSTS, title="🛶" * 200, body="🛶" * 4000)[0] == 303
    assert site.post(POSTS, title="t" * 200, body="b" * 5000)[0] == 303
    assert len(site.heads(POSTS)) == 2


def test_of_a_field_that_comes_twice_the_first_counts(site):
    site.request("POST", USERS, b"name=first&name=second&email=a%40b&other=1&name")
    assert site.heads(USERS) == ["first"]


def test_other_requests(sqlite_site):
    request = sqlite_site.request
    for path in ("/", "/posts/", "/nope"):
        status, _, text = request("GET", path)
        assert status == 404 and "<h1>Not found</h1>\n<p>There is no page at this address.</p>\n" in text
    status, headers, _ = request("DELETE", POSTS)
    assert (status, headers["Allow"]) == (405, "GET, HEAD, POST")
    status, headers, _ = request("POST", "/healthz")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert request("POST", POSTS, b"x" * (64 * 1024 + 1))[0] == 413
    assert request("POST", POSTS, b"{}", CONTENT_TYPE="application/json")[0] == 415
    spelled = "Application/X-WWW-Form-Urlencoded; charset=utf-8"
    assert request("POST", POSTS, b"title=a&body=b", CONTENT_TYPE=spelled)[0] == 303
    assert request("HEAD", POSTS)[0] == 200


def test_the_body_may_come_without_a_length(sqlite_site):
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert sqlite_site.request("POST", POSTS, b"title=a&body=b", **chunked)[0] == 303
    assert sqlite_site.request("POST", POSTS, b"title=" + b"a" * 65536, **chunked)[0] == 413


def test_the_health_check_asks_the_database(site):
    assert site.request("GET", "/healthz")[::2] == (200, "ok\n")


def test_a_broken_database_is_an_honest_page(tmp_path):
    (tmp_path / "site.db").write_bytes(b"this is no database" * 100)
    site = Site(f"sqlite:///{tmp_path}/site.db")
    status, headers, text = site.request("GET", POSTS)
    assert (status, headers["Retry-After"]) == (503, "2") and "<h1>Database unavailable</h1>" in text
    assert site.post(POSTS, **GOOD[POSTS])[0] == 503
    assert site.request("GET", "/healthz")[::2] == (503, "database unavailable\n")
    assert "file is not a database" in site.log.getvalue()


def test_many_workers_may_start_at_once_on_an_empty_database(site):
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import wsgi; sys.stdin.read();"
            "wsgi.application.database.read('SELECT id FROM posts'); print('ok')")
    workers = [subprocess.Popen([sys.executable, "-c", code, str(FOOBAR)], env=os.environ | {"DATABASE_URL": site.url},
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for worker in workers:
        worker.stdin.close()
    assert [worker.stdout.read() for worker in workers] == ["ok\n"] * 6
    assert [worker.wait() for worker in workers] == [0] * 6


def test_threads_have_connections_of_their_own(site):
    numbers = itertools.count()

    def add_five():
        for _ in range(5):
            site.post(USERS, name=f"n{next(numbers)}", email="a@b")

    threads = [threading.Thread(target=add_five) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(site.heads(USERS)) == sorted(f"n{number}" for number in range(20))


def test_a_restart_of_the_server_is_not_noticed(mariadb, request):
    site = Site(mariadb.url)
    before = len(site.heads(USERS))
    assert site.post(USERS, **GOOD[USERS])[0] == 303
    mariadb.stop()
    assert site.request("GET", USERS)[0] == 503 and site.post(USERS, **GOOD[USERS])[0] == 503
    mariadb.start()
    assert len(site.heads(USERS)) == before + 1
    mariadb.stop()
    mariadb.start()
    # The connection is dead and the statement was never sent: this write may go to a new one.
    assert site.post(USERS, **GOOD[USERS])[0] == 303
    assert len(site.heads(USERS)) == before + 2


def test_a_write_of_unknown_outcome_is_not_repeated(mariadb):
    site = Site(mariadb.url)
    before = len(site.heads(POSTS))
    engine = site.module.application.database.engine
    real_run = engine.run

    def kill_when_asleep():
        with mariadb.connect() as admin, admin.cursor() as cursor:
            asleep = "SELECT 1 FROM information_schema.processlist WHERE state = 'User sleep'"
            eventually(lambda: cursor.execute(asleep))
        mariadb.process.kill()

    def kill_while_the_answer_is_awaited(connection, statement, values, writes):
        if not writes:
            return real_run(connection, statement, values, writes)
        # The server sleeps inside of the statement when it is killed, and the client sees only a broken connection.
        killer = threading.Thread(target=kill_when_asleep)
        killer.start()
        try:
            return real_run(connection, statement.replace("?, ?)", "?, ? + SLEEP(60))"), values, writes)
        finally:
            killer.join()

    engine.run = kill_while_the_answer_is_awaited
    status, headers, text = site.post(POSTS, **GOOD[POSTS])
    mariadb.process.wait(START_S_MAX)
    mariadb.start()
    engine.run = real_run
    assert (status, headers["Retry-After"]) == (503, "2") and "<h1>Perhaps stored</h1>" in text
    assert len(site.heads(POSTS)) == before
