"""Deploy: a new release takes over without a lost request, and a broken one never takes traffic."""
import json
import os
import pty
import re
import signal
import subprocess
import tarfile
import threading
import zipfile

import pytest

from harness import PATIENCE_SECONDS, SteadyLoad, Trimaran, eventually
from harness.programs import programs

APP = '''
import os
VERSION = {version!r}

def application(environ, start_response):
    path, status, body = environ["PATH_INFO"], "200 OK", VERSION
    if path == "/healthz":
        status = {health!r}
    if path == "/release":
        body = os.environ["TRIMARAN_RELEASE"]
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]
'''


def app(version, health="200 OK"):
    return APP.format(version=version, health=health)


class Shop(Trimaran):
    """A site with a folder of sources beside it, to deploy from."""

    def __init__(self, deploy=None, app_settings=None, **options):
        tables = {"app": {"run": "wsgi:app:application", "workers": 2, "health": "/healthz"} | (app_settings or {}),
                  "deploy": deploy or {}}
        super().__init__(files={"app.py": app("v0"), "source/public/style.css": "v0"}, tables=tables, **options)
        self.source = self.path / "source"

    def write(self, version, text=None, **options):
        """The sources of one version: application and static file."""
        self.site.write("source/app.py", app(version, **options) if text is None else text)
        self.site.write("source/public/style.css", version)

    def deploy(self, *arguments, source=None, check=True):
        return self.command("deploy", str(source or self.source), *arguments, check=check)

    def fails(self, *arguments, source=None):
        done = self.deploy(*arguments, source=source, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    def releases(self):
        return json.loads(self.command("releases", "--json").stdout)["releases"]

    def serving(self):
        return [r["release"] for r in self.releases() if r["state"] == "serving"]

    def version(self):
        return self.get("/").body.decode()

    def store(self):
        folder = self.path / "state/foobar.com/releases"
        return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def shop():
    with Shop() as running:
        yield running


def of_versions(*versions):
    def check(target, response):
        assert response.status == 200, f"status {response.status}"
        assert response.body.decode() in versions, response.body
    return check


# --- good releases ---

def test_a_deploy_under_load_loses_nothing(shop):
    assert shop.get("/x").body == b"v0", "before the first deploy the site runs from its own folder"
    versions = ["v0", "v1", "v2", "v3"]
    with SteadyLoad(shop.http_port, targets=["/x"], rate=200, connections=8, check=of_versions(*versions)) as load:
        for version in versions[1:]:
            shop.write(version)
            said = shop.deploy().stdout
            assert re.search(r"release \d{8}-\d{6}-[0-9a-f]{4} serves\n$", said), said
            assert shop.get("/x").body.decode() == version, "when deploy returns, the new release answers"
            load.wait_for(40)
    load.assert_perfect()
    assert shop.get("/release").body.decode() == shop.serving()[0]


def test_static_files_follow_the_release(shop):
    for version in ("v1", "v2"):
        shop.write(version)
        shop.deploy()
        assert shop.get("/style.css").body.decode() == version
    shop.command("rollback")
    assert shop.get("/style.css").body == b"v1"


def one_of_several(shop, folder="", directory=""):
    """shop.test, beside the site that the fixture makes, with the same sanitizer."""
    env_file = f'env_file = "{shop.path}/asan.env"' if (shop.path / "asan.env").exists() else ""
    return f"""
[site]
domain = "shop.test"
root = "{folder}public"

[app]
run = "wsgi:app:application"
{directory}
{env_file}
[deploy]
"""


def test_one_of_several_sites_begins_with_its_first_deploy_and_follows_the_next(shop):
    shop.site.write("sites/shop.toml", one_of_several(shop))
    shop.command("reload")
    for version in ("v1", "v2"):
        shop.write(version)
        said = shop.deploy("--site", "shop.test").stdout
        assert len(re.findall("^release .* serves$", said, re.M)) == 1, said
        with shop.http(name="shop.test") as client:
            assert client.get("/").body.decode() == version
            assert client.get("/style.css").body.decode() == version
    assert shop.get("/x").body == b"v0", "the other site is as it was"


def test_a_deploy_that_would_change_nothing_is_refused(shop):
    absolute = f"{shop.source}/"
    shop.write("v1")
    config = shop.site.write("sites/shop.toml", one_of_several(shop, absolute, f'directory = "{absolute}"'))
    shop.command("reload")
    said = shop.fails("--site", "shop.test")
    for line, key in ((4, "root"), (8, "directory")):
        assert re.search(rf"sites/shop.toml:{line}:\d+: error: {key}: /.* is absolute, so no release brings it; "
                         "write it relative to the folder that is deployed", said), said
    with shop.http(name="shop.test") as client:
        assert client.get("/").body == b"v1"
    # Links beside the site file let it serve on until its first release.
    for name in ("app.py", "public"):
        (config.parent / name).symlink_to(shop.source / name)
    config.write_text(one_of_several(shop))
    shop.command("reload")
    with shop.http(name="shop.test") as client:
        assert client.get("/").body == b"v1" and client.get("/style.css").body == b"v1"
    shop.write("v2")
    shop.deploy("--site", "shop.test")
    with shop.http(name="shop.test") as client:
        assert client.get("/").body == b"v2" and client.get("/style.css").body == b"v2"


def test_a_release_does_not_change_with_its_source(shop):
    shop.write("v1")
    shop.deploy()
    shop.write("broken", text="raise SystemExit(1)")
    shop.command("reload")
    shop.restart()
    # Said at the start: whoever edits the site's own folder would wonder.
    shop.wait_for_line("release %s serves, as deployed" % shop.releases()[0]["release"])
    assert shop.get("/x").body == b"v1"
    assert shop.get("/style.css").body == b"v1"


def test_an_archive_is_a_release_too(shop):
    shop.write("v1")
    archive = shop.path / "shop.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(shop.source, arcname=".")
    shop.deploy(source=archive)
    assert shop.get("/x").body == b"v1"
    assert shop.releases()[0]["source"] == str(archive)


def test_the_first_deploy_of_a_broken_site_heals_it():
    with Shop() as shop:
        shop.site.write("app.py", "raise RuntimeError('no code here yet')")
        shop.stop()
        shop.start()
        assert shop.get("/x").status == 503
        shop.write("v1")
        shop.deploy()
        assert shop.get("/x").body == b"v1"


def test_a_site_may_begin_with_its_first_deploy():
    with Trimaran(files={"app.py": app("v0")}, tables={"app": {"run": "wsgi:app:application"}, "deploy": {},
                                                       "site": {"root": "build"}}) as site:
        assert site.get("/").status == 503
        assert b"Nothing has been published" in site.get("/page").body
        assert "warning: root: " in site.command("check").stderr
        site.site.write("source/app.py", app("v1"))
        site.site.write("source/pages/index.html", "home")
        broken = site.command("deploy", str(site.path / "source"), check=False)
        assert broken.returncode == 1 and "build does not exist" in broken.stdout + broken.stderr
        assert site.get("/").status == 503
        site.site.configure({"deploy": {"prepare": "cp -r pages build"}})  # what the hook makes counts
        site.command("reload")
        site.command("deploy", str(site.path / "source"))
        assert site.get("/").body == b"home" and site.get("/page").body == b"v1"
        assert site.command("rollback", check=False).returncode == 1
        site.restart()
        assert site.get("/").body == b"home" and site.get("/page").body == b"v1"


def test_a_site_of_files_may_begin_with_its_first_deploy():
    with Trimaran(tables={"deploy": {}, "site": {"root": "build"}}) as site:
        assert site.get("/").status == 503
        site.site.write("source/build/index.html", "home")
        site.command("deploy", str(site.path / "source"))
        assert site.get("/").body == b"home"


def test_without_deploy_a_folder_that_is_missing_is_a_mistake():
    site = Trimaran(tables={"site": {"root": "pubilc"}})
    try:
        done = site.command("check", check=False)
        assert done.returncode == 2 and re.search(r"trimaran.toml:\d+:8: error: root: .*pubilc does not exist",
                                                  done.stderr), done.stderr
    finally:
        site.remove()


def test_hooks_prepare_and_migrate():
    hooks = {"prepare": "echo made by prepare > public/built.txt; id -u > uid",
             "before_switch": "echo migrating; test \"$DATABASE_URL\""}
    with Shop(deploy=hooks) as shop:
        shop.write("v1")
        said = shop.deploy().stdout
        assert said.index("the first worker serves") < said.index("  migrating\n") < said.index("all workers serve")
        assert shop.get("/built.txt").body == b"made by prepare\n"
        assert not (shop.source / "public/built.txt").exists()
        release = shop.path / "state/foobar.com/releases" / shop.serving()[0]
        worker = shop.services("app")[0]["pid"]
        assert int((release / "uid").read_text()) == os.stat(f"/proc/{worker}").st_uid


# --- broken releases ---

HANGS = "import time\ntime.sleep(3600)\n"
BROKEN = {
    "a syntax error": (dict(text="def application(:\n"), "SyntaxError"),
    "a missing package": (dict(text="import no_such_package\n"), "No module named 'no_such_package'"),
    "an exception": (dict(text="raise RuntimeError('the mast broke')\n"), "the mast broke"),
    "a bad health": (dict(health="500 Internal Server Error"), "/healthz"),
    "no callable": (dict(text="x = 1\n"), "application"),
}


@pytest.mark.deadline(1200)
def test_a_broken_release_never_takes_traffic(shop):
    shop.write("good")
    shop.deploy()
    good = shop.serving()
    with SteadyLoad(shop.http_port, targets=["/x"], rate=100, check=of_versions("good")) as load:
        for name, (source, reason) in BROKEN.items():
            shop.write("bad", **source)
            said = shop.fails()
            assert reason in said, f"{name}: {said}"
            assert f"release {good[0]} still serves" in said, f"{name}: {said}"
            assert shop.serving() == good and len(shop.releases()) == 1, name
        load.wait_for(20)
    load.assert_perfect()
    shop.write("healed")
    shop.deploy()
    assert shop.get("/x").body == b"healed"


def test_a_release_that_hangs_at_import_is_given_up():
    with Shop() as shop:
        # Only now: what is good has all the time that a busy machine needs. This one must get to where it hangs.
        shop.site.configure({"app": {"start_timeout": "10s"}})
        shop.command("reload")
        shop.write("v1", text=HANGS)
        with SteadyLoad(shop.http_port, targets=["/x"], rate=50, check=of_versions("v0")) as load:
            said = shop.fails()
        assert "not ready in time ([app] start_timeout is 10s)" in said, said
        assert "app.py" in said, "the last lines show where it hangs"
        load.assert_perfect()
        assert shop.store() == []


@pytest.mark.parametrize("hook", ["prepare", "before_switch"])
def test_a_failing_hook_ends_the_deploy(hook):
    with Shop(deploy={hook: "echo the registry is down; exit 7"}) as shop:
        shop.write("v1")
        said = shop.fails()
        assert "  the registry is down\n" in said and "exited with status 7" in said, said
        assert shop.get("/x").body == b"v0"
        assert shop.store() == []


def encrypted_zip(path):
    """What unzip takes for one: bit 0 of the flags is set in the local header and in the directory's."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", "x" * 50)
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


def test_an_encrypted_archive_is_refused_at_a_terminal_too():
    """unzip asked for the password there, from the background: the deploy stood still for ten minutes."""
    with Shop() as other:
        archive = encrypted_zip(other.path / "secret.zip")
        other.stop()
        process, terminal = pty.fork()
        if process == 0:
            os.execv(programs() / "trimaran", ["trimaran", "run", "-c", str(other.config)])
        try:
            eventually(lambda: other.command("status", check=False).returncode == 0)
            assert "it is encrypted" in other.fails(source=archive)
        finally:
            other.command("stop", check=False)
            os.close(terminal)
            os.waitpid(process, 0)


def test_what_is_no_release_is_refused(shop):
    shop.write("v1")
    (shop.source / "secrets").symlink_to("/etc")
    assert "the link secrets leads out of the release, to /etc" in shop.fails()
    (shop.source / "secrets").unlink()
    empty = shop.path / "empty"
    empty.mkdir()
    assert "is empty" in shop.fails(source=empty)
    assert "No such file or directory" in shop.fails(source=shop.path / "missing")
    assert "no folder and no archive" in shop.fails(source=shop.config)
    assert "it is encrypted" in shop.fails(source=encrypted_zip(shop.path / "secret.zip"))
    assert shop.store() == []
    assert shop.get("/x").body == b"v0"


def test_a_second_deploy_at_once_is_refused():
    with Shop(deploy={"prepare": "while ! test -e go; do sleep 0.05; done"}) as shop:
        shop.write("v1")
        first = subprocess.Popen([*shop.as_user, programs() / "trimaran", "deploy", shop.source, "-c", shop.config],
                                 env=shop.environment, text=True, stdout=subprocess.PIPE)
        try:
            for line in first.stdout:
                if "running prepare" in line:
                    break
            assert "foobar.com is being changed already: running prepare" in shop.fails()
        finally:
            release = [name for name in shop.store() if re.match(r"\d", name)][0]
            (shop.path / "state/foobar.com/releases" / release / "go").touch()
            first.stdout.read()
            assert first.wait(PATIENCE_SECONDS) == 0
        assert shop.get("/x").body == b"v1"


# --- rollback and canary ---

def test_a_rollback_is_instant_while_warm_and_proved_when_cold(shop):
    for version in ("v1", "v2", "v3"):
        shop.write(version)
        shop.deploy()
    v3, v2, v1 = [release["release"] for release in shop.releases()]
    assert [release["state"] for release in shop.releases()] == ["serving", "warm", ""]
    with SteadyLoad(shop.http_port, targets=["/x"], rate=200, check=of_versions("v1", "v2", "v3")) as load:
        assert "its workers were warm" in shop.command("rollback").stdout
        assert shop.get("/x").body == b"v2"
        cold = shop.command("rollback", v1).stdout
        assert "starting the first worker" in cold
        assert shop.get("/x").body == b"v1"
        load.wait_for(20)
    load.assert_perfect()
    shop.restart()
    assert shop.get("/x").body == b"v1"
    shop.command("rollback", v3)
    assert shop.get("/x").body == b"v3"
    assert "there is no release nonsense" in shop.command("rollback", "nonsense", check=False).stderr


def shares_of(shop, requests=400):
    with shop.http() as client:
        answers = [client.get("/x").body.decode() for _ in range(requests)]
    return {version: answers.count(version) for version in set(answers)}


def test_a_canary_gets_its_share_until_it_is_promoted_or_abandoned(shop):
    shop.write("stable")
    shop.deploy()
    shop.write("canary")
    assert "gets 25 % of the requests" in shop.deploy("--canary", "25%").stdout
    shares = shares_of(shop)
    assert 50 <= shares["canary"] <= 150, shares
    assert shop.releases()[0]["state"] == "canary 25 %"
    assert "gets no more requests" in shop.command("rollback").stdout
    assert shares_of(shop, 50) == {"stable": 50}

    with SteadyLoad(shop.http_port, targets=["/x"], rate=100, check=of_versions("stable", "canary")) as load:
        shop.deploy("--canary", "10%")
        shop.command("promote")
        assert shares_of(shop, 50) == {"canary": 50}
    load.assert_perfect()
    assert "has no canary" in shop.command("promote", check=False).stderr
    for nonsense in ("500%", "100%", "0%", "abc", ""):
        done = shop.deploy("--canary", nonsense, check=False)
        assert done.returncode == 2 and "--canary takes 1% to 99%" in done.stderr, (nonsense, done)
    assert shares_of(shop, 50) == {"canary": 50}


# --- what dies in the middle ---

def test_a_killed_command_does_not_stop_its_deploy():
    with Shop(deploy={"prepare": "sleep 1"}) as shop:
        shop.write("v1")
        command = subprocess.Popen([*shop.as_user, programs() / "trimaran", "deploy", shop.source, "-c", shop.config],
                                   env=shop.environment, text=True, stdout=subprocess.PIPE)
        for line in command.stdout:
            if "running prepare" in line:
                break
        command.kill()
        command.wait()
        eventually(lambda: shop.get("/x").body == b"v1")
        shop.write("v2")
        eventually(lambda: shop.deploy(check=False).returncode == 0)


@pytest.mark.deadline(1200)
@pytest.mark.parametrize("moment", ["copying", "running prepare", "starting the first worker", "running before_switch",
                                    "all workers serve"])
def test_a_power_cut_in_a_deploy_leaves_a_site_that_serves(moment):
    # The deploy of v2 cannot end before it is killed; at its last moment it has nothing left to wait for.
    hooks = {"prepare": "true", "before_switch": "while test -e ../../../../hold; do sleep 0.05; done"}
    with Shop(deploy=hooks) as shop:
        shop.write("v1")
        shop.deploy()
        shop.write("v2")
        if moment != "all workers serve":
            (shop.path / "hold").touch()
        command = subprocess.Popen([*shop.as_user, programs() / "trimaran", "deploy", shop.source, "-c", shop.config],
                                   env=shop.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in command.stdout:
            if moment in line:
                break
        shop.kill9_group()
        (shop.path / "hold").unlink(missing_ok=True)
        said = command.stdout.read()
        assert command.wait(PATIENCE_SECONDS) != 0 or moment == "all workers serve", said
        shop.start()
        expected = ("v1", "v2") if moment == "all workers serve" else ("v1",)
        assert shop.get("/x").body.decode() in expected
        assert shop.get("/style.css").body == shop.get("/x").body, "code and files are of one release"
        shop.write("v3")
        shop.deploy()
        assert shop.get("/x").body == b"v3"
        left = {re.sub(r"\.card$", "", name) for name in shop.store()} - {"current"}
        assert left == {release["release"] for release in shop.releases()}, "what the killed deploy left is gone"


def test_old_releases_are_pruned():
    with Shop(deploy={"keep": 2, "warm": "0s"}) as shop:
        for version in ("v1", "v2", "v3", "v4"):
            shop.write(version)
            shop.deploy()
            # What still runs is kept.
            eventually(lambda: len(shop.status()["sites"][0]["app"]["generations"]) == 1)
        assert len(shop.releases()) == 2
        assert len(shop.store()) == 5, shop.store()


def test_a_damaged_current_is_said_and_the_newest_release_serves(shop):
    shop.write("v1")
    shop.deploy()
    shop.stop()
    (shop.path / "state/foobar.com/releases/current").write_bytes(b"\0garbage")
    shop.start()
    shop.wait_for_line("current is damaged.*the newest good one, serves instead")
    assert shop.get("/x").body == b"v1"
