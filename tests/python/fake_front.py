"""A front and a supervisor for one worker, played by the test: it starts the worker as the supervisor would (link on
descriptor 3) and speaks worker frames (src/worker/frame.h) over a channel."""

import contextlib
import fcntl
import functools
import mmap
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TRIMARAN_BIN", ROOT / "build/dev/bin")).resolve()
PACKAGE = BIN.parent / "python" / "trimaran"
MODULE = BIN.parent / "python" / "_trimaran.abi3.so"
INTERPRETER = os.environ.get("TRIMARAN_TEST_PYTHON", "/usr/bin/python3")

REQUEST, BODY, CREDIT, ABORT, RESPONSE, FAILED, SKIPPED, FILE = range(1, 9)
END, TUNNEL = 1, 2
WINDOW = 256 * 1024
SLOTS = 1024
FREE, SENT, BEGUN, RECALLED = range(4)
PATIENCE_S = 60  # for what comes in a moment on a machine that is not busy


@functools.cache
def undefined_symbols():
    """What the module expects to find in its process."""
    return subprocess.run(["nm", "-D", "--undefined-only", MODULE], capture_output=True, text=True, check=True).stdout


def asan_environment():
    """What a plain interpreter needs to load a module that was built with AddressSanitizer."""
    if "__asan_init" not in undefined_symbols():
        return {}
    runtime = subprocess.run(
        ["clang++-19", "-print-file-name=libclang_rt.asan-x86_64.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"}


def text(value):
    data = value.encode("latin-1") if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def frame(kind, flags, slot, payload=b""):
    return struct.pack("<IBBH", len(payload), kind, flags, slot) + payload


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self, code):
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def text(self):
        size = self.number("I")
        self.at += size
        return self.data[self.at - size : self.at].decode("latin-1")


class Gone(Exception):
    """The worker closed the channel."""


class Failed(Exception):
    """The worker answered `failed`."""


class Skipped(Exception):
    """The worker answered `skipped`."""


