"""Cases of the application: what a visitor notices when it is deployed, killed, broken, paused, rolled back."""
import os
import signal
import threading
import time
from collections import Counter

from harness import resident_kib

from . import peers
from .measure import Loads, repeat, until
from .ours import NAME, Site

THREADS = {"workers": 2, "threads": 16}   # 32 pages of 20 ms at a time: 1,600 a second at most
PROCESSES = {"workers": 8}                # one request in each: a kill -9 hits one at most


def pages(scale, server, rate=(1200, 100), **options):
    return {"kind": "http", "port": server.http_port, "rate": scale(*rate), "connections": scale(48, 16),
            "path": "/work?id={id}", "expect_prefix": "{id} r", "timeout": scale(10, 60)} | options


# --- deploy ---

def quiet_p99_ms(scale, server):
    """Of the same load while nothing happens."""
    with Loads(web=pages(scale, server)) as loads:
        time.sleep(scale(4, 0))
    return loads["web"]["p99_ms"]


def deploys(scale, server, name, deploy):
    quiet = quiet_p99_ms(scale, server)
    with Loads(web=pages(scale, server)) as loads:
        repeat(scale(10, 2), scale(1.3, 0.3), lambda number: deploy(f"r{number + 1}"))
    row = loads.row("web", "deploy", name, f"quiet p99 {quiet:.1f} ms")
    row.expect_time(row.p99_ms <= 2 * quiet, f"p99 {row.p99_ms:.1f} ms, quiet {quiet:.1f} ms")
    return row.expect_time(row.gap_ms <= 50, f"a gap of {row.gap_ms:.0f} ms")


def deploy(scale):
    with Site(app=THREADS) as site:
        def one(release):
            site.deploy(release)
            answered.append(site.get("/work?id=7").body.decode())
            wanted.append(f"7 {release}\n")
        answered, wanted = [], []
        row = deploys(scale, site, NAME, one).expect_perfect()
    return [row.expect(answered == wanted, f"behind each deploy the new release answers: {answered}")]


def deploy_peers(scale):
    rows = []
    for start in (peers.gunicorn_sync, peers.gunicorn_gthread):
        with start() as peer:
            rows.append(deploys(scale, peer, f"{peer.name}, HUP", peer.deploy))
    return rows


# --- kill -9 of a worker ---

def kills(scale, server, name, kill_worker):
    """Under GETs, and again under POSTs, each of which the application counts."""
    times, rows = scale(10, 3), []
    with Loads(web=pages(scale, server, rate=(200, 60))) as loads:
        repeat(times, scale(1.0, 0.3), kill_worker)
    rows.append(loads.row("web", "kill -9 of a worker, GET", name))
    posts = pages(scale, server, rate=(200, 60), method="POST", path="/count", body="{id}")
    with Loads(timelines=True, web=posts) as loads:
        repeat(times, scale(1.0, 0.3), kill_worker)
    executed = Counter(int(line) for line in server.counter.read_text().split())
    twice = [number for number, count in executed.items() if count > 1]
    lost = [number for number in loads.timelines["web"].done() if number not in executed]
    row = loads.row("web", "kill -9 of a worker, POST", name, f"{len(twice)} of {len(executed)} executed twice")
    row.expect(not twice, f"executed twice: {twice[:10]}").expect(not lost, f"answered, not executed: {lost[:10]}")
    return rows + [row]


def kill_worker(scale):
    with Site(app=PROCESSES) as site:
        def kill_one(number):
            workers = site.workers()
            site.kill_and_wait(workers[number % len(workers)], signal.SIGKILL)
        get, post = kills(scale, site, NAME, kill_one)
    get.expect_perfect()
    post.expect(set(post.failures) <= {"status"}, f"not only 502: {post.failures}")
    post.expect(post.failed <= scale(10, 3), f"{post.failed} failed in {scale(10, 3)} kills")
    return [get, post]


