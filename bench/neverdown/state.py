"""Cases with something to keep: the database is restarted under an application that writes, and the soak."""
import os
import time

from harness import resident_kib

from .app import THREADS, pages
from .measure import Loads, repeat, until
from .ours import NAME, Site

DEPLOY_EVERY_SECONDS = 20
FDS_MORE_MAX = 8
LOOKS = 100  # at the descriptors, for the fewest: the connections of a busy moment go, a leak stays


# --- database restart ---

def database(scale):
    tables = {"database": {"engine": "mariadb"}}
    with Site(app={"workers": 4, "threads": 4}, tables=tables) as site:
        before = site.pid("mariadbd")
        load = pages(scale, site, rate=(200, 40), path="/visit?id={id}", timeout=60)
        with Loads(timelines=True, web=load) as loads:
            repeat(scale(3, 1), scale(3, 1), lambda _: site.command("db", "restart", deadline_s=240))
        row = loads.row("web", "database restarted, pages that read and write", NAME).expect_perfect()
        row.expect(site.pid("mariadbd") != before, "the database was not restarted")
        kept = site.command("db", "shell", input="SELECT id FROM visits;").stdout.split()
        lost = set(map(str, loads.timelines["web"].done())) - set(kept)
        row.expect(not lost, f"answered, but not in the database: {sorted(lost)[:10]}")
    return [row]


# --- soak ---

def count_fds(pids):
    total = 0
    for pid in pids:
        try:
            total += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            pass
    return total


def sample(site):
    pids, kib = site.pids(), 0
    for pid in pids:
        try:
            kib += resident_kib(pid)
        except OSError:
            pass
    return {"fds": count_fds(pids), "processes": len(pids), "mib": kib / 1024}


def soak(scale, seconds=600):
    every_s = scale(DEPLOY_EVERY_SECONDS, 2)
    rounds = max(3, int(scale(seconds, 6) / every_s))
    curve = []
    # Warm workers of the old release are ended before the next deploy, so that each round ends as it began.
    tables = {"deploy": {"keep": 3, "warm": f"{scale(8, 1)}s"}}
    with Site(app=THREADS | {"health": "/healthz"}, tables=tables) as site:
        processes = len(site.pids())
        loads = {"web": pages(scale, site, rate=(600, 60)),
                 "new": pages(scale, site, rate=(100, 20), new=True)}
        with Loads(**loads) as running:
            def one(number):
                site.deploy(f"r{number + 1}")
                until(lambda: site.get("/work?id=1").body == f"1 r{number + 1}\n".encode())
                until(lambda: len(site.pids()) == processes)
                curve.append(sample(site))
            repeat(rounds, every_s, one)
            warm, end = curve[1], curve[-1]
            for _ in range(LOOKS):
                if end["fds"] <= warm["fds"] + FDS_MORE_MAX:
                    break
                time.sleep(0.1)
                end["fds"] = min(end["fds"], count_fds(site.pids()))
    note = (f"{rounds} deploys; after warm-up and at the end: descriptors {warm['fds']} and {end['fds']}, processes"
            f" {warm['processes']} and {end['processes']}, memory {warm['mib']:.0f} and {end['mib']:.0f} MiB")
    rows = [running.row("web", "soak, keep-alive", NAME, note), running.row("new", "soak, new connections", NAME)]
    for row in rows:
        row.expect_perfect()
    rows[0].expect(end["fds"] <= warm["fds"] + FDS_MORE_MAX, f"descriptors grow: {[one['fds'] for one in curve]}")
    grown = end["mib"] - warm["mib"]
    rows[0].expect_time(grown <= max(8, 0.1 * warm["mib"]), f"memory grows: {[round(one['mib']) for one in curve]}")
    return rows
