"""[app] preload: the application is imported once, its workers share that memory, and every one of them can be lost: a
worker, the process that forks them, or both."""
import json
import os
import signal

import pytest

from harness import SteadyLoad, Trimaran, eventually

MIB = 1 << 20

WSGI = '''
import os, random
big = os.urandom(64 << 20)
importer = os.getpid()
if os.path.exists("broken"):
    raise RuntimeError("the keel is missing")
if os.path.exists("threads"):
    import threading
    threading.Thread(target=threading.Event().wait, name="bilge-pump", daemon=True).start()

def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = {"/importer": importer, "/random": random.random(), "/number": os.environ["TRIMARAN_WORKER"],
            "/group": os.getpgrp(), "/parent": os.getppid()}.get(path, os.getpid())
    body = str(body).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''

ASGI = '''
import os
big = os.urandom(64 << 20)
importer = os.getpid()
if os.path.exists("broken"):
    raise RuntimeError("the keel is missing")

async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    body = str(importer if scope["path"] == "/importer" else os.getpid()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
'''

APPS = {"wsgi": WSGI, "asgi": ASGI}


def site_with(kind="wsgi", files=None, deploy=None, **app):
    return Trimaran(files={"app.py": APPS[kind]} | (files or {}),
                    tables={"app": {"run": f"{kind}:app:application", "workers": 2, "preload": True} | app,
                            "deploy": deploy or {}})


def serving(site):
    return [s for s in site.services("app") if s["state"] == "serving"]


def parent(site):
    """The pid of the process that forks; None while it does not serve."""
    return next((s["pid"] for s in serving(site) if s["kind"] == "preload"), None)


def workers(site):
    return {s["pid"] for s in serving(site) if s["kind"] == "worker"}


def all_serve(site, count=2):
    eventually(lambda: len(workers(site)) == count and parent(site))
    return workers(site)


def ask(site, path="/pid"):
    with site.http() as client:
        return client.get(path)


def number(site, path):
    return int(ask(site, path).body)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def memory(pid):
    """{"Rss": bytes, "Pss": bytes, ...}"""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        lines = [line.split() for line in rollup.readlines()[1:]]
    return {name.rstrip(":"): int(kib) * 1024 for name, kib, _ in lines}


@pytest.mark.parametrize("kind", APPS)
def test_the_workers_serve_and_share_what_was_imported(kind):
    with site_with(kind, workers=3) as site:
        pids = all_serve(site, 3)
        with SteadyLoad(site.http_port, targets=["/pid"], rate=100) as load:
            load.wait_for(100)
        load.assert_perfect()
        assert number(site, "/pid") in pids
        assert number(site, "/importer") == parent(site), "one import for all"
        for pid in pids:
            used = memory(pid)
            assert used["Rss"] > 64 * MIB, "the worker has the bytes"
            assert used["Pss"] < 40 * MIB, "and shares them with three others"


def test_a_worker_is_a_process_of_its_own():
    with site_with() as site:
        pids = all_serve(site)
        for pid in pids:
            stat = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
            assert int(stat[1]) == site.process.pid, "the supervisor's child"
            assert int(stat[2]) == pid, "in a group of its own"
        assert len({ask(site, "/random").body for _ in range(20)}) == 20
        numbers = {ask(site, "/number").body for _ in range(40)}
        assert numbers == {b"1", b"2"}
        os.kill(parent(site), signal.SIGTERM)  # a stray signal ends nothing
        assert number(site, "/pid") in pids


@pytest.mark.parametrize("kind", APPS)
def test_a_worker_that_is_killed_is_forked_again_and_no_get_is_lost(kind):
    with site_with(kind) as site:
        before, importer = all_serve(site), parent(site)
        with SteadyLoad(site.http_port, targets=["/pid"], rate=100) as load:
            for pid in before:
                kill(pid)
                eventually(lambda: len(workers(site) - {pid}) == 2)
            load.wait_for(50)
        load.assert_perfect()
        assert not workers(site) & before
        assert number(site, "/importer") == importer == parent(site)
        site.wait_for_line(r"was killed by signal 9 \(KILL\)")


@pytest.mark.parametrize("kind", APPS)
def test_without_the_process_that_forks_the_workers_go_on_and_the_next_one_works(kind):
    with site_with(kind) as site:
        before, importer = all_serve(site), parent(site)
        with SteadyLoad(site.http_port, targets=["/pid"], rate=100) as load:
            kill(importer)
            eventually(lambda: parent(site) not in (None, importer))
            assert workers(site) == before, "nothing happened to them"
            kill(min(before))
            eventually(lambda: len(workers(site) - {min(before)}) == 2)
            load.wait_for(50)
        load.assert_perfect()


def test_all_of_it_is_killed_at_once_and_comes_back():
    with site_with() as site:
        before = all_serve(site) | {parent(site)}
        for pid in before:
            kill(pid)
        assert number(site, "/pid") not in before, "the request waited"
        assert not (all_serve(site) | {parent(site)}) & before


def test_workers_are_recycled_from_the_same_import():
    with site_with(max_requests=100) as site:
        before, importer = all_serve(site), parent(site)
        with SteadyLoad(site.http_port, targets=["/pid"], rate=200) as load:
            eventually(lambda: len(workers(site)) >= 2 and not before & workers(site))
        load.assert_perfect()
        assert parent(site) == importer


def test_a_deploy_imports_anew_and_the_old_generation_ends(tmp_path):
    with site_with(deploy={"warm": "0s"}) as site:
        before, importer = all_serve(site), parent(site)
        source = tmp_path / "source"
        source.mkdir(mode=0o755)
        (source / "app.py").write_text(WSGI)
        (source / "public").mkdir()
        with SteadyLoad(site.http_port, targets=["/pid"], rate=100) as load:
            site.command("deploy", str(source))
            assert number(site, "/importer") != importer
            load.wait_for(50)
        load.assert_perfect()
        (source / "broken").write_text("")
        said = site.command("deploy", str(source), check=False)
        assert said.returncode != 0
        assert "RuntimeError: the keel is missing" in said.stdout + said.stderr
        assert 'app.py", line' in said.stdout + said.stderr, "with its traceback"
        assert number(site, "/importer") != importer
        eventually(lambda: [s["pid"] for s in site.services("app") if s["kind"] == "preload"] == [parent(site)])
        eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in before | {importer}))


@pytest.mark.parametrize("kind", APPS)
def test_an_import_that_fails_is_a_broken_application_with_its_reason(kind):
    with site_with(kind, files={"broken": ""}) as site:
        site.wait_for_line(r"app foobar\.com/1 RuntimeError: the keel is missing; next start")
        app = json.loads(site.command("status", "--json", check=False).stdout)["sites"][0]["app"]
        assert (app["state"], app["reason"]) == ("broken", "RuntimeError: the keel is missing")
        assert site.get("/pid").status == 503
        (site.path / "broken").unlink()
        all_serve(site)
        assert site.get("/pid").status == 200


def test_words_of_the_application_travel_whatever_they_are():
    """A large TRIMARAN_ variable in the env_file, which every worker was sent, ended the supervisor; a NUL in the
    reason of a failed import broke its message."""
    app = WSGI.replace("the keel is missing", r"the \0 keel")
    large = "TRIMARAN_CARGO=" + "x" * 70_000
    with site_with(files={"app.py": app, "large.env": large}, env_file=["large.env"]) as site:
        all_serve(site)
        assert site.get("/pid").status == 200
    with site_with(files={"app.py": app, "broken": ""}) as site:
        site.wait_for_line(r"app foobar\.com/1 RuntimeError: the   keel; next start")


def test_threads_of_the_import_are_warned_of():
    with site_with(files={"threads": ""}) as site:
        all_serve(site)
        site.wait_for_line(r"app foobar\.com/preload \| warning preload: the application started threads .*bilge-pump")


def test_an_upgrade_keeps_the_import_and_the_workers():
    with site_with() as site:
        before, importer = all_serve(site), parent(site)
        with SteadyLoad(site.http_port, targets=["/pid"], rate=100) as load:
            site.command("upgrade")
            assert all_serve(site) == before and parent(site) == importer
            kill(min(before))
            eventually(lambda: len(workers(site) - {min(before)}) == 2)
            load.wait_for(50)
        load.assert_perfect()
        assert number(site, "/importer") == importer == parent(site)


def test_the_workers_end_with_the_supervisor():
    with site_with() as site:
        all_serve(site)
        kill(site.process.pid)
        eventually(lambda: not set(site.pids()) - {site.process.pid})
        site.process.wait()
        site.process = None
