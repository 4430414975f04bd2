"""Workers are replaced and generations take over while requests come: recycling, hangs, memory, reload, pause, and a
new database server. Nothing of that loses a request."""
import json
import threading

import pytest

from harness import SteadyLoad, Trimaran, eventually
from harness.programs import programs

LIBFOOBAR = programs().parent / "examples/libfoobar.so"

# What each test needs of an application, by path.
APP = '''
import os, threading
held = []

def grow():  # behind the answer: who is ended at once for it must not take the request to the next worker
    while not os.path.exists("grow"):
        threading.Event().wait(0.01)
    held.append(bytearray(256 << 20))

def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = str(os.getpid()).encode()
    if path == "/hang":
        threading.Event().wait()
    while path == "/hold" and not os.path.exists("released"):
        threading.Event().wait(0.01)
    if path == "/grow":
        threading.Thread(target=grow, daemon=True).start()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''


def site_with(**app):
    return Trimaran(files={"app.py": APP}, tables={"app": {"run": "wsgi:app:application", "workers": 2} | app})


def ask(site, path):
    """With patience for what waits."""
    with site.http() as client:
        return client.get(path)


def workers(site):
    return {s["pid"] for s in site.services("app")}


def all_serve(site, count):
    """The worker pids, once there are exactly so many and all of them serve."""
    found = []

    def look():
        services = site.services("app")
        found[:] = {s["pid"] for s in services}
        return len(services) == count and all(s["state"] == "serving" for s in services)
    eventually(look)
    return set(found)


def change(site, old, new):
    text = site.config.read_text()
    assert old in text
    site.config.write_text(text.replace(old, new))
    return site.command("reload").stdout


def generations(site):
    return site.status()["sites"][0]["app"]["generations"]


def test_a_worker_is_replaced_after_max_requests_and_no_request_notices():
    with site_with(max_requests=100) as site:
        before = all_serve(site, 2)
        with SteadyLoad(site.http_port, targets=["/app"], rate=200) as load:
            eventually(lambda: not before & workers(site))
            load.wait_for(50)
        load.assert_perfect()
        site.wait_for_line(r"is replaced: it has served (9\d|100) requests")


def test_a_native_worker_is_replaced_after_max_requests_too():
    with Trimaran(files={"libfoobar.so": LIBFOOBAR.read_bytes()},
                  tables={"app": {"run": "native:libfoobar.so", "workers": 1, "max_requests": 50}}) as site:
        before = all_serve(site, 1)
        with SteadyLoad(site.http_port, targets=["/posts"], rate=100) as load:
            eventually(lambda: not before & workers(site))
            load.wait_for(50)
        load.assert_perfect()


def test_a_worker_is_replaced_after_its_lifetime():
    with site_with(max_lifetime="1s") as site:
        before = all_serve(site, 2)
        with SteadyLoad(site.http_port, targets=["/app"], rate=100) as load:
            eventually(lambda: not before & workers(site))
            load.wait_for(50)
        load.assert_perfect()
        site.wait_for_line(r"is replaced: its lifetime is over")


def test_a_worker_that_hangs_is_replaced_with_a_traceback_and_only_its_request_fails():
    with site_with(workers=1, threads=2, timeout="6s") as site:
        old = all_serve(site, 1)
        answers = []
        with SteadyLoad(site.http_port, targets=["/app"], rate=100) as load:
            hanging = threading.Thread(target=lambda: answers.append(ask(site, "/hang").status))
            hanging.start()
            hanging.join()
            eventually(lambda: not old & {s["pid"] for s in site.services("app") if s["state"] == "serving"})
            load.wait_for(50)
        load.assert_perfect()
        assert answers == [504]
        site.wait_for_line(r"is replaced: it let a request run into its timeout: .*/hang")
        site.wait_for_line(r"app foobar\.com/1 did not finish in time and was killed")
        site.wait_for_line(r'app foobar\.com/1 \|   File ".*app\.py", line \d+ in application')


@pytest.mark.parametrize("limit", ["memory_soft", "memory_hard"])
def test_a_worker_that_grows_beyond_its_limit_is_replaced(limit):
    with site_with(**{limit: "200M"}) as site:
        before = all_serve(site, 2)
        with SteadyLoad(site.http_port, targets=["/app"], rate=50) as load:
            grown = int(site.get("/grow").body)
            (site.path / "grow").touch()
            eventually(lambda: grown not in workers(site))
            load.wait_for(50)
        if limit == "memory_soft":
            load.assert_perfect()
        after = all_serve(site, 2)
        assert len(before & after) == 1, "the other one has done nothing wrong"
        site.wait_for_line(rf"is replaced: it uses \d+ MiB, more than {limit} \(200 MiB\)")


def test_a_reload_changes_the_number_of_workers_and_touches_no_other_process():
    with site_with() as site:
        before = all_serve(site, 2)
        front = site.pid("front")
        with SteadyLoad(site.http_port, targets=["/app"], rate=100) as load:
            change(site, "workers = 2", "workers = 4")
            assert before < all_serve(site, 4)
            change(site, "workers = 4", "workers = 1")
            assert all_serve(site, 1) < before
            load.wait_for(50)
        load.assert_perfect()
        assert site.pid("front") == front
        assert [g["generation"] for g in generations(site)] == [1]


def test_a_reload_of_the_application_is_a_new_generation_and_no_request_notices():
    with site_with() as site:
        before = all_serve(site, 2)
        with SteadyLoad(site.http_port, targets=["/app"], rate=100) as load:
            for threads in (2, 3, 4):
                change(site, f"workers = {2}" if threads == 2 else f"threads = {threads - 1}",
                       "workers = 2\nthreads = 2" if threads == 2 else f"threads = {threads}")
                load.wait_for(30)
        load.assert_perfect()
        assert not before & all_serve(site, 2)
        assert [(g["generation"], g["share"]) for g in generations(site)] == [(4, 100)]


def test_workers_follow_the_load():
    with site_with(workers=1, workers_max=3) as site:
        all_serve(site, 1)
        held = [threading.Thread(target=ask, args=(site, "/hold")) for _ in range(3)]
        for thread in held:
            thread.start()
        all_serve(site, 3)
        (site.path / "released").touch()
        for thread in held:
            thread.join()


def test_requests_wait_while_the_site_is_paused():
    with site_with() as site:
        with SteadyLoad(site.http_port, targets=["/app"], rate=40, connections=4) as load:
            load.wait_for(20)
            assert "wait" in site.command("pause").stdout
            assert site.command("status", check=False).returncode == 4
            assert "paused" in site.command("status", check=False).stdout
            began = load.requests
            asked = threading.Thread(target=ask, args=(site, "/app"))
            asked.start()
            eventually(lambda: queued(site) >= 4)
            assert load.requests <= began + 4, "only what was under way is answered"
            assert "go on" in site.command("resume", "foobar.com").stdout
            asked.join()
            load.wait_for(50)
        load.assert_perfect()


def queued(site):
    done = site.command("status", "--json", check=False)
    return json.loads(done.stdout)["front"]["apps"]["foobar.com"]["queued"]


def test_pause_of_a_site_that_is_not_there_fails():
    with site_with(workers=1) as site:
        for named in (["bar.com"], ["--site", "bar.com"]):
            done = site.command("pause", *named, check=False)
            assert done.returncode == 1
            assert "no site bar.com has an application" in done.stderr


def test_every_verb_about_a_site_takes_its_name_in_the_same_way():
    """`pause DOMAIN`, but `deploy --site DOMAIN`: whoever had learnt one verb was refused by the other."""
    with site_with(workers=1) as site:
        assert "requests for the application wait" in site.command("pause", "--site", "foobar.com").stdout
        assert "requests go on" in site.command("resume", "--site", "foobar.com").stdout
        assert "foobar.com." in site.command("dns", "show", "--site", "foobar.com").stdout
        done = site.command("dns", "show", "--site", "bar.com", check=False)
        assert done.returncode == 2 and not done.stdout
        assert done.stderr == "error: there is no site bar.com; the sites are: foobar.com\n"


# Reads and writes on one connection that it keeps, and opens a new one when the server has gone, as frameworks do.
DATABASE_APP = '''
import os, urllib.parse
import pymysql

