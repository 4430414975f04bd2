"""What workers and applications say on stderr, in whole lines, so that threads never mix theirs."""

import os
import sys
import threading
import traceback

LINE_MAX = 64 * 1024  # characters kept for a line without an end; then it is written as it is


def write_stderr(text):
    data = text.encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(2, data):]
        except OSError:  # a log that cannot be written must not stop the site
            return


class Errors:
    """wsgi.errors. print() writes a text and its newline apart; each thread's line is kept until it is whole."""

    encoding = "utf-8"

    def __init__(self):
        self._local = threading.local()

    def write(self, text):
        pending = getattr(self._local, "text", "") + text
        lines, newline, rest = pending.rpartition("\n")
        if len(rest) > LINE_MAX:
            lines, newline, rest = pending, "\n", ""
        self._local.text = rest
        if newline:
            write_stderr(lines + "\n")
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        """Writes what there is, as a line: another thread may be the next to write."""
        if getattr(self._local, "text", ""):
            self.write("\n")

    def isatty(self):
        return False


def one_line(exception):
    """ "ValueError: bad"; of a module that is missing also for whom: it may be installed for another interpreter."""
    text = "".join(traceback.format_exception_only(type(exception), exception))
    if isinstance(exception, ModuleNotFoundError):
        text += " (for %s)" % sys.executable
    return " ".join(text.split())


def report(exception, method, path):
    """Logs an exception of the application in one write; returns one line about it for the front."""
    story = "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))
    write_stderr("error %s %s: the application failed\n%s" % (method, repr(path)[1:-1], story))
    return one_line(exception)
