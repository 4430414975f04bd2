"""Waiting for what has no event. The only place in the tests that polls, and always with a deadline."""
import time

POLL_SECONDS = 0.02
# How long a test waits for anything that will come in a moment: no time decides a test, not on a machine that is five
# times slower, busy and runs the sanitizers. A shorter deadline is only right where the end of it is the subject.
PATIENCE_SECONDS = 60.0


def eventually(function, deadline_s=PATIENCE_SECONDS):
    """The first true value of function(); when there is none in time, its last AssertionError or OSError is raised."""
    end = time.monotonic() + deadline_s
    while True:
        error = None
        try:
            if value := function():
                return value
        except (AssertionError, OSError) as raised:
            error = raised
        if time.monotonic() >= end:
            raise error or AssertionError(f"not true after {deadline_s} s: {function}")
        time.sleep(POLL_SECONDS)
