"""Constant load during change: paced keep-alive GETs that record every request without its whole right answer.

Paced, not as fast as possible: a generator that waits for a slow server measures nothing while the server is away (the
"coordinated omission"). Here a request has its time, and what was due while the server was away is sent late, counted
late and never dropped.
"""
import threading
import time
from dataclasses import dataclass

from .raw_http import RawHttp
from .wait import PATIENCE_SECONDS

RECORDS_MAX = 1_000_000  # per load; a test that needs more is a benchmark


@dataclass
class Failure:
    at_s: float  # since the load began
    target: str
    what: str


class SteadyLoad:
    """`with SteadyLoad(port, rate=200, connections=4) as load: ...change something...` then load.assert_perfect().

    targets  paths, requested in turn
    rate     requests a second over all connections
    check    function(target, response): an AssertionError in it is a failure; default: status 200
    """

    def __init__(self, port, targets=("/",), rate=100, connections=4, check=None, name="foobar.com",
                 deadline_s=PATIENCE_SECONDS):
        self.port, self.targets, self.name, self.deadline_s = port, list(targets), name, deadline_s
        self.interval_s = connections / rate
        self.check = check or self._expect_200
        self.failures, self.latencies_s = [], []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(index / rate,), daemon=True)
                         for index in range(connections)]

    def __enter__(self):
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(self.deadline_s + 5)
            assert not thread.is_alive(), "a request did not end within its own deadline"

    @property
    def requests(self):
        return len(self.latencies_s) + len(self.failures)

    def wait_for(self, count, deadline_s=PATIENCE_SECONDS):
        """Until `count` more requests have ended: the load is known to have seen what was done before the call."""
        goal, end = self.requests + count, time.monotonic() + deadline_s
        while self.requests < goal:
            assert time.monotonic() < end, f"{self.requests} of {goal} requests in {deadline_s} s"
            time.sleep(0.01)

    def worst_ms(self):
        return max(self.latencies_s, default=0.0) * 1000

    def assert_perfect(self):
        assert not self.failures, f"{len(self.failures)} of {self.requests} requests failed: {self.failures[:10]}"
        assert self.latencies_s, "no request was made"

    @staticmethod
    def _expect_200(target, response):
        assert response.status == 200, f"status {response.status}: {response.body[:200]!r}"

    def _run(self, offset_s):
        client, due, turn = None, self.began + offset_s, 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            target = self.targets[turn % len(self.targets)]
            what = None
            try:
                client = client or RawHttp(self.port, name=self.name, deadline_s=self.deadline_s)
                response = client.get(target)
                self.check(target, response)
                if response.get("connection", "").lower() == "close":
                    client.close()
                    client = None
            except (OSError, AssertionError, ValueError) as error:
                what = f"{type(error).__name__}: {error}"
                if client:
                    client.close()
                client = None
            self._record(target, what, time.monotonic() - due)
            due, turn = due + self.interval_s, turn + 1

    def _record(self, target, what, latency_s):
        with self._lock:
            assert self.requests < RECORDS_MAX
            if what:
                self.failures.append(Failure(round(time.monotonic() - self.began, 3), target, what))
            else:
                self.latencies_s.append(latency_s)