class Response:
    def __init__(self, payload):
        reader = Reader(payload)
        self.length = reader.number("q")
        self.status = reader.number("H")
        self.reason = reader.text()
        self.headers = [(reader.text(), reader.text()) for _ in range(reader.number("I"))]
        self.chunks = []
        self.whole = False
        self.is_file = False  # the body came as a descriptor

    @property
    def body(self):
        return b"".join(self.chunks)

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Channel:
    def __init__(self, link):
        self.socket, theirs = socket.socketpair()
        memfd = os.memfd_create("ledger", os.MFD_ALLOW_SEALING)
        os.ftruncate(memfd, SLOTS * 4)
        self.ledger = mmap.mmap(memfd, SLOTS * 4)
        message = b"channel\0"
        socket.send_fds(link, [message], [theirs.fileno(), memfd])
        theirs.close()
        os.close(memfd)
        self.buffer = b""
        self.files = []  # descriptors that came with file frames, in order
        self.next_slot = 0

    def state(self, slot):
        return struct.unpack_from("<I", self.ledger, slot * 4)[0]

    def set_state(self, slot, state):
        struct.pack_into("<I", self.ledger, slot * 4, state)

    def send(self, data):
        self.socket.sendall(data)

    def request_frame(self, slot, path="/", method="GET", headers=(), end=True, length=0, query="", scheme="http",
                      protocol="HTTP/1.1", client="192.0.2.7", tunnel=False):
        payload = struct.pack("<qHH", length, 4711, 8080)
        for part in (method, path, query, protocol, scheme, client, "foobar.com"):
            payload += text(part)
        payload += struct.pack("<I", len(headers)) + b"".join(text(k) + text(v) for k, v in headers)
        return frame(REQUEST, TUNNEL if tunnel else END if end else 0, slot, payload)

    def begin(self, path="/", **rest):
        """Sends a request's head; returns its slot."""
        slot = self.next_slot
        self.next_slot = (slot + 1) % SLOTS
        self.set_state(slot, SENT)
        self.send(self.request_frame(slot, path, **rest))
        return slot

    def body(self, slot, data, end=False):
        self.send(frame(BODY, END if end else 0, slot, data))

    @staticmethod
    def until(condition):
        """For what has no event to wait for."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline
            os.sched_yield()

    def wait_until_begun(self, slot):
        self.until(lambda: self.state(slot) == BEGUN)  # a word of shared memory

    def credit(self, slot, count):
        with contextlib.suppress(BrokenPipeError):  # a worker that drains may have said everything and left
            self.send(frame(CREDIT, 0, slot, struct.pack("<I", count)))

    def abort(self, slot):
        self.send(frame(ABORT, 0, slot))

    def frame(self, patience=PATIENCE_S):
        """The next frame as (kind, flags, slot, payload); None when there is none in time."""
        deadline = time.monotonic() + patience
        while True:
            if len(self.buffer) >= 8:
                length, kind, flags, slot = struct.unpack_from("<IBBH", self.buffer)
                if len(self.buffer) >= 8 + length:
                    payload = self.buffer[8 : 8 + length]
                    self.buffer = self.buffer[8 + length :]
                    return kind, flags, slot, payload
            if not select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            data, descriptors, _, _ = socket.recv_fds(self.socket, 1 << 20, 8)
            self.files += descriptors
            if not data:
                raise Gone()
            self.buffer += data

    def frame_of(self, slot):
        """The next frame of that slot; those of others are kept for later."""
        passed = b""
        while (found := self.frame() or worker_is_silent())[2] != slot:
            passed += frame(*found)
        self.buffer = passed + self.buffer
        return found

    def skip_credits(self, slot):
        while (found := self.frame_of(slot))[0] == CREDIT:
            pass
        self.buffer = frame(*found) + self.buffer

    def head(self, slot):
        kind, flags, _, payload = self.frame_of(slot)
        if kind == FAILED:
            raise Failed(payload.decode())
        if kind == SKIPPED:
            raise Skipped()
        assert kind == RESPONSE, kind
        response = Response(payload)
        response.whole = bool(flags & END)
        return response

    def piece(self, slot, response):
        """Reads one more body frame into `response`, and credits it."""
        kind, flags, _, payload = self.frame_of(slot)
        if kind == FAILED:
            raise Failed(payload.decode())
        if kind == CREDIT:
            return
        if kind == FILE:
            offset, length = struct.unpack("<QQ", payload)
            file = self.files.pop(0)
            response.chunks.append(os.pread(file, length, offset))
            os.close(file)
            response.whole = response.is_file = True
            return
        assert kind == BODY, kind
        response.whole = bool(flags & END)
        if payload:
            response.chunks.append(payload)
            if not response.whole:
                self.credit(slot, len(payload))

    def finish(self, slot):
        response = self.head(slot)
        while not response.whole:
            self.piece(slot, response)
        return response

    def get(self, path="/", **rest):
        return self.finish(self.begin(path, **rest))

    def post(self, path, data, headers=(), length=None, **rest):
        length = len(data) if length is None else length
        if length >= 0:
            headers = (*headers, ("Content-Length", str(length)))
        slot = self.begin(path, method="POST", end=not data, length=length, headers=headers, **rest)
        room = WINDOW
        for at in range(0, len(data), 65536):
            piece = data[at : at + 65536]
            while room < len(piece):
                kind, _, _, payload = self.frame_of(slot)
                assert kind == CREDIT
                room += struct.unpack("<I", payload)[0]
            room -= len(piece)
            self.body(slot, piece, end=at + len(piece) == len(data))
        self.skip_credits(slot)  # for what was read
        return self.finish(slot)


def worker_is_silent():
    raise AssertionError("the worker said nothing for %d s" % PATIENCE_S)


class Worker:
    """A worker process with its link, one channel and its stderr in a file."""

    def __init__(self, app, source=None, threads=1, interpreter=INTERPRETER, environment=(), wait_ready=True):
        self.directory = tempfile.mkdtemp(prefix="trimaran-python-")
        for name, content in (source or {}).items():
            pathlib.Path(self.directory, name).write_text(content)
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        high = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)
        env = {"PATH": os.environ["PATH"], "TRIMARAN_APP": app, "TRIMARAN_THREADS": str(threads),
               "TRIMARAN_SITE": "foobar.com", "TRIMARAN_WORKER": "1", "PYTHONDONTWRITEBYTECODE": "1",
               **asan_environment(), **dict(environment)}
        self.process = subprocess.Popen(
            [interpreter, str(PACKAGE)], cwd=self.directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, pass_fds=(3,), preexec_fn=lambda: os.dup2(high, 3))
        self.log_text = ""
        self.log_grew = threading.Condition()
        self.log_reader = threading.Thread(target=self.read_log)
        self.log_reader.start()
        os.close(high)
        theirs.close()
        self.channel = Channel(self.link)
        if wait_ready:
            assert self.message()[0] == "ready", self.log()

    def message(self):
        """The worker's next message to the supervisor: (verb, fields); None when the link has ended."""
        if not select.select([self.link], [], [], PATIENCE_S)[0]:
            worker_is_silent()
        try:
            data = self.link.recv(65536)
        except ConnectionResetError:  # it left messages unread; what it said comes after (see os/message_socket.cc)
            data = self.link.recv(65536)
        if not data:
            return None
        parts = data.decode().split("\0")[:-1]
        return parts[0], dict(zip(parts[1::2], parts[2::2]))

    def tell(self, verb):
        self.link.send(verb.encode() + b"\0")

    def read_log(self):
        for line in self.process.stdout:
            with self.log_grew:
                self.log_text += line.decode()
                self.log_grew.notify_all()

    def log(self):
        with self.log_grew:
            return self.log_text

    def wait_for_log(self, what, times=1):
        with self.log_grew:
            assert self.log_grew.wait_for(lambda: self.log_text.count(what) >= times, PATIENCE_S), self.log_text
            return self.log_text

    def rss(self):
        pages = int(pathlib.Path("/proc/%d/statm" % self.process.pid).read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit code, once all of its log was read."""
        code = self.process.wait(PATIENCE_S)
        self.log_reader.join(PATIENCE_S)
        return code

    def stop(self):
        self.link.close()
        self.channel.socket.close()
        try:
            return self.wait()
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGKILL)
                self.wait()
            shutil.rmtree(self.directory)
