"""The daemon under test. It runs in a session of its own, so that everything it leaves behind can be found; it is ready
when it says so (sd_notify), never after a delay; and stop() is itself a test: exit code 0, no process, no socket file.
"""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

from . import proc
from .asan import worker_environment
from .programs import programs
from .raw_http import RawHttp
from .site import SiteFolder
from .wait import PATIENCE_SECONDS

LOG_LINES_MAX = 100_000  # then the test is at fault

# What our own bugs print, in any process of the site: a test must not pass over one.
OUR_BUGS = re.compile(r"(Address|Leak|Thread)Sanitizer|: runtime error: |^.*assertion failed at |stack smashing")


def as_user(user):
    """The words before a command that make it run as `user`; none for an ordinary user, who is one already."""
    if not user or os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--"]


def listen_fds(sockets):
    """The words that put these sockets at descriptor 3 and up, and say so (sd_listen_fds(3)). The shell becomes the
    command, so LISTEN_PID is right."""
    if not sockets:
        return []
    moves = " ".join(f"{3 + i}<&{socket.fileno()}-" for i, socket in enumerate(sockets))
    return ["bash", "-c", f'export LISTEN_PID=$$ LISTEN_FDS={len(sockets)}; exec "$@" {moves}', "bash"]


class NotReady(AssertionError):
    """The daemon ended, or did not become ready in time; the message holds its log."""


