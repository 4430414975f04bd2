"""kill -9 of each process, one at a time, under load: each is back by itself. How long it took, from SIGKILL to the
first good answer, is printed (pytest -s or ./dev bench recovery); no time decides the test."""
import os
import signal
import time

import pytest

from harness import SteadyLoad, Trimaran, eventually

APP = '''
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
'''
# Asks the server something on a new connection each time.
DATABASE_APP = '''
import os, urllib.parse
import pymysql

URL = urllib.parse.urlsplit(os.environ["DATABASE_URL"])

def application(environ, start_response):
    try:
        connection = pymysql.connect(user=URL.username, database=URL.path[1:],
                                     unix_socket=urllib.parse.parse_qs(URL.query)["unix_socket"][0])
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW TABLES")
        status = "200 OK"
    except pymysql.err.OperationalError:
        status = "503 No Database"
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
'''


def recovery_site(app=APP, **tables):
    return Trimaran(files={"app.py": app, "public/a.txt": "a"},
                    tables={"app": {"run": "wsgi:app:application", "workers": 2}} | tables)


@pytest.fixture
def site():
    with recovery_site() as running:
        yield running


def kill9(site, service, name, answers):
    """Kills it; waits for the first good answer, `answers()`, and until another one of that name serves."""
    os.kill(service["pid"], signal.SIGKILL)
    began_s = time.monotonic()
    eventually(answers)
    took_ms = (time.monotonic() - began_s) * 1000

    def replaced():
        return any(s["name"] == service["name"] and s["state"] == "serving" and s["pid"] != service["pid"]
                   for s in site.services(name))
    eventually(replaced)
    print(f"{name}: first good answer {took_ms:.0f} ms after SIGKILL")


def answers(site, target, body=b"ok"):
    def ask():
        response = site.get(target)
        return response.status == 200 and response.body == body
    return ask


def test_the_front_comes_back_and_the_workers_did_not_notice(site):
    workers = {s["pid"] for s in site.services("app")}
    with SteadyLoad(site.http_port, targets=["/a.txt", "/app"], rate=200) as load:
        load.wait_for(50)
        kill9(site, site.services("front")[0], "front", answers(site, "/app"))
        load.wait_for(100)
    # Whoever had a connection lost it; the listener never closed, so nobody was refused.
    assert not [f for f in load.failures if "Refused" in f.what]
    assert len(load.failures) <= 8
    assert {s["pid"] for s in site.services("app")} == workers
    assert site.get("/app").body == b"ok"


def test_the_name_server_comes_back(site):
    def resolves():
        return "192.0.2.1" in site.dig("foobar.com", "A", "+short", "+time=2", "+tries=5")
    assert resolves()
    with SteadyLoad(site.http_port, targets=["/app"], rate=100) as load:
        load.wait_for(20)
        # The question waits in the socket, which stays open: one datagram is enough.
        kill9(site, site.services("nameserver")[0], "nameserver", resolves)
        load.wait_for(20)
    load.assert_perfect()


def test_a_worker_comes_back_and_no_get_is_lost(site):
    with SteadyLoad(site.http_port, targets=["/app"], rate=200) as load:
        for _ in range(3):
            load.wait_for(50)
            kill9(site, site.services("app")[0], "app", answers(site, "/app"))
        load.wait_for(50)
    load.assert_perfect()


def test_the_only_worker_comes_back_and_no_get_is_lost():
    with recovery_site() as site:
        site.site.configure({"app": {"workers": 1}})
        site.restart()
        with SteadyLoad(site.http_port, targets=["/app"], rate=100) as load:
            load.wait_for(50)
            kill9(site, site.services("app")[0], "app", answers(site, "/app"))
            load.wait_for(50)
        load.assert_perfect()


def test_mariadbd_comes_back_and_the_rest_did_not_notice():
    with recovery_site(app=DATABASE_APP, database={"engine": "mariadb"}) as site:
        others = {s["name"]: s["pid"] for s in site.services() if s["name"] != "mariadbd"}
        with SteadyLoad(site.http_port, targets=["/a.txt"], rate=100) as load:
            for _ in range(3):
                load.wait_for(20)
                kill9(site, site.services("mariadbd")[0], "mariadbd", answers(site, "/app"))
        load.assert_perfect()
        assert {s["name"]: s["pid"] for s in site.services() if s["name"] != "mariadbd"} == others


def test_the_whole_group_killed_starts_again_on_the_same_state(site):
    site.kill9_group()
    began_s = time.monotonic()
    site.start()
    assert site.get("/app").body == b"ok"
    print(f"everything: first good answer {(time.monotonic() - began_s) * 1000:.0f} ms after the start")
    assert "192.0.2.1" in site.dig("foobar.com", "A", "+short")


def test_the_children_do_not_outlive_a_killed_supervisor(site):
    children = [pid for pid in site.pids() if pid != site.process.pid]
    os.kill(site.process.pid, signal.SIGKILL)
    eventually(lambda: not set(site.pids()) & set(children))
    site.process.wait()
    site.process = None
    site.start()
    assert site.get("/a.txt").body == b"a"
