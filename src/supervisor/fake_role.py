#!/usr/bin/python3
"""A child that speaks the role link (role/role.h) and does nothing else: front, name server or native worker in the
supervisor's tests. What it was told it says in its `status` and in its log. Signals make it say something: SIGUSR1 a
worker `recycle`, and the front what stands in the file `say`; SIGUSR2 makes a worker use much memory."""
import array
import json
import os
import signal
import socket
import sys


def receive(link):
    data, ancillary, _, _ = link.recvmsg(65536, socket.CMSG_SPACE(64 * 4))
    fds = array.array("i")
    for _level, _kind, payload in ancillary:
        fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    parts = data.decode().split("\0")[:-1]
    return (parts[0] if parts else None), dict(zip(parts[1::2], parts[2::2])), list(fds)


def send(link, verb, **fields):
    words = [verb] + [word for pair in fields.items() for word in pair]
    link.send("".join(word + "\0" for word in words).encode())


def front_speaks(link):
    with open(os.path.join(os.path.dirname(sys.argv[0]), "../say")) as message:
        words = message.read().split("\n")
    send(link, words[0], **dict(word.split("=", 1) for word in words[1:]))


def be_worker(link):
    memory = []
    signal.signal(signal.SIGUSR1, lambda *_: send(link, "recycle", reason="it was told to"))
    signal.signal(signal.SIGUSR2, lambda *_: memory.append(b"x" * (256 << 20)))
    signal.signal(signal.SIGRTMIN + 3, lambda *_: print("where every thread is", flush=True))


def main():
    link = socket.socket(fileno=3)
    link.setblocking(True)
    app = os.environ.get("TRIMARAN_APP", "")
    signal.signal(signal.SIGUSR1, lambda *_: front_speaks(link))
    if app:
        be_worker(link)
        with open(app) as source:
            text = source.read()
            while "hangs" in text:
                signal.pause()
            if "broken" in text:
                print("Traceback: the application is broken", file=sys.stderr, flush=True)
                send(link, "failed", reason="cannot import " + os.path.basename(app))
                sys.exit(1)
        send(link, "ready")
    told = {"listeners": 0, "targets": 0, "channels": 0, "generation": 0, "app": "", "shares": "", "retired": 0}
    told["load"] = 0
    while True:
        verb, fields, fds = receive(link)
        if verb is None:
            sys.exit(0)
        if verb == "config":
            told["generation"] = int(fields["generation"])
            told["listeners"] = 0
        elif verb == "listener":
            told["listeners"] += 1
        elif verb == "start":
            send(link, "ready")
            # Slow with what comes after this configuration, says the test.
            if os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), f"stop-{told['generation']}")):
                os.kill(os.getpid(), signal.SIGSTOP)
        elif verb == "app":
            told["app"] = fields["state"] + " " + fields["reason"]
        elif verb == "target":
            told["targets"] += 1
        elif verb == "shares":
            # Slow with it, says the test.
            if os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), "stop-shares")):
                os.kill(os.getpid(), signal.SIGSTOP)
            told["shares"] = fields["shares"]
        elif verb == "retire":
            told["retired"] += 1
        elif verb == "load":
            told["load"] += 1
        elif verb == "channel":
            told["channels"] += 1
        elif verb == "status":
            send(link, "status", json=json.dumps(told))
        elif verb == "drain":
            print("drained", flush=True)
            sys.exit(0)
        elif verb == "hand-over":
            told["hand-over"] = int(fields["limit_ms"])
            print("hands over", flush=True)
            # Somebody is connected, says the test: it goes on.
            if not os.path.exists(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "connected")):
                sys.exit(0)
        for fd in fds:
            os.close(fd)


main()
