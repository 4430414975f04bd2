"""The database as part of the site: an acknowledged write is kept, whatever is killed, and nobody has to help."""
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from harness import PATIENCE_SECONDS, Trimaran, eventually
from harness.proc import command, links, members
from test_example import example, post


class Writer:
    """Adds posts through the application one after the other, and remembers which were acknowledged."""

    def __init__(self, site):
        self.site, self.acknowledged, self.refused, self.at_s = site, [], 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS + 5)
        assert not self._thread.is_alive()

    def wait_for(self, count):
        """Until `count` more posts were acknowledged; the moment of the first of them."""
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) >= before + count)
        return self.at_s[before]

    def _run(self):
        number = 0
        while not self._stop.is_set():
            number += 1
            try:
                status = post(self.site, "/posts", title=f"post {number}", body="x").status
            except OSError:
                status = 0
            if status == 303:
                self.at_s.append(time.monotonic())
                self.acknowledged.append(f"post {number}")
            else:
                self.refused += 1


def ask(site, sql):
    """The lines that `trimaran db shell` answers with; not the names of columns, which MariaDB's client adds."""
    lines = site.command("db", "shell", input=sql + ";\n").stdout.splitlines()
    return lines[1:] if site.services("mariadbd") else lines


def titles(site):
    return ask(site, "SELECT title FROM posts")


def assert_all_there(site, writer):
    lost = set(writer.acknowledged) - set(titles(site))
    assert not lost, f"{len(lost)} of {len(writer.acknowledged)} acknowledged posts are lost: {sorted(lost)[:10]}"


def kill9(site, name):
    pid = site.pid(name)
    os.kill(pid, signal.SIGKILL)
    return pid, time.monotonic()


def app_of(site):
    return json.loads(site.command("status", "--json", check=False).stdout)["sites"][0]["app"]


def assert_the_shell_opens_it(site):
    assert ask(site, "SELECT 1") == ["1"]
    post(site, "/posts", title="Seen from the shell", body="x")
    assert titles(site) == ["Seen from the shell"]
    ask(site, "INSERT INTO users (name, email, created) VALUES ('Eve', 'eve@example.com', 0)")
    assert b"eve@example.com" in site.get("/users").body


# --- mariadb ---

@pytest.fixture(scope="module")
def mariadb():
    """For the tests that leave it as it is: to create one takes seconds on a busy machine."""
    with example("wsgi", "mariadb") as running:
        yield running


def test_db_shell_opens_mariadb(mariadb):
    assert_the_shell_opens_it(mariadb)


@pytest.mark.parametrize("language", ["wsgi", "native"])
def test_kill_9_of_mariadbd_under_load_loses_no_acknowledged_row(language):
    with example(language, "mariadb") as site:
        # All of them: one whose first health check meets a dead database is right to start again.
        eventually(lambda: all(s["state"] == "serving" for s in site.services("app")))
        workers = {s["pid"] for s in site.services("app")}
        with Writer(site) as writer:
            for _ in range(3):
                writer.wait_for(20)
                pid, killed_s = kill9(site, "mariadbd")
                eventually(lambda: site.pid("mariadbd") not in (None, pid))
                took_ms = (writer.wait_for(5) - killed_s) * 1000
                print(f"mariadbd: first acknowledged write {took_ms:.0f} ms after SIGKILL")
        assert_all_there(site, writer)
        assert {s["pid"] for s in site.services("app")} == workers, "no worker was restarted for it"
        # It answers a little before it says that it does.
        eventually(lambda: site.status()["state"] == "serving")


