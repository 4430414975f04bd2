"""Starts a worker: finds the application, proves it healthy, tells the supervisor, and serves until told to drain."""

import faulthandler
import gc
import importlib
import os
import signal
import sys
import threading
import traceback

import _trimaran
from trimaran.child import end_child
from trimaran.errors import Errors, one_line, report, write_stderr
from trimaran.files import FileWrapper
from trimaran.health import Unhealthy, ask

THREADS_MAX = 256


def load(target):
    """The object behind "module:callable", "module:object.callable" or "module:factory()"."""
    module_name, _, expression = target.partition(":")
    found = importlib.import_module(module_name)
    expression = expression or "application"
    is_factory = expression.endswith("()")
    for name in expression.removesuffix("()").split("."):
        found = getattr(found, name)
    if is_factory:
        found = found()
    if not callable(found):
        raise TypeError("%s is not callable" % target)
    return found


def base_environ(threads):
    """What every request has."""
    return {
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": "trimaran",
        "wsgi.version": (1, 0),
        "wsgi.errors": Errors(),
        "wsgi.multithread": threads > 1,
        # Always true: while a new generation starts, the old one still serves.
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
    }


def thread_count():
    text = os.environ.get("TRIMARAN_THREADS", "1")
    return min(max(int(text), 1), THREADS_MAX) if text.isdigit() else 1


def prepare_process():
    # The supervisor drains through the link; its signals, and Ctrl-C in a terminal, must not cut a request short.
    # Handlers that do nothing, not SIG_IGN, which the application's own children would inherit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    faulthandler.enable()
    # role/role.h, traceback_signal(): a request hangs, and the log shall say where.
    faulthandler.register(signal.SIGRTMIN + 3, all_threads=True, chain=False)
    sys.stdout.reconfigure(line_buffering=True)  # an application's print() is a log line too
    # The application's folder first, ours last: nothing of the application's is ever hidden by us.
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [os.getcwd()] + [entry for entry in sys.path if entry not in ("", ours)] + [ours]


def is_asgi():
    return os.environ.get("TRIMARAN_KIND") == "asgi"


def load_application():
    application = load(os.environ.get("TRIMARAN_APP", ""))
    if os.environ.get("TRIMARAN_DEV"):
        from trimaran import dev

        return dev.guard_asgi(application) if is_asgi() else dev.guard_wsgi(application)
    return application


def main():
    prepare_process()
    if not os.environ.pop("TRIMARAN_PRELOAD", ""):
        return run(load_application)
    from trimaran import preload

    return preload.run(load_application, run)


def run(get_application):
    if is_asgi():
        from trimaran import asgi  # not at the top: a WSGI worker needs no event loop

        return asgi.run(get_application, os.environ.get("TRIMARAN_HEALTH"))
    return run_wsgi(get_application)


def run_wsgi(get_application):
    threads = thread_count()
    worker = _trimaran.connect(threads)
    pid = os.getpid()
    os.register_at_fork(before=worker.before_fork, after_in_parent=worker.after_fork_in_parent,
                        after_in_child=worker.after_fork_in_child)
    try:
        application = get_application()
        environ = base_environ(threads)
        if health := os.environ.get("TRIMARAN_HEALTH"):
            ask(application, health, environ)
    except Unhealthy as answer:  # no traceback: the application said so itself
        write_stderr("error %s\n" % answer)
        worker.failed(str(answer))
        return 1
    except BaseException as exception:  # also SystemExit: the reason must reach the supervisor
        if os.getpid() != pid:
            end_child(exception)
        traceback.print_exc()
        worker.failed(one_line(exception))
        return 1
    # What is loaded now stays for ever: no collection needs to look at it again.
    gc.collect()
    gc.freeze()
    worker.ready()
    arguments = (application, environ, report, end_child)
    if threads == 1:
        worker.serve(*arguments)
        return 0
    # Python runs signal handlers in the main thread, which has nothing else to do then: a join is interrupted by them.
    servers = [threading.Thread(target=worker.serve, args=arguments, name="worker-%d" % i) for i in range(threads)]
    for thread in servers:
        thread.start()
    for thread in servers:
        thread.join()
    return 0
