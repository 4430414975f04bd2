"""The end of a process that the application forked, when it comes out of the application (src/python/child.h)."""

import os
import sys
import traceback

from trimaran.errors import write_stderr


def exit_code(exception):
    if exception is None:
        write_stderr("error a process that the application forked came back from it into the worker and is ended: "
                     "only the worker answers\n")
        return 1
    if not isinstance(exception, SystemExit):
        traceback.print_exception(exception)
        return 1
    if exception.code is None or isinstance(exception.code, int):
        return (exception.code or 0) & 0xFF
    write_stderr("%s\n" % exception.code)
    return 1


def end_child(exception):
    """As the children of multiprocessing end: what was registered with atexit is the worker's."""
    code = 1
    try:
        code = exit_code(exception)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