URL = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
connection = None

def connect():
    return pymysql.connect(user=URL.username, database=URL.path[1:], autocommit=True,
                           unix_socket=urllib.parse.parse_qs(URL.query)["unix_socket"][0])

def application(environ, start_response):
    global connection
    connection = connection or connect()
    connection.ping(reconnect=True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS visits (n INT AUTO_INCREMENT PRIMARY KEY)")
        cursor.execute("INSERT INTO visits VALUES ()")
        cursor.execute("SELECT COUNT(*) FROM visits")
        body = str(cursor.fetchone()[0]).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''


def test_db_restart_under_load_loses_no_request():
    with Trimaran(files={"app.py": DATABASE_APP}, tables={"app": {"run": "wsgi:app:application", "workers": 2},
                                                          "database": {"engine": "mariadb"}}) as site:
        old, before = site.pid("mariadbd"), workers(site)
        with SteadyLoad(site.http_port, targets=["/app"], rate=50) as load:
            load.wait_for(20)
            assert "mariadbd was restarted" in site.command("db", "restart").stdout
            load.wait_for(50)
        load.assert_perfect()
        assert site.pid("mariadbd") != old
        assert workers(site) == before


def test_db_restart_without_a_server_fails():
    with site_with(workers=1) as site:
        done = site.command("db", "restart", check=False)
        assert done.returncode == 1
        assert "no database server runs here" in done.stderr
