"""What /proc knows about processes. A process that ends while it is being looked at is simply not there."""
import contextlib
import os
from pathlib import Path


def _stat(pid):
    """The fields of /proc/PID/stat from the state on, so [0] is the state, [1] the parent, [3] the session."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _pids():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _each(read):
    """{pid: read(pid)} for every process that is still there."""
    found = {}
    for pid in _pids():
        try:
            found[pid] = read(pid)
        except OSError:
            pass
    return found


def members(session, mark):
    """Living processes of the session, those that left it but still carry `mark` (bytes) in their environment, and the
    children of all these: in the middle of execve(2) a process has no environment to be known by."""
    def look(pid):
        """(its parent, whether it belongs by itself); None when it is dead"""
        stat = _stat(pid)
        if stat[0] in "ZX":
            return None
        try:
            return int(stat[1]), int(stat[3]) == session or mark in Path(f"/proc/{pid}/environ").read_bytes()
        except PermissionError:
            return int(stat[1]), False

    living = {pid: found for pid, found in _each(look).items() if found}
    known = [pid for pid, (_, belongs) in living.items() if belongs]
    for one in known:  # grows while it is walked
        known += [pid for pid, (parent, _) in living.items() if parent == one and pid not in known]
    return sorted(known)


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "(gone)"


def links(pid):
    """What the descriptors of the process lead to, e.g. "socket:[4711]"."""
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            found.add(os.readlink(fd))
    return found


def descendants(pid):
    """`pid` and every process below it."""
    parents = _each(lambda child: int(_stat(child)[1]))
    tree = [pid]
    for parent in tree:  # grows while it is walked
        tree += [child for child, its_parent in parents.items() if its_parent == parent]
    return tree


def cpu_us(pids):
    """CPU time of these processes so far, all threads, in microseconds. From schedstat: stat counts in 10 ms steps."""
    if isinstance(pids, int):
        pids = [pids]
    total_ns = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total_ns += int(task.read_text().split()[0])
            except OSError:
                pass
    return total_ns // 1000


def kernel_tcp_kib():
    """What TCP's buffers take in the whole machine, so a test can only compare before and after, loosely."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * 4  # the last field is "mem PAGES"
    return 0


def resident_kib(pid):
    """Proportional set size: pages shared by n processes count 1/n in each, so a sum over processes is honest."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
