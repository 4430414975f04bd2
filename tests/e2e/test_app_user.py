"""[app] user and [app] log: the processes of a site run as its own user, and what they say is in its own file."""
import os
import pwd
import shutil

import pytest

from harness import RawHttp, Trimaran, eventually

APP = '''
import os, sqlite3

def application(environ, start_response):
    print("asked for", environ["PATH_INFO"], flush=True)
    connection = sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite:///"))
    connection.execute("CREATE TABLE IF NOT EXISTS visits (at)")
    connection.execute("INSERT INTO visits VALUES (1)")
    connection.commit()
    body = ("%d %s" % (os.getuid(), os.environ["HOME"])).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''
PROCESS = '\n[[process]]\nname = "who"\nrun = "echo process of $(id -u); exec sleep 1000"\n'
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
USER = "games"  # a user that every Debian has, with a home and without a use


def get(site, target="/page"):  # "/" is public/index.html
    with RawHttp(site.http_port) as client:
        return client.get(target)


def user_site(app=APP, toml="", **keys):
    return Trimaran(files={"app.py": app}, tables={"app": {"run": "wsgi:app:application", "workers": 1} | keys},
                    toml=toml)


@root_only
def test_workers_and_processes_run_as_the_user_and_can_use_the_database():
    user = pwd.getpwnam(USER)
    with user_site(toml=PROCESS, user=USER) as site:
        response = get(site)
        assert response.status == 200, response.body
        assert response.body.decode() == f"{user.pw_uid} {user.pw_dir}"
        site.wait_for_line(rf"process foobar.com/who \| process of {user.pw_uid}$")
        assert (site.path / "state/foobar.com").stat().st_uid == user.pw_uid
        assert (site.path / "state/foobar.com/site.db").stat().st_uid == user.pw_uid


@root_only
def test_a_release_is_entered_by_the_application_and_by_the_front():
    with user_site(user=USER) as site:
        source = site.path / "next"
        (source / "public").mkdir(parents=True)
        (source / "public/new.txt").write_text("of the release")
        (source / "app.py").write_text(APP)
        site.command("deploy", str(source))
        assert get(site, "/new.txt").body == b"of the release"
        assert get(site).status == 200
        folder = (site.path / "state/foobar.com").stat()
        assert folder.st_uid == pwd.getpwnam(USER).pw_uid and folder.st_mode & 0o007 == 0


@root_only
def test_a_database_of_another_user_is_named_and_nothing_changes():
    with user_site() as site:
        before = get(site).body
        site.site.configure({"app": {"user": USER}})
        outcome = site.command("reload", check=False)
        assert outcome.returncode == 1
        assert "site.db" in outcome.stderr + outcome.stdout and f"chown {USER}" in outcome.stderr + outcome.stdout
        assert get(site).body == before


@root_only
def test_a_user_that_does_not_exist_is_named():
    with user_site() as site:
        site.site.configure({"app": {"user": "nobody-of-that-name"}})
        outcome = site.command("reload", check=False)
        assert outcome.returncode != 0
        assert "nobody-of-that-name" in outcome.stderr + outcome.stdout


@root_only
@pytest.mark.skipif(not shutil.which("mariadbd", path="/usr/sbin:/usr/bin"), reason="needs mariadb-server-core")
def test_mariadb_knows_the_user():
    pytest.importorskip("pymysql")
    app = '''
import os, urllib.parse
import pymysql

URL = urllib.parse.urlsplit(os.environ["DATABASE_URL"])

def application(environ, start_response):
    with pymysql.connect(user=URL.username, database=URL.path[1:],
                         unix_socket=urllib.parse.parse_qs(URL.query)["unix_socket"][0]) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT CURRENT_USER()")
        body = cursor.fetchone()[0].encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''
    with Trimaran(files={"app.py": app}, tables={"app": {"run": "wsgi:app:application", "workers": 1, "user": USER},
                                                 "database": {"engine": "mariadb"}}) as site:
        assert get(site).body.decode() == f"{USER}@localhost"


def test_the_log_of_the_application_is_its_own_file_and_is_opened_again_on_reload():
    with user_site(log="app.log") as site:
        log = site.path / "app.log"
        get(site, "/first")
        eventually(lambda: "app foobar.com/1 | asked for /first" in log.read_text())
        assert not any("asked for" in line for line in site.log)
        log.rename(site.path / "app.log.1")
        site.command("reload")
        get(site, "/second")
        eventually(lambda: log.exists() and "asked for /second" in log.read_text())


def test_a_log_that_cannot_be_opened_is_named_and_nothing_changes():
    with user_site() as site:
        site.site.configure({"app": {"log": "nowhere/app.log"}})
        outcome = site.command("reload", check=False)
        assert outcome.returncode == 1
        assert "nowhere/app.log" in outcome.stderr + outcome.stdout
        assert get(site).status == 200
