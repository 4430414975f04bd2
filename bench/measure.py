"""How the benchmarks measure: CPU time of a process tree, pinned processes, interleaved rounds, medians.

CPU microseconds per request come from schedstat (nanoseconds on the CPU, for each thread), so they do not depend on how
busy the load generator is. Servers run on core 0, load generators on core 1.
"""
import json
import os
import platform
import statistics
import subprocess
import time

SERVER_CORE, CLIENT_CORE = "0", "1"


def pinned(core, argv):
    return ["taskset", "-c", core] + [str(a) for a in argv]


def children_of(pid):
    """The process and all its descendants that live now."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as f:
                parents.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
        except OSError:
            continue
    out, todo = [], [pid]
    while todo:
        pid = todo.pop()
        out.append(pid)
        todo += parents.get(pid, [])
    return out


def cpu_us(pids):
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
        except OSError:
            continue
    return total / 1000


def memory_kb(pids, key="Rss"):
    """Sum of a line of smaps_rollup: Rss counts shared pages in each process, Pss shares them out."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith(key + ":"))
    return total


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen in {seconds} s")
        time.sleep(0.02)


def run_load(argv, *server_pids):
    """Runs a load generator on its core; its JSON line plus the servers' CPU per request."""
    pids = [pid for root in server_pids if root for pid in children_of(root)]
    before = cpu_us(pids)
    done = subprocess.run(pinned(CLIENT_CORE, argv), capture_output=True, text=True, timeout=120)
    used = cpu_us(pids) - before
    try:
        out = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"{argv[0]} printed no result: {done.stdout!r} {done.stderr!r}") from None
    out["cpu_us"] = used / max(1, out["requests"])
    out["rps"] = out["requests"] / out["seconds"]
    # What one core would answer if the load generator were never the limit.
    out["rps_core"] = 1e6 / out["cpu_us"]
    return out


def interleaved(subjects, measure, rounds):
    """measure(subject) for every subject in turn, `rounds` times. {name: [results]}"""
    results = {name: [] for name in subjects}
    for number in range(rounds):
        for name, subject in subjects.items():
            results[name].append(measure(subject))
            print(f"    round {number + 1}/{rounds} {name}: " + short(results[name][-1]), flush=True)
    return results


def short(result):
    return f"{result['rps']:,.0f}/s, {result['cpu_us']:.2f} us CPU, {result['failed']} failed"


def median(results, key):
    return statistics.median(r[key] for r in results)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]) + "\n"


def comparison(results, ours="trimaran"):
    """The usual table: medians and the ratio of CPU per request to each peer (above 1: ours needs less)."""
    mine = median(results[ours], "cpu_us")
    rows = []
    for name, rounds in results.items():
        cpu = median(rounds, "cpu_us")
        rows.append([name, f"{median(rounds, 'rps'):,.0f}", f"{cpu:.2f}", f"{1e6 / cpu:,.0f}",
                     f"{min(r['cpu_us'] for r in rounds):.2f}-{max(r['cpu_us'] for r in rounds):.2f}",
                     sum(r["failed"] for r in rounds), f"{cpu / mine:.2f}x"])
    return table(["server", "req/s seen", "CPU us/req", "req/s per core (1e6/us)", "us/req range", "failed",
                  "CPU per request, relative to Trimaran"], rows)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, loopback"