def kill_worker_peers(scale):
    with peers.Gunicorn("gunicorn sync, 8 workers", ["-k", "sync", "-w", "8"]) as peer:
        return kills(scale, peer, peer.name, peer.kill_worker)


# --- broken releases ---

BROKEN = {  # what is wrong: (the release's name, its files, a word that must be on the screen)
    "syntax error": ("r1", {"app.py": "def application(:\n"}, "SyntaxError"),
    "hangs at import": ("r1", {"app.py": "import threading\nthreading.Event().wait()\n"}, "not ready in time"),
    "health is 500": ("sick", {}, "500"),
    "package missing": ("r1", {"app.py": "import a_package_that_nobody_has\n"}, "ModuleNotFoundError"),
}


def broken(scale):
    rows = []
    with Site(app=THREADS | {"health": "/healthz"}) as site:
        for what, (release, changes, word) in BROKEN.items():
            # What hangs is given up soon; the others, and what is good, have all the time that they need.
            site.site.configure({"app": {"start_timeout": "3s" if "hangs" in what else "60s"}})
            site.command("reload")
            with Loads(web=pages(scale, site, rate=(600, 60))) as loads:
                done = site.deploy(release, changes, check=False)
                said = done.stdout + done.stderr
            row = loads.row("web", f"broken release: {what}", NAME, f"exit {done.returncode}").expect_perfect()
            row.expect(done.returncode == 1, f"exit code {done.returncode}")
            row.expect(word in said, f"no word of {word!r} on the screen: {said!r}")
            rows.append(row.expect(site.get("/work?id=1").body == b"1 r0\n", "the old release does not serve"))
    return rows


def broken_peers(scale):
    rows = []
    for what, (release, changes, _) in BROKEN.items():
        with peers.gunicorn_gthread() as peer:
            with Loads(web=pages(scale, peer, rate=(600, 60), timeout=5)) as loads:
                peer.deploy(release, changes)
                time.sleep(scale(3, 1))
            rows.append(loads.row("web", f"broken release: {what}", "gunicorn gthread, HUP"))
    return rows


# --- stop and start, pause and resume ---

def stop(scale):
    times = scale(3, 2)
    with Site(app=THREADS) as site:
        with Loads(web=pages(scale, site, rate=(400, 60))) as loads:
            repeat(times, scale(3, 0.5), lambda _: kill_all(site))
        rows = [loads.row("web", "application stopped and started", NAME, "kill -9 of all workers").expect_perfect()]
        pause_s = scale(2.0, 0.5)

        def pause(number):
            site.command("pause")
            time.sleep(pause_s + scale(0.0, 0.5))  # the first request that must wait may come a while after
            site.command("resume")
        with Loads(web=pages(scale, site, rate=(400, 60), timeout=60)) as loads:
            repeat(times, scale(4, 0.6), pause)
    row = loads.row("web", f"pause of {pause_s} s", NAME).expect_perfect()
    row.expect(row.max_ms >= pause_s * 1000, "requests did not wait: there was no pause")
    return rows + [row.expect_time(row.max_ms <= pause_s * 1000 + 200, "a longer wait than the pause and 0.2 s")]


def kill_all(site):
    """All workers at once, and until all are there again: no process of the application exists for a while."""
    before = {s["pid"] for s in site.workers()}
    # At once means: none begins what another one has lost. A request that two workers died of is refused, rightly.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in before:
            os.kill(pid, number)
    until(lambda: len(site.workers()) == len(before) and not before & {s["pid"] for s in site.workers()})


def stop_peers(scale):
    with peers.gunicorn_gthread(socket=True) as app, peers.nginx(upstream_socket=app.socket) as front:
        with Loads(web=pages(scale, front, rate=(400, 60))) as loads:
            repeat(scale(3, 2), scale(3, 1), lambda _: app.stop_and_start())
        return [loads.row("web", "application stopped and started", "nginx + gunicorn")]


# --- hang and leak ---

