#!/usr/bin/env python3
"""./dev bench never-down [CASE ...] [--quick] [--ours] [--minutes N]: something changes while a strict load runs, ours
beside the peers in the same run; the tables go to bench/never-down.md. --quick runs the small versions and only
prints."""
import argparse
import datetime
import os
import sys
import time
from dataclasses import dataclass
from typing import Callable

BENCH = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [BENCH, os.path.join(os.path.dirname(BENCH), "tests", "e2e")]
import measure  # noqa: E402
from neverdown import app, peers, report, state, web  # noqa: E402
from neverdown.measure import Scale  # noqa: E402
from neverdown.ours import NAME  # noqa: E402


def nobody(scale):
    """No peer can do this at all."""
    del scale
    return []


@dataclass
class Case:
    heading: str
    ours: Callable
    theirs: Callable = nobody


CASES = {
    "reload": Case("Reload of the configuration", web.reload, web.reload_peers),
    "upgrade": Case("Upgrade of the program itself", web.upgrade, web.upgrade_peers),
    "deploy": Case("Deploy of a new release", app.deploy, app.deploy_peers),
    "kill-worker": Case("kill -9 of a worker", app.kill_worker, app.kill_worker_peers),
    "broken": Case("Broken releases", app.broken, app.broken_peers),
    "stop": Case("The application stopped, started, paused", app.stop, app.stop_peers),
    "database": Case("Restart of the database", state.database),
    "kill-front": Case("kill -9 of the web server", web.kill_front, web.kill_front_peers),
    "long": Case("Long connections across deploy and upgrade", web.long),
    "hang": Case("A thread that hangs", app.hang),
    "leak": Case("A worker that leaks", app.leak),
    "rollback": Case("Rollback", app.rollback),
    "soak": Case("Soak with a deploy every 20 s", state.soak),
}


def show(rows):
    for row in rows:
        print(f"  {row.server}: {row.event}: {row.failed} failed of {row.attempted:,} {row.failures or ''}"
              f" {row.idle_closes} idle closes; p50 {row.p50_ms:.1f} p99 {row.p99_ms:.1f} max {row.max_ms:.0f}"
              f" gap {row.gap_ms:.0f} ms {row.note}", flush=True)
        for what in row.broken + row.slow:
            print(f"    NOT KEPT: {what}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench never-down", description=__doc__)
    parser.add_argument("case", nargs="*", choices=[[], *CASES], default=[])
    parser.add_argument("--quick", action="store_true", help="the small versions; nothing is written")
    parser.add_argument("--ours", action="store_true", help="without the peers; nothing is written")
    parser.add_argument("--minutes", type=float, default=10, help="of the soak")
    options = parser.parse_args()
    os.environ.setdefault("TRIMARAN_BIN", os.path.join(os.path.dirname(BENCH), "build", "release", "bin"))
    if not options.ours and peers.missing():
        sys.exit("missing: " + ", ".join(peers.missing()) + " (./dev bench installs the peers)")
    scale, bad = Scale(small=options.quick), 0
    for name in options.case or CASES:
        case, began = CASES[name], time.monotonic()
        print(f"== {name}: {case.heading}", flush=True)
        rows = case.ours(scale, options.minutes * 60) if name == "soak" else case.ours(scale)
        show(rows)
        if not options.ours:
            theirs = case.theirs(scale)
            show(theirs)
            rows += theirs
        print(f"  {time.monotonic() - began:.0f} s", flush=True)
        bad += sum(len(row.broken) + len(row.slow) for row in rows if row.server == NAME)
        if not options.quick and not options.ours:
            stamp = f"{datetime.date.today()}, {measure.machine()}. `./dev bench never-down {name}`"
            report.save(name, case.heading, stamp, rows, {key: one.heading for key, one in CASES.items()}, NAME)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
