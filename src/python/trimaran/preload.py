"""[app] preload: imports the application once, then forks a worker whenever the supervisor asks for one.

A worker is forked twice, and the process between ends at once: the worker's parent is then the supervisor, which
watches it as any other (role/role.h, fork and forked). os.fork(), not clone(2): Python's and the libraries' fork
handlers run, `random` gets a new seed.
"""

import gc
import os
import select
import socket
import sys
import threading
import traceback

import _trimaran
from trimaran.errors import one_line, write_stderr

LINK = 3  # role/role.h, kRoleLinkFd
MESSAGE_BYTES_MAX = 64 * 1024  # os/message_socket.h
MESSAGE_FDS_MAX = 64
FIELD_CHARACTERS_MAX = 4096


def open_link(fd):
    os.set_inheritable(fd, False)
    link = socket.socket(fileno=fd)
    link.setblocking(True)
    return link


def send(link, verb, **fields):
    # As field_text() of os/message_socket.h: an exception's words may be any, and any number.
    words = [verb] + [word.replace("\0", " ")[:FIELD_CHARACTERS_MAX] for pair in fields.items() for word in pair]
    try:
        link.send("".join(word + "\0" for word in words).encode("utf-8", "replace"))
    except OSError:
        pass  # nobody waits for it any more


def receive(link):
    try:
        data, fds, _, _ = socket.recv_fds(link, MESSAGE_BYTES_MAX, MESSAGE_FDS_MAX, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:  # the supervisor ended with words of ours unread
        return None, {}, []
    verb, *rest = os.fsdecode(data).split("\0")[:-1] or [None]
    return verb, dict(zip(rest[::2], rest[1::2])), fds


def warn_of_threads():
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        write_stderr(
            "warning preload: the application started threads while it was imported (%s). The workers are forked "
            "without them, and a lock that one of them holds stays locked there. Start them with the first request, "
            "or set preload = false\n" % ", ".join(others)
        )


def run(load_application, serve):
    """The whole life of the process; its exit code. In a worker: serve(get_application)."""
    link = open_link(LINK)
    supervisor = os.getppid()
    try:
        application = load_application()
    except BaseException as exception:  # also SystemExit: the reason must reach the supervisor
        traceback.print_exc()
        send(link, "failed", reason=one_line(exception))
        return 1
    warn_of_threads()
    # What is loaded now is shared as long as nobody writes to it, and a collection writes to all that it looks at.
    gc.collect()
    gc.disable()
    gc.freeze()
    send(link, "ready")
    while True:
        verb, fields, fds = receive(link)
        if verb in (None, "drain"):
            return 0
        if verb == "fork" and len(fds) == 2:
            if fork_twice(fds):
                become_worker(link, supervisor, fields, fds)
                return serve(lambda: application)
        for fd in fds:
            os.close(fd)


def fork_twice(fds):
    """True in the worker, once the process between has ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        between = os.fork()
    except OSError as error:
        return refuse(fds, error)
    if between:
        os.waitpid(between, 0)
        return False
    try:
        between = os.pidfd_open(os.getpid())
        if os.fork():
            os._exit(0)
    except OSError as error:
        refuse(fds, error)
        os._exit(1)
    end = select.poll()
    end.register(between, select.POLLIN)  # readable when it has ended, and we have our new parent
    end.poll()
    os.close(between)
    return True


def refuse(fds, error):
    """Says it in the worker's name."""
    with socket.socket(fileno=os.dup(fds[0])) as worker_link:
        send(worker_link, "failed", reason="cannot be forked: %s" % error)
    return False


def become_worker(link, supervisor, fields, fds):
    _trimaran.die_with_parent()
    if os.getppid() != supervisor:  # it has ended before
        os._exit(1)
    os.setpgid(0, 0)
    link.detach()
    for fd, place in ((fds[0], LINK), (fds[1], 1), (fds[1], 2)):
        os.dup2(fd, place, inheritable=place != LINK)
    for fd in fds:
        os.close(fd)
    os.environ.update(fields)
    gc.enable()
    own = open_link(LINK)
    send(own, "forked", pid=str(os.getpid()))
    own.setblocking(False)
    own.detach()
