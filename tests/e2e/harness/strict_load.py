"""The strict load client of bench/strict_load.cc as a test uses it: beside whatever happens meanwhile."""
import json
import signal
import subprocess

from .programs import programs
from .wait import PATIENCE_SECONDS



class StrictLoad:
    """`with StrictLoad("http", port, rate=200, new=True) as load: ...change something...` then load.result.

    Keyword arguments are the client's options: body_bytes=5 is --body-bytes 5, a list repeats the option. The load runs
    until the block ends, or for `seconds`.
    """

    def __init__(self, kind, port, seconds=600, **options):
        self.result, self.log = None, ""
        self._argv = [str(programs() / "strict_load"), kind, "--port", str(port), "--seconds", str(seconds)]
        for name, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                self._argv += [f"--{name.replace('_', '-')}"] + ([] if one is True else [str(one)])

    def __enter__(self):
        self._process = subprocess.Popen(self._argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self, deadline_s=PATIENCE_SECONDS):
        try:
            out, self.log = self._process.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        assert self._process.returncode in (0, 1), self.log
        self.result = json.loads(out)
        return self.result

    def assert_perfect(self):
        assert self.result["failed"] == 0 and self.result["attempted"] > 0, self.log + json.dumps(self.result)


def run_load(kind, port, **options):
    """A whole load: its result."""
    with StrictLoad(kind, port, **options) as load:
        return load.wait()
