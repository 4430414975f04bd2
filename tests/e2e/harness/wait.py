"""Waiting for what has no event. The only place in the tests that polls, and always with a deadline."""
import time

POLL_SECONDS = 0.02
# How long a test waits for anything that will come in a moment: no time decides a test, not on a machine that is five
# times slower, busy and runs the sanitizers. A shorter deadline is only right where the end of it is the subject.
PATIENCE_SECONDS = 120.0


def eventually(function, deadline_s=PATIENCE_SECONDS):
    """The first true value of function(); when there is none in time, its last error is raised: an AssertionError, an
    OSError, or the LookupError of what is not in a list or a table yet."""
    end = time.monotonic() + deadline_s
    while True:
        error = None
        try:
            if value := function():
                return value
        except (AssertionError, OSError, LookupError) as raised:
            error = raised
        if time.monotonic() >= end:
            raise error or AssertionError(f"not true after {deadline_s} s: {function}")
        time.sleep(POLL_SECONDS)