class Trimaran:
    """One running site: `with Trimaran(files={...}, tables={...}) as site:`. Arguments as of SiteFolder, and:

    environment  variables for the daemon, added to a small clean set
    arguments    more arguments for `trimaran run`
    user         when the tests run as root: whose site it is, folder and processes
    sockets      handed over as systemd does it (LISTEN_FDS)
    """

    def __init__(self, files=None, tables=None, toml="", environment=None, arguments=(), user=None, sockets=()):
        self.site = SiteFolder(*self._with_sanitizer(files, tables), toml)
        self.path, self.config = self.site.path, self.site.config
        self.http_port, self.dns_port = self.site.http_port, self.site.dns_port
        self.arguments, self.sockets = list(arguments), list(sockets)
        self.as_user = as_user(user)
        self.process = None
        self.log, self.notices = [], []
        self._ready = False
        self._changed = threading.Condition()
        self._mark = f"TRIMARAN_TEST={uuid.uuid4()}"
        self._own = tempfile.TemporaryDirectory(prefix="trimaran-notify-", dir="/tmp")
        if self.as_user:
            self.give_to(user)
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        self.environment |= {name: value for name, value in os.environ.items()
                             if name.startswith(("ASAN_", "UBSAN_", "TSAN_", "LSAN_", "LLVM_", "TRIMARAN_LOG", "HOME"))}
        self.environment |= environment or {}
        self.environment |= dict([self._mark.split("=")])

    @staticmethod
    def _with_sanitizer(files, tables):
        app = (tables or {}).get("app", {})
        lines = worker_environment(programs()) if app.get("run", "").startswith(("wsgi:", "asgi:")) else ""
        own = app.get("env_file", [])
        if not lines or not isinstance(own, list):
            return files, tables
        return (files or {}) | {"asan.env": lines}, tables | {"app": app | {"env_file": ["asan.env", *own]}}

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill9_group()
            self.remove()
            raise

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
            else:  # the test failed already: show the log, and do not hide its error behind a second one
                print("".join(f"{line}\n" for line in self.log[-200:]))
        finally:
            self.kill9_group()
            self.remove()

    # --- start and stop ---

    def start(self, wait=True):
        assert self.process is None, "it runs already"
        self._ready = False
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = f"{self._own.name}/{time.monotonic_ns()}"
        notify.bind(notify_path)
        os.chmod(notify_path, 0o777)
        self.process = subprocess.Popen(
            [*listen_fds(self.sockets), *self.as_user, programs() / "trimaran", "run", "-c", self.config,
             *self.arguments], cwd="/", start_new_session=True, env=self.environment | {"NOTIFY_SOCKET": notify_path},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=[s.fileno() for s in self.sockets])
        for target, arguments in ((self._read_log, [self.process]), (self._read_notify, [notify, self.process]),
                                  (self._watch_exit, [self.process])):
            threading.Thread(target=target, args=arguments, daemon=True).start()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, deadline_s=PATIENCE_SECONDS):
        self._wait(lambda: self._ready or self.process.returncode is not None, deadline_s)
        if not self._ready:
            ended = self.process.returncode
            what = f"not ready after {deadline_s} s" if ended is None else f"exit code {ended} before it was ready"
            raise NotReady("\n".join([what, *self.log[-100:]]))

    def wait_exit(self, deadline_s=PATIENCE_SECONDS):
        """The exit code of the daemon, which must end by itself."""
        if not self._wait(lambda: self.process.returncode is not None, deadline_s):
            raise AssertionError("\n".join([f"still running after {deadline_s} s", *self.log[-100:]]))
        return self.process.returncode

    def stop(self, signal_number=signal.SIGTERM):
        """A clean stop, with everything that the word promises."""
        if self.process is None:
            return
        self.process.send_signal(signal_number)
        code = self.wait_exit()
        left = {pid: proc.command(pid) for pid in self.pids()}
        self.process = None if not left else self.process
        assert code == 0, "\n".join([f"exit code {code} after {signal_number!r}", *self.log[-100:]])
        assert not left, f"processes left behind: {left}"
        assert not self.site.sockets(), f"socket files left behind: {self.site.sockets()}"
        self.assert_no_bug_of_ours()

    def restart(self):
        self.stop()
        return self.start()

    def kill9_group(self):
        """The power cut: every process of the site at once, the database too."""
        if self.process is None:
            return
        while pids := self.pids():  # again, for those that were being born
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if self.process.pid in pids:
                self.wait_exit()
        self.process = None

    def give_to(self, user):
        """The folder, with all that is in it now."""
        for path in [self.path, self._own.name, *self.path.rglob("*")]:
            shutil.chown(path, user)

    def remove(self):
        self.site.remove()
        self._own.cleanup()

    # --- what it says ---

    def wait_for_line(self, pattern, deadline_s=PATIENCE_SECONDS, since=0):
        """The match of the first log line from number `since` on that fits. `since=len(site.log)`: only new ones."""
        found = []

        def look():
            for line in self.log[since:]:
                if match := re.search(pattern, line):
                    found.append(match)
                    return True
            return False

        if not self._wait(look, deadline_s):
            raise AssertionError("\n".join([f"no line matches {pattern!r}:", *self.log[since:][-100:]]))
        return found[0]

    def assert_no_bug_of_ours(self):
        bugs = [line for line in self.log if OUR_BUGS.search(line)]
        assert not bugs, "\n".join(["a bug of ours in the log:", *self.log[self.log.index(bugs[0]):][:60]])

    def command(self, *arguments, check=True, deadline_s=PATIENCE_SECONDS, input=""):
        """Runs a verb against this site: site.command("reload")."""
        done = subprocess.run([*self.as_user, programs() / "trimaran", *arguments, "-c", self.config], text=True,
                              capture_output=True, timeout=deadline_s, input=input, env=self.environment)
        assert not check or done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def status(self):
        """Also while something does not serve, which is exit code 4: the test looks at what it is."""
        done = self.command("status", "--json", check=False)
        assert done.returncode in (0, 4), f"status: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def services(self, name=None):
        """The services in `status`, or those whose name is `name` or begins with "name." or "name/" or "name-"."""
        return [service for service in self.status()["services"]
                if name is None or re.match(rf"{re.escape(name)}([./\-# ]|$)", service["name"])]

    def pid(self, name):
        """The process id of the one service of that name."""
        found = self.services(name)
        assert len(found) == 1, f"{name}: {found}"
        return found[0]["pid"]

    # --- where it is ---

    def pids(self):
        return proc.members(self.process.pid, self._mark.encode()) if self.process else []

    def http(self, **options):
        return RawHttp(self.http_port, **options)

    def get(self, target="/", **options):
        """One request on a connection of its own."""
        with self.http() as client:
            return client.get(target, **options)

    def dig(self, *arguments):
        return dig(self.dns_port, *arguments)

    # --- threads that turn what happens into one condition ---

    def _wait(self, predicate, deadline_s):
        with self._changed:
            return self._changed.wait_for(predicate, deadline_s)

    def _read_log(self, process):
        for line in process.stdout:
            with self._changed:
                assert len(self.log) < LOG_LINES_MAX, "the daemon logs without end"
                self.log.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()

    def _read_notify(self, notify, process):
        """Drained for the daemon's whole life: a full notify socket would block whoever writes to it. What a killed one
        said last may be read when the next one is being started, and says nothing about that."""
        notify.settimeout(1.0)
        with notify:
            while True:
                try:
                    message = notify.recv(65536).decode(errors="replace")
                except TimeoutError:
                    if process.returncode is None:
                        continue
                    return
                with self._changed:
                    self.notices.append(message)
                    self._ready = self._ready or (process is self.process and "READY=1" in message.split("\n"))
                    self._changed.notify_all()

    def _watch_exit(self, process):
        process.wait()
        with self._changed:
            self._changed.notify_all()


def dig(port, *arguments):
    """The output of dig, which asks once and waits long: dig(port, "www.foobar.com", "A", "+short")."""
    done = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+norecurse", "+time=30", "+tries=1", *arguments],
                          capture_output=True, text=True, timeout=PATIENCE_SECONDS, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"dig {arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
