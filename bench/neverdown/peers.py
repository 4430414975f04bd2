"""The peers, each with the settings that lose least, and how its own manual says that it is reloaded or upgraded."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness import descendants, eventually, free_port
from harness.proc import command

from .ours import release_files

PYTHON = "/usr/bin/python3"  # Debian's gunicorn is for Debian's Python
STOP_SECONDS = 20


class Peer:
    """A program in a folder of its own: `with Peer(...) as peer:`. Ended by the pids that it started."""

    def __init__(self, name):
        self.name, self.http_port = name, free_port()
        self.path = Path(tempfile.mkdtemp(prefix="trimaran-peer-", dir="/tmp"))
        self.path.chmod(0o755)
        self.write("public/1k.html", "x" * 1024)
        self.process = None

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, argv, ready=None, **options):
        self.log = open(self.path / "log", "a")
        self.process = subprocess.Popen([str(a) for a in argv], cwd=self.path, stdout=self.log, stderr=self.log,
                                        start_new_session=True, **options)
        try:
            eventually(ready or self.answers, deadline_s=30)
        except BaseException:
            self.stop()
            raise
        return self

    def answers(self):
        assert self.process.poll() is None, (self.path / "log").read_text()[-2000:]
        with socket.create_connection(("127.0.0.1", self.http_port), 1):
            return True

    def pids(self):
        return descendants(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def stop(self):
        if self.process is None:
            return
        pids = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in pids:
                kill(pid, signal.SIGKILL)
            self.process.wait()
        self.process = None
        self.log.close()


def kill(pid, signal_number):
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        pass


# --- nginx ---

NGINX = """
{user}
worker_processes 2;
pid {path}/nginx.pid;
error_log {path}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log {path}/access.log combined buffer=64k flush=1s;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  client_max_body_size 64m;
  client_body_temp_path {path}/tmp; proxy_temp_path {path}/tmp; fastcgi_temp_path {path}/tmp;
  uwsgi_temp_path {path}/tmp; scgi_temp_path {path}/tmp;
  {upstream}
  server {{
    listen 127.0.0.1:{port} backlog=4096 {reuseport};
    server_name foobar.com;
    root {path}/public;
    {location}
  }}
}}
"""
PROXY = """location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $host; }"""


class Nginx(Peer):
    """Not daemonized by itself, it would refuse the binary upgrade; so it is, and is known by its pid file."""

    def __init__(self, name, reuseport, upstream_socket):
        super().__init__(name)
        upstream = f"upstream app {{ server unix:{upstream_socket}; keepalive 64; }}" if upstream_socket else ""
        self.conf = self.write("nginx.conf", NGINX.format(
            user="user root;" if os.geteuid() == 0 else "", path=self.path, port=self.http_port, upstream=upstream,
            reuseport="reuseport" if reuseport else "", location=PROXY if upstream_socket else ""))
        # With its absolute path: started as `nginx` it can never be upgraded (execve has no search path).
        subprocess.run(["/usr/sbin/nginx", "-c", self.conf, "-p", self.path], check=True)
        self.masters = [eventually(self.master)]

    def master(self):
        try:
            return int((self.path / "nginx.pid").read_text())
        except (OSError, ValueError):
            return None

    def pids(self):
        return descendants(self.master())

    def reload(self, number):
        subprocess.run(["/usr/sbin/nginx", "-c", self.conf, "-p", self.path, "-s", "reload"], check=True,
                       stderr=subprocess.DEVNULL)

    def upgrade(self, number):
        """The procedure of nginx.org/en/docs/control.html."""
        old = self.master()
        os.kill(old, signal.SIGUSR2)
        eventually(lambda: (self.path / "nginx.pid.oldbin").exists() and self.master() not in (None, old), 10)
        eventually(lambda: len(self.pids()) > 1, 10)
        self.masters.append(self.master())
        os.kill(old, signal.SIGWINCH)
        time.sleep(0.2)
        os.kill(old, signal.SIGQUIT)

    def kill_worker(self):
        victim = self.pids()[1]
        killed_s = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len(self.pids()) > 2, 10)
        return killed_s

    def stop(self):
        ours = [pid for pid in self.masters if str(self.path) in command(pid)]  # an upgraded one may still drain
        pids = [pid for master in ours for pid in descendants(master)]
        for pid in pids:
            kill(pid, signal.SIGTERM)
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), STOP_SECONDS)


def nginx(name="nginx", reuseport=False, upstream_socket=None):
    return Nginx(name, reuseport, upstream_socket)


# --- haproxy ---

HAPROXY = """
global
  nbthread 2
  stats socket {path}/admin.sock mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout client 75s
  timeout http-keep-alive 75s
  timeout connect 5s
  timeout server 60s
frontend web
  bind 127.0.0.1:{port}
  http-request return status 200 content-type text/html file {path}/public/1k.html
"""


class Haproxy(Peer):
    def __init__(self, name):
        super().__init__(name)
        conf = self.write("haproxy.cfg", HAPROXY.format(path=self.path, port=self.http_port))
        self.start(["/usr/sbin/haproxy", "-W", "-db", "-f", conf])

    def reload(self, number):
        self.process.send_signal(signal.SIGUSR2)


def haproxy():
    return Haproxy("haproxy -W, expose-fd listeners")


# --- gunicorn ---

class Gunicorn(Peer):
    """The application of the runs. `options`: gunicorn's own; `socket`: behind nginx instead of a port."""

    def __init__(self, name, options, socket=False):
        super().__init__(name)
        self.socket = self.path / "app.sock" if socket else None
        self.counter = self.path / "counter"
        self.counter.touch()
        self.options = options
        self.release("r0")
        self.run()

    def run(self):
        bind = f"unix:{self.socket}" if self.socket else f"127.0.0.1:{self.http_port}"
        self.start([PYTHON, "/usr/bin/gunicorn", *self.options, "-b", bind, "--pid", "gunicorn.pid", "app:application"],
                   ready=(lambda: self.socket.exists()) if self.socket else None,
                   env=os.environ | {"COUNTER": str(self.counter)})
        return self

    def release(self, name, changes=None):
        for file, text in release_files(name, changes).items():
            self.write(file, text)

    def deploy(self, name, changes=None):
        """What its users do: new files, then HUP."""
        self.release(name, changes)
        self.process.send_signal(signal.SIGHUP)

    def workers(self):
        return self.pids()[1:]

    def kill_worker(self, number=0):
        count = len(self.workers())
        os.kill(self.workers()[0], signal.SIGKILL)
        eventually(lambda: len(self.workers()) >= count, 20)

    def stop_and_start(self):
        """What a unit file without reload does."""
        self.stop()
        if self.socket:
            self.socket.unlink(missing_ok=True)
        self.run()


SYNC = ["-k", "sync", "-w", "32"]                     # a worker answers one request at a time
GTHREAD = ["-k", "gthread", "-w", "2", "--threads", "16"]


def gunicorn_sync(**options):
    return Gunicorn("gunicorn sync, 32 workers", SYNC, **options)


def gunicorn_gthread(**options):
    return Gunicorn("gunicorn gthread, 2 x 16", GTHREAD, **options)


def missing():
    return [p for p in ("/usr/sbin/nginx", "/usr/sbin/haproxy", "/usr/bin/gunicorn") if not os.path.exists(p)]
