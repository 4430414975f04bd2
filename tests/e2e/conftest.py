"""End-to-end tests: the real binary, real sockets, real clients. Each test reads like one promise of the design.

TRIMARAN_BIN is the folder of the programs (default build/dev/bin); ./dev test and ./dev asan set it. A test starts its
own site with `with Trimaran(...) as site:` or shares one through a module-scoped fixture; nothing is shared further.
"""
import signal

import pytest

TEST_SECONDS_MAX = 600  # a hung test must not hold up the run; a test that needs longer says so with its marker


class TestDeadline(Exception):
    """The test took longer than its marker `deadline` allows."""


def run_with_deadline(item):
    marker = item.get_closest_marker("deadline")
    seconds = marker.args[0] if marker else TEST_SECONDS_MAX

    def give_up(signum, frame):
        raise TestDeadline(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    yield from run_with_deadline(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from run_with_deadline(item)
