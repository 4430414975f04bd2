"""One event under one load. A Row is one line of a table: what was attempted, what failed, how long one had to wait.

`broken` lists promises that were not kept and that no slow machine excuses; `slow` those about time, which only a
real run judges.
"""
import os
import tempfile
import time
from dataclasses import asdict, dataclass, field

from harness import StrictLoad

SETTLE_SECONDS = 0.7  # of load before the first event and behind the last


@dataclass
class Scale:
    """How many, how fast, how long. The small one is for ./dev test, on any machine."""
    small: bool = False

    def __call__(self, full, small):
        return small if self.small else full


@dataclass
class Row:
    event: str
    server: str
    attempted: int = 0
    failed: int = 0
    failures: dict = field(default_factory=dict)
    idle_closes: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    gap_ms: float = 0.0
    note: str = ""
    broken: list = field(default_factory=list)
    slow: list = field(default_factory=list)

    def expect(self, true, what):
        if not true:
            self.broken.append(what)
        return self

    def expect_time(self, true, what):
        if not true:
            self.slow.append(what)
        return self

    def expect_perfect(self):
        self.expect(self.attempted > 0, "nothing was attempted")
        return self.expect(self.failed == 0, f"{self.failed} failed: {self.failures}")

    def as_json(self):
        return asdict(self)


def row_of(event, server, result, note=""):
    return Row(event, server, result["attempted"], result["failed"], result["failures"], result["idle_closes"],
               result["p50_ms"], result["p99_ms"], result["max_ms"], result["longest_gap_ms"], note)


class Timeline:
    """Every request of a load that was run with it, in the order in which they ended. Times: the monotonic clock, s."""

    def __init__(self, path):
        with open(path) as lines:
            next(lines)
            self.records = [line.rstrip("\n").split("\t") for line in lines]

    def first_ok_after(self, moment_s, word=""):
        """When the first good answer ended that was due after `moment_s` and holds `word`; None when there is none."""
        for _, due, done, outcome, _, body in self.records:
            if outcome == "ok" and int(due) >= moment_s * 1e6 and word in body:
                return int(done) / 1e6
        return None

    def done(self, outcomes=("ok",)):
        """The numbers of the requests that ended so."""
        return [int(record[0]) for record in self.records if record[3] in outcomes]


class Loads:
    """Several loads at once, each with a name: `with Loads(keep=dict(kind="http", port=...), ...) as loads: ...`"""

    def __init__(self, timelines=False, **loads):
        self._folder = tempfile.TemporaryDirectory(prefix="trimaran-load-")
        self.loads = {}
        for name, options in loads.items():
            if timelines:
                options = options | {"timeline": os.path.join(self._folder.name, name)}
            self.loads[name] = StrictLoad(**options)

    def __enter__(self):
        for load in self.loads.values():
            load.__enter__()
        time.sleep(SETTLE_SECONDS)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            time.sleep(SETTLE_SECONDS)
        for load in self.loads.values():
            load.stop()
        self.timelines = {name: Timeline(path) for name in self.loads
                          if os.path.exists(path := os.path.join(self._folder.name, name))}
        self._folder.cleanup()

    def row(self, name, event, server, note=""):
        return row_of(event, server, self.loads[name].result, note)

    def __getitem__(self, name):
        return self.loads[name].result


def until(condition, seconds=60.0):
    """Waits for it; looks seldom, because `trimaran status` under a measured load takes some of its processor."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not true after {seconds} s: {condition}")
        time.sleep(0.1)


def repeat(times, every_s, act):
    """act(number) so many times, `every_s` from one beginning to the next, or later when it takes longer."""
    due = time.monotonic()
    for number in range(times):
        time.sleep(max(0.0, due - time.monotonic()))
        act(number)
        due += every_s
    time.sleep(max(0.0, due - time.monotonic()))