def hang(scale):
    timeout_s = scale(2, 5)  # which no other request may run into, on any machine
    app = {"workers": 2, "threads": 8, "timeout": f"{timeout_s}s"}
    with Site(app=app) as site:
        since, before = len(site.log), {s["pid"] for s in site.workers()}
        hung = {"kind": "http", "port": site.http_port, "connections": 1, "requests": 1, "timeout": 60,
                "path": "/hang", "expect_status": 504}
        with Loads(web=pages(scale, site, rate=(300, 50)), hung=hung) as loads:
            loads.loads["hung"].wait(60)
            until(lambda: len(before & {s["pid"] for s in site.workers()}) == 1)
        row = loads.row("web", f"one thread hangs (timeout {timeout_s} s)", NAME).expect_perfect()
        statuses = loads["hung"]["statuses"]
        row.expect(statuses == {"504": 1}, f"the hung request got {statuses}")
        traceback = [line for line in site.log[since:] if "in hang" in line]
        row.expect(traceback, "no traceback of the hung thread in the log")
        for pid in before - {s["pid"] for s in site.workers()}:  # it has 30 s for its other requests; none waits here
            os.kill(pid, signal.SIGKILL)
    return [row]


class Peak(threading.Thread):
    """The largest resident memory of any of the processes that `pids` names, in MiB."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.mib, self.ended = pids, 0.0, threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            for pid in self.pids():
                try:
                    self.mib = max(self.mib, resident_kib(pid) / 1024)
                except OSError:
                    pass

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def leak(scale):
    """Each /leak keeps 4 MiB for ever; beyond the soft limit the worker is replaced, whoever it serves. A new worker is
    left alone for its first 10 s, so that is what it grows to."""
    soft_mib, hard_mib = 64, 256
    app = {"workers": 2, "threads": 8, "memory_soft": f"{soft_mib}M", "memory_hard": f"{hard_mib}M"}
    with Site(app=app) as site:
        before = {s["pid"] for s in site.workers()}
        leaks = pages(scale, site, rate=(5, 5), path="/leak?id={id}")
        with Peak(lambda: before) as peak:
            with Loads(web=pages(scale, site, rate=(300, 50)), leak=leaks) as loads:
                until(lambda: len(site.workers()) == 2 and not before & {s["pid"] for s in site.workers()})
                time.sleep(scale(20, 0))
    row = loads.row("web", f"a worker leaks 10 MiB a second (soft limit {soft_mib} MiB)", NAME,
                    f"largest worker {peak.mib:.0f} MiB").expect_perfect()
    row.expect(loads["leak"]["failed"] == 0, f"leaking requests failed: {loads['leak']['failures']}")
    return [row.expect(peak.mib <= 1.25 * hard_mib, f"a worker grew to {peak.mib:.0f} MiB")]


# --- rollback ---

def rollback(scale):
    """Back and forth between two releases, whose workers are both there."""
    moments = []
    with Site(app=THREADS) as site:
        site.deploy("r1")
        site.deploy("r2")
        with Loads(timelines=True, web=pages(scale, site)) as loads:
            def one(number):
                wanted = f"r{1 + number % 2}"
                moments.append((time.monotonic(), wanted))
                site.rollback(wanted)
            repeat(scale(10, 2), scale(1.0, 0.3), one)
    line = loads.timelines["web"]
    there = [line.first_ok_after(began_s, f" {wanted}") for began_s, wanted in moments]
    row = loads.row("web", "rollback while warm", NAME).expect_perfect()
    row.expect(None not in there, "the other release never answered")
    took_ms = [(answer_s - began_s) * 1000 for answer_s, (began_s, _) in zip(there, moments) if answer_s]
    row.note = "first answer of the other release after " + ", ".join(f"{ms:.0f}" for ms in took_ms) + " ms"
    return [row.expect_time(max(took_ms, default=0) <= 100, "a rollback took longer than 100 ms")]
