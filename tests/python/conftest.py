"""The `start` fixture: workers that are stopped, and looked at, when the test ends."""

import textwrap

import pytest
from fake_front import Worker, undefined_symbols


@pytest.fixture
def start():
    if "__tsan_init" in undefined_symbols():
        pytest.skip("a plain interpreter cannot load a module that was built with ThreadSanitizer")
    workers = []

    def start_worker(source, app="app:app", **options):
        files = source if isinstance(source, dict) else {"app.py": source}
        worker = Worker(app, {name: textwrap.dedent(text) for name, text in files.items()}, **options)
        workers.append(worker)
        return worker

    yield start_worker
    for worker in workers:
        code = worker.process.returncode if worker.process.poll() is not None else worker.stop()
        assert code in (0, 1), "the worker ended with %s:\n%s" % (code, worker.log())
        assert "Sanitizer" not in worker.log(), worker.log()
