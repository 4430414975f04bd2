"""The supervisor as the operator meets it: start and what forbids it, status, reload, stop, systemd, users."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from harness import PATIENCE_SECONDS, SteadyLoad, Trimaran, eventually
from harness.asan import worker_environment
from harness.proc import links, members
from harness.programs import programs

APP = '''
import os

def application(environ, start_response):
    path, status, body = environ["PATH_INFO"], "200 OK", b"ok"
    if path == "/uid":
        body = str(os.getuid()).encode()
    if path == "/print":
        print("said by the application")
    if path == "/healthz":
        with open("health") as f:
            status = f.read()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''
BROKEN = "raise RuntimeError('the mast broke')\n"
LIBFOOBAR = programs().parent / "examples/libfoobar.so"
UNCHANGED = "configuration 2 is in force; no worker was restarted (no setting that needs it has changed)"
AS_ROOT = os.geteuid() == 0


def app_site(app=APP, health=None, files=None, **options):
    tables = {"app": {"run": "wsgi:app:application", "workers": 2, "health": health}} | options.pop("tables", {})
    return Trimaran(files={"app.py": app, "health": "200 OK", "public/a.txt": "a", "other/a.txt": "b"} | (files or {}),
                    tables=tables, **options)


@pytest.fixture
def site():
    with app_site() as running:
        yield running


@pytest.fixture
def stopped():
    """A site that is not started; whatever the test starts is removed."""
    made = []

    def make(**options):
        made.append(app_site(**options))
        return made[-1]

    yield make
    for one in made:
        one.kill9_group()
        one.remove()


def refused(site, code):
    """What a daemon says that must not start; it leaves no process."""
    done = site.command("run", check=False)
    assert done.returncode == code, done.stderr
    assert not members(-1, site._mark.encode())
    return done.stderr


def app_of(site):
    return json.loads(site.command("status", "--json", check=False).stdout)["sites"][0]["app"]


def uids(pid):
    """Real, effective, saved and file-system user."""
    return {int(uid) for uid in re.search(r"^Uid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M)[1].split()}


# --- what forbids a start ---

def test_a_port_in_use_is_one_line_with_the_address(stopped):
    site = stopped()
    for kind, port, name in ((socket.SOCK_STREAM, site.http_port, "TCP"), (socket.SOCK_DGRAM, site.dns_port, "UDP")):
        with socket.socket(socket.AF_INET, kind) as other:
            other.bind(("127.0.0.1", port))
            if kind == socket.SOCK_STREAM:
                other.listen()
            said = refused(site, 1)
        assert said.count("\n") == 1
        assert f"cannot listen on {name} 127.0.0.1:{port}: another program has this port" in said
        assert not site.site.sockets()


def test_a_second_daemon_on_the_same_state_is_refused_and_the_first_serves(site):
    done = site.command("run", check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "another trimaran already runs" in done.stderr
    assert site.get("/app").body == b"ok"
    assert site.status()["state"] == "serving", "its socket is still the first one's"


def test_a_daemon_is_never_taken_for_another_ones(site, stopped):
    """Root's run folder is one for the machine: `trimaran stop` in one site's folder ended the daemon of another."""
    other = stopped(tables={"server": {"run": str(site.path / "run")}})
    for verb in ("status", "reload", "stop"):
        done = other.command(verb, check=False)
        assert done.returncode == 3 and not done.stdout, verb
        assert f"the daemon behind {site.path}/run/control.sock runs {site.config}, not {other.config};" in done.stderr
    said = refused(other, 1)
    assert said.count("\n") == 1 and f"another trimaran already runs for {site.config} (it holds" in said
    assert f"for {other.config} beside it, set [server] run" in said
    assert site.status()["state"] == "serving" and site.status()["generation"] == 1


def test_a_link_to_the_site_file_is_the_same_site(site):
    site.config = Path(shutil.copy(site.config, site.path / "link.toml"))
    assert site.command("status", check=False).returncode == 3
    site.config.unlink()
    site.config.symlink_to("trimaran.toml")
    assert site.command("status").returncode == 0


def test_a_state_folder_that_cannot_be_made_is_one_line(stopped):
    site = stopped(files={"occupied": "a file"}, tables={"server": {"state": "occupied/state"}})
    said = refused(site, 1)
    assert said.count("\n") == 1 and "occupied" in said


@pytest.mark.skipif(not AS_ROOT, reason="needs a folder of somebody else")
def test_a_state_folder_of_somebody_else_is_one_line(stopped):
    site = stopped(user="nobody")
    (site.path / "state").mkdir(mode=0o755)
    said = refused(site, 1)
    assert said.count("\n") == 1 and f"cannot write to the folder {site.path}/state" in said


def test_a_broken_site_file_is_exit_2_and_every_mistake(stopped):
    site = stopped()
    site.config.write_text(site.config.read_text().replace("workers", "wrokers").replace("root", "rot"))
    said = refused(site, 2)
    assert 'unknown key "wrokers" in [app]; did you mean "workers"?' in said
    assert 'unknown key "rot" in [site]; did you mean "root"?' in said
    assert not (site.path / "state").exists()


def test_a_broken_application_leaves_the_files_serving(stopped):
    site = stopped(app=BROKEN)
    site.start()
    assert site.get("/a.txt").body == b"a"
    assert site.get("/app").status == 503
    site.wait_for_line(r"app foobar.com/1 .*Traceback \(most recent call last\)")
    assert site.command("status", check=False).returncode == 4
    assert app_of(site)["state"] == "broken" and "the mast broke" in app_of(site)["reason"]
    site.site.write("app.py", APP)
    eventually(lambda: site.get("/app").status == 200)
    site.stop()


# --- status ---

def test_status_in_both_forms(site):
    eventually(lambda: len([s for s in site.services() if s["state"] == "serving"]) == 4)
    text = site.command("status").stdout
    assert re.search(r"^front +serving", text, re.M) and re.search(r"^app foobar.com/2 +serving", text, re.M)
    assert f"http 127.0.0.1:{site.http_port}" in text and f"dns-udp 127.0.0.1:{site.dns_port}" in text
    status = site.status()
    assert status["state"] == "serving" and status["pid"] == site.process.pid
    assert [s["name"] for s in status["services"]] == ["front", "nameserver", "app foobar.com/1", "app foobar.com/2"]
    assert status["sites"][0]["database"]["engine"] == "sqlite"


def test_curl_reads_the_control_socket(site):
    def curl(*words):
        return subprocess.run(["curl", "-s", "--unix-socket", site.path / "run/control.sock", *words],
                              timeout=PATIENCE_SECONDS, capture_output=True, text=True, check=True).stdout
    assert json.loads(curl("http://localhost/status"))["state"] == "serving"
    assert json.loads(curl("-X", "POST", "http://localhost/reload"))["message"] == UNCHANGED
    assert "GET /status" in json.loads(curl("http://localhost/nothing"))["message"]


def test_the_control_socket_is_its_owners_alone(site):
    assert (site.path / "run/control.sock").stat().st_mode & 0o077 == 0


def test_without_a_daemon_the_verbs_exit_with_3(stopped):
    site = stopped()
    for verb in ("status", "reload", "stop"):
        done = site.command(verb, check=False)
        assert done.returncode == 3 and "no trimaran runs for" in done.stderr


def test_log_lines_have_the_name_of_their_service(site):
    assert site.get("/print").status == 200
    site.wait_for_line(r"app foobar.com/\d .*said by the application")
    for line in site.log:
        assert re.search(r"\b(trimaran|front|nameserver|app foobar.com/\d) +\| ", line), line


def test_dns_show_prints_the_zone_that_is_served(site):
    shown = [line.split() for line in site.command("dns", "show").stdout.splitlines()]
    for name, kind in (("foobar.com", "SOA"), ("foobar.com", "A"), ("foobar.com", "NS"), ("www.foobar.com", "CNAME")):
        assert site.dig(name, kind, "+noall", "+answer").split() in shown
    assert site.command("dns", "shwo", check=False).returncode == 2


@pytest.mark.parametrize("damage", ["no TOML", "another run folder", "gone"])
def test_the_daemon_is_found_whatever_its_file_says_by_now(site, damage):
    """A forgotten quote in the site file hid the daemon from `trimaran status` and `stop`: it runs from what it last
    accepted."""
    if damage == "no TOML":
        site.config.write_text(site.config.read_text() + '[app\nrun = "\n')
    elif damage == "another run folder":
        site.site.configure({"server": {"run": "elsewhere"}})
    else:
        site.config.unlink()
    assert site.status()["pid"] == site.process.pid
    assert "requests for the application wait" in site.command("pause").stdout
    assert "requests go on" in site.command("resume").stdout
    done = site.command("reload", check=False)
    assert done.returncode != 0 and "the old configuration still serves" in done.stderr
    site.command("stop")
    assert site.wait_exit() == 0
    done = site.command("status", check=False)
    assert done.returncode == (3 if damage == "another run folder" else 2), done.stderr


# --- reload ---

def test_an_invalid_file_changes_nothing(site):
    good = site.config.read_text()
    with SteadyLoad(site.http_port, targets=["/a.txt", "/app"], rate=100) as load:
        load.wait_for(20)
        site.config.write_text(good.replace("workers", "wrokers"))
        done = site.command("reload", check=False)
        assert done.returncode == 2
        assert 'did you mean "workers"?' in done.stderr and "the old configuration still serves" in done.stderr
        load.wait_for(20)
    load.assert_perfect()
    assert site.status()["generation"] == 1


def test_a_changed_worker_count_and_root_lose_no_request(site):
    before = {s["pid"] for s in site.services("app")}
    with SteadyLoad(site.http_port, targets=["/a.txt", "/app"], rate=200) as load:
        load.wait_for(50)
        site.site.configure({"app": {"workers": 3}, "site": {"root": "other"}})
        said = site.command("reload").stdout
        assert said == "configuration 2 is in force; the new workers of foobar.com serve\n"
        eventually(lambda: site.get("/a.txt").body == b"b")

        def three_serve():
            now = site.services("app")
            return len(now) == 3 and all(s["state"] == "serving" for s in now) and before < {s["pid"] for s in now}
        eventually(three_serve)
        load.wait_for(50)
    load.assert_perfect()


def test_a_reload_that_restarts_nothing_says_so(site):
    site.site.configure({"site": {"root": "other"}})
    assert site.command("reload").stdout == UNCHANGED + "\n"


def test_sighup_reloads(site):
    site.site.configure({"site": {"root": "other"}})
    site.process.send_signal(signal.SIGHUP)
    site.wait_for_line(r"configuration 2 is in force")
    eventually(lambda: site.get("/a.txt").body == b"b")


def test_a_reload_moves_a_listener_and_frees_the_old_port(site, stopped):
    old_http, old_dns, elsewhere = site.http_port, site.dns_port, stopped()
    site.http_port, site.dns_port = elsewhere.http_port, elsewhere.dns_port
    site.site.configure({"listen": {"http": f"127.0.0.1:{site.http_port}", "dns": f"127.0.0.1:{site.dns_port}"}})
    site.command("reload")
    eventually(lambda: site.get("/app").body == b"ok")
    assert "192.0.2.1" in site.dig("foobar.com", "A", "+short")
    assert "192.0.2.1" in site.dig("foobar.com", "A", "+short", "+tcp")

    def free():
        for kind, port in ((socket.SOCK_STREAM, old_http), (socket.SOCK_DGRAM, old_dns), (socket.SOCK_STREAM, old_dns)):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
                probe.bind(("127.0.0.1", port))
        return True
    eventually(free)


def test_a_reload_into_a_port_in_use_keeps_the_old_state(site, stopped):
    port = stopped().http_port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        site.site.configure({"listen": {"http": f"127.0.0.1:{port}"}})
        done = site.command("reload", check=False)
    assert done.returncode == 1 and f"TCP 127.0.0.1:{port}" in done.stderr
    assert site.get("/app").body == b"ok"


# --- the health path ---

def test_an_unhealthy_application_is_broken_and_heals(stopped):
    site = stopped(health="/healthz", files={"health": "503 Sick"})
    site.start()
    app = app_of(site)
    assert (app["state"], app["reason"]) == ("broken", "the health check /healthz answered 503")
    assert app["target"] == "app:application"
    assert site.get("/a.txt").body == b"a" and site.get("/app").status == 503
    site.site.write("health", "200 OK")
    eventually(lambda: app_of(site)["state"] == "serving")
    assert site.get("/app").body == b"ok"
    site.stop()


def test_a_reload_to_unhealthy_workers_keeps_the_old_ones(site):
    with SteadyLoad(site.http_port, targets=["/app"], rate=100) as load:
        site.site.write("health", "500 Broken")
        site.site.configure({"app": {"health": "/healthz"}})
        done = site.command("reload", check=False)
        said = "the new workers of foobar.com failed (the health check /healthz answered 500); the old ones still serve"
        assert done.returncode == 1 and done.stderr == f"error: {said}\n"
        load.wait_for(20)
    load.assert_perfect()


def test_a_native_application_is_asked_too(stopped):
    tables = {"app": {"run": "native:libfoobar.so", "health": "/no-such-page"}}
    site = stopped(tables=tables, files={"libfoobar.so": LIBFOOBAR.read_bytes()})
    site.start()
    assert app_of(site)["reason"] == "the health check /no-such-page answered 404"
    assert site.get("/a.txt").body == b"a"
    site.site.configure({"app": {"health": "/healthz"}})
    site.command("reload")
    eventually(lambda: site.get("/posts").status == 200)
    site.stop()


# --- stop ---

def test_stop_returns_when_everything_has_ended(site):
    site.command("stop")
    assert not site.pids()
    site.stop()  # nothing left to stop; checks exit code, processes and sockets


def test_ctrl_c_stops_in_order(site):
    site.stop(signal.SIGINT)


# --- systemd ---

def test_systemd_hears_ready_reloading_and_stopping(site):
    assert any("READY=1" in notice for notice in site.notices)
    site.command("reload")
    eventually(lambda: any("RELOADING=1\nMONOTONIC_USEC=" in notice for notice in site.notices))
    eventually(lambda: "READY=1" in site.notices[-1])
    site.stop()
    eventually(lambda: any("STOPPING=1" in notice for notice in site.notices))


def test_sockets_from_systemd_are_used(stopped):
    site = stopped()
    with socket.socket() as http, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns:
        http.bind(("127.0.0.1", site.http_port))
        dns.bind(("127.0.0.1", site.dns_port))
        http.listen()
        site.sockets = [http, dns]  # DNS over TCP has none and is opened beside them
        with site.http() as waiting:  # in the backlog before anybody accepts
            waiting.request("/app")
            site.start()
            assert waiting.read_response().body == b"ok"
        assert "192.0.2.1" in site.dig("foobar.com", "A", "+short")
        assert "192.0.2.1" in site.dig("foobar.com", "A", "+short", "+tcp")
        inode = f"socket:[{os.fstat(http.fileno()).st_ino}]"
        assert inode in links(site.pid("front")) and inode not in links(site.pid("nameserver"))
        site.stop()


# --- users ---

def test_what_a_site_keeps_is_closed_to_other_users(stopped):
    site = stopped()
    (site.path / "state/foobar.com").mkdir(parents=True)
    (site.path / "state/foobar.com").chmod(0o775)  # an older version's, or somebody's mistake
    site.start()
    state = site.path / "state/foobar.com"
    assert state.stat().st_mode & 0o777 == 0o770
    assert {file.stat().st_mode & 0o777 for file in state.iterdir()} == {0o640}
    site.stop()
    shutil.rmtree(site.path / "state")
    site.start()
    assert state.stat().st_mode & 0o777 == 0o750
    site.stop()


@pytest.mark.skipif(not AS_ROOT, reason="root can become somebody else")
def test_as_root_the_children_are_the_configured_user(stopped):
    site = stopped(tables={"server": {"user": "nobody"}})
    site.start()
    assert uids(site.process.pid) == {0}
    for service in site.services():
        assert uids(service["pid"]) == {65534}, service["name"]
        assert "Groups:\t \n" in Path(f"/proc/{service['pid']}/status").read_text(), service["name"]
    assert site.get("/uid").body == b"65534"
    state = site.path / "state/foobar.com"
    assert state.stat().st_uid == 65534 and (state / "site.db").stat().st_uid == 65534
    assert (site.path / "state").stat().st_uid == 0
    site.stop()


@pytest.mark.skipif(not AS_ROOT, reason="root can become somebody else")
def test_a_site_that_its_user_cannot_reach_is_one_line_and_nothing_starts(stopped):
    """In a folder like /root the children failed for ever with "Permission denied"."""
    site = stopped(tables={"server": {"user": "nobody"}})
    site.path.chmod(0o700)
    said = refused(site, 1)
    assert said.splitlines() == [
        f"error: nobody cannot enter {site.path} (mode 0700), which {site.path}/public needs; move the site, "
        "or set [server] user",
        f"nobody cannot enter {site.path} (mode 0700), which {site.path}/state needs; set [server] state to a folder "
        "elsewhere, or set [server] user"]
    assert not (site.path / "state").exists()
    site.path.chmod(0o755)
    site.start()
    (site.path / "other").chmod(0o700)
    site.site.configure({"site": {"root": "other"}})
    done = site.command("reload", check=False)
    assert done.returncode == 1 and f"nobody cannot enter {site.path}/other (mode 0700); move" in done.stderr
    assert site.get("/a.txt").body == b"a"
    site.stop()


def test_an_ordinary_user_has_the_same_site(stopped):
    site = stopped(user="nobody", health="/healthz")
    site.start()
    user = 65534 if AS_ROOT else os.geteuid()
    assert {uid for pid in site.pids() for uid in uids(pid)} == {user}
    assert site.get("/uid").body == str(user).encode() and site.get("/a.txt").body == b"a"
    assert "192.0.2.1" in site.dig("foobar.com", "A", "+short")
    assert (site.path / "state/foobar.com/site.db").stat().st_uid == user
    front = site.pid("front")
    os.kill(front, signal.SIGKILL)
    eventually(lambda: site.pid("front") not in (None, front) and site.get("/a.txt").body == b"a")
    site.command("reload")
    site.stop()


def test_init_check_run(stopped):
    site = stopped(user="nobody")
    subprocess.run([*site.as_user, programs() / "trimaran", "init", site.path / "new"], check=True,
                   timeout=PATIENCE_SECONDS, capture_output=True)
    site.config = site.path / "new/trimaran.toml"
    text = site.config.read_text()
    assert "8080" in text and "5353" in text
    text = text.replace("8080", str(site.http_port)).replace("5353", str(site.dns_port))
    if lines := worker_environment(programs()):
        site.site.write("new/asan.env", lines)
        text = text.replace("[app]\n", "[app]\nenv_file = \"asan.env\"\n")
    site.config.write_text(text)
    site.command("check")
    site.start()
    assert site.get("/", headers={"Host": "localhost"}).status == 200
    assert site.get("/hello", headers={"Host": "localhost"}).body == b"Hello! Visit number 1.\n"
    # The folder's name, or all the sites that were begun like this would share one state.
    assert "127.0.0.1" in site.dig("www.new.test", "A", "+short")
    site.stop()