def test_a_killed_supervisor_finds_its_surviving_mariadbd_again():
    with example("wsgi", "mariadb") as site:
        post(site, "/posts", title="Before", body="x")
        survivor, session = site.pid("mariadbd"), site.process.pid
        children = [s["pid"] for s in site.services() if s["pid"] != survivor]
        os.kill(site.process.pid, signal.SIGKILL)
        try:
            site.wait_exit()
            eventually(lambda: not set(members(session, b"-")) & set(children))
            assert "mariadbd" in command(survivor), "it outlives its supervisor: a write under way is worth more"
            site.process = None
            site.start()
        finally:
            if "mariadbd" in command(survivor) and site.process is None:
                os.kill(survivor, signal.SIGKILL)
        site.wait_for_line(rf"stopping mariadbd {survivor}, which a killed supervisor left behind")
        assert site.pid("mariadbd") != survivor and "mariadbd" not in command(survivor)
        assert titles(site) == ["Before"]
        assert post(site, "/posts", title="After", body="x").status == 303
        assert titles(site) == ["Before", "After"]


def test_mariadbd_has_no_port_and_its_data_no_other_reader(mariadb):
    pid = mariadb.pid("mariadbd")
    sockets = set(re.findall(r"socket:\[(\d+)\]", " ".join(links(pid))))
    assert sockets
    for table in ("tcp", "tcp6", "udp", "udp6"):
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        assert not sockets & {line.split()[9] for line in lines}, table
    assert (mariadb.path / "state/mariadb").stat().st_mode & 0o077 == 0


def test_without_the_server_package_the_files_serve_and_the_error_names_it():
    site = Trimaran(files={"app.py": "application = None", "public/a.txt": "a"}, environment={"PATH": "/nowhere"},
                    tables={"app": {"run": "wsgi:app:application"}, "database": {"engine": "mariadb"}})
    with site:
        assert site.get("/a.txt").body == b"a"
        site.wait_for_line(r"mariadb: .* is not installed; install the package mariadb-server-core")
        assert "mariadb-server-core" in app_of(site)["reason"]
        assert site.command("status", check=False).returncode == 4
        assert site.get("/posts").status == 503


def test_a_second_server_on_the_same_data_is_refused_at_once(mariadb):
    second = example("wsgi", "mariadb")
    second.site.configure({"server": {"state": str(mariadb.path / "state"), "run": str(second.path / "run")}})
    with second:
        second.wait_for_line(r"mariadb: another daemon uses the database in .*/state/mariadb")
        # MariaDB itself takes 30 s to find out: it was not even started.
        assert not any("mariadbd" in command(pid) for pid in second.pids())
        assert second.get("/robots.txt").status == 200
        assert app_of(second)["state"] == "broken"
    assert mariadb.status()["state"] == "serving"
    assert post(mariadb, "/users", name="Still here", email="a@example.com").status == 303


def test_a_reload_from_sqlite_to_mariadb_and_back():
    with example("wsgi", "sqlite") as site:
        post(site, "/posts", title="In the file", body="x")
        site.site.configure({"database": {"engine": "mariadb"}})
        site.command("reload")
        eventually(lambda: b"In the file" not in site.get("/posts").body and post(
            site, "/posts", title="In the server", body="x").status == 303)
        site.site.configure({"database": {"engine": "sqlite"}})
        site.command("reload")
        eventually(lambda: b"In the file" in site.get("/posts").body)
        eventually(lambda: all(service["state"] == "stopped" for service in site.services("mariadbd")))
        eventually(lambda: site.command("status", check=False).returncode == 0)


# --- sqlite ---

def test_db_shell_opens_sqlite():
    with example("wsgi", "sqlite") as site:
        assert_the_shell_opens_it(site)
        files = [f for f in (site.path / "state/foobar.com").iterdir() if f.name.startswith("site.db")]
        assert len({f.stat().st_uid for f in files}) == 1, "what the shell makes is the application's to write"


@pytest.mark.parametrize("language", ["wsgi", "native"])
def test_kill_9_of_workers_in_mid_write_leaves_a_whole_database(language):
    with example(language, "sqlite") as site:
        with Writer(site) as writer:
            for _ in range(6):
                writer.wait_for(5)
                for service in site.services("app"):
                    if service["pid"]:
                        os.kill(service["pid"], signal.SIGKILL)
            writer.wait_for(5)
        assert_all_there(site, writer)
        assert ask(site, "PRAGMA integrity_check") == ["ok"]
