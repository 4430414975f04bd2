"""The servers under test: ours and the peers, each with a configuration its own users would call good.

Every server gets a fresh folder under bench/out and is stopped by the pid that was started here.
"""
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys

from measure import SERVER_CORE, children_of, pinned, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
OUT = os.path.join(HERE, "out")
BUILD = os.environ.get("TRIMARAN_BIN", os.path.join(ROOT, "build", "release", "bin"))


def free_port(kind=socket.SOCK_STREAM):
    # Below the range of outgoing connections: a load that opens one connection a request fills that range.
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    sys.exit("no free port between 20000 and 32000")


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def folder(name):
    path = os.path.join(OUT, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


class Server:
    """One started program, pinned to the servers' core."""

    def __init__(self, argv, cwd, env=None, port=None, ready=None):
        self.port = port
        self.log = open(os.path.join(cwd, "log.txt"), "w")
        self.process = subprocess.Popen(pinned(SERVER_CORE, argv), cwd=cwd, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **(env or {})})
        self.argv = argv
        wait_until(lambda: self.alive() and (ready or (lambda: accepts(port)))(), 30, f"the start of {argv[0]}")

    def alive(self):
        if self.process.poll() is not None:
            with open(self.log.name) as f:
                raise RuntimeError(f"{self.argv} ended:\n" + f.read()[-2000:])
        return True

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        pids = children_of(self.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()


def make_public(path):
    """The static files of the benchmark, world-readable because servers may change user."""
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o755)
    for name, size in (("1k.html", 1 << 10), ("100k.html", 100 << 10), ("8m.html", 8 << 20)):
        text = "<!doctype html><title>bench</title>"
        write(os.path.join(path, name), text + "x" * (size - len(text)))
    return path


PHP_HELLO = "<?php echo 'hello';\n"
PHP_PROCESSES = 5


def trimaran_php():
    server = trimaran("trimaran-php", extra=f'[app]\nrun = "php:web"\nthreads = {PHP_PROCESSES}\n',
                      files={"web/hello.php": PHP_HELLO})
    wait_until(lambda: fetch_status(server.port, "/hello.php") == 200, 30, "the start of php-fpm")
    return server


def php_fpm_program():
    return next(iter(sorted(glob.glob("/usr/sbin/php-fpm*"), reverse=True)), "php-fpm")


def php_fpm(name):
    """A pool with the settings that Trimaran writes."""
    path = folder(name)
    socket_path = os.path.join(path, "fpm.sock")
    os.makedirs(os.path.join(path, "web"))
    write(os.path.join(path, "web", "hello.php"), PHP_HELLO)
    user = "user = www-data\ngroup = www-data\n" if os.geteuid() == 0 else ""
    config = write(os.path.join(path, "fpm.conf"), f"""
[global]
error_log = {path}/error.log
daemonize = no
[www]
{user}listen = {socket_path}
pm = static
pm.max_children = {PHP_PROCESSES}
""")
    server = Server([php_fpm_program(), "--nodaemonize", "--fpm-config", config], path,
                    ready=lambda: os.path.exists(socket_path))
    server.socket = socket_path
    return server


def php_pass(name, keepalive):
    """What nginx is told of the php-fpm that was started as `name`."""
    web = os.path.join(OUT, name, "web")
    kept, on = ("keepalive 5;", "on") if keepalive else ("", "off")
    return (f"upstream app {{{{ server unix:{{socket}}; {kept} }}}}",
            "location ~ [.]php$ { include /etc/nginx/fastcgi_params; fastcgi_pass app;"
            f" fastcgi_param SCRIPT_FILENAME {web}$fastcgi_script_name; fastcgi_keep_conn {on}; }}")


def trimaran(name="trimaran", app=None, kind="wsgi", threads=1, extra="", dns_port=None, files=None, ready=None):
    path = folder(name)
    os.chmod(path, 0o755)
    for file, text in (files or {}).items():
        os.makedirs(os.path.dirname(os.path.join(path, file)), exist_ok=True)
        write(os.path.join(path, file), text)
    public = make_public(os.path.join(path, "public"))
    port = free_port()
    for module in ("app.py", "asgi_app.py"):
        shutil.copy(os.path.join(HERE, "sites", module), path)
    module = "asgi_app" if kind == "asgi" else "app"
    app_table = f'[app]\nrun = "{kind}:{module}:{app}"\nworkers = 1\n' if app else ""
    write(os.path.join(path, "trimaran.toml"), f"""
[server]
state = "state"
run = "run"
threads = {threads}
[listen]
http = "127.0.0.1:{port}"
dns = "127.0.0.1:{dns_port or free_port(socket.SOCK_DGRAM)}"
[site]
domain = "foobar.com"
address = ["127.0.0.1"]
root = "{os.path.basename(public)}"
{app_table}
{extra}
""")
    binary = os.path.join(BUILD, "trimaran")
    server = Server([binary, "run", "-c", os.path.join(path, "trimaran.toml")], path, port=port, ready=ready)
    if app:
        wait_until(lambda: fetch_status(port, "/hello") == 200, 30, "the start of the application")
    return server


def floor(body_bytes):
    path, port = folder("floor"), free_port()
    return Server([os.path.join(BUILD, "http_floor"), port, body_bytes], path, port=port)


def fetch_status(port, path):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: foobar.com\r\nConnection: close\r\n\r\n".encode())
            return int((s.recv(65536) or b"HTTP/1.1 0").split()[1])
    except OSError:
        return 0


NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid {path}/nginx.pid;
error_log {path}/error.log;
events {{ worker_connections 20000; multi_accept on; }}
http {{
  include /etc/nginx/mime.types;
  access_log {path}/access.log combined buffer=64k flush=1s;
  sendfile {sendfile};
  tcp_nopush {sendfile};
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s;
  client_body_temp_path {path}/tmp; proxy_temp_path {path}/tmp; fastcgi_temp_path {path}/tmp;
  uwsgi_temp_path {path}/tmp; scgi_temp_path {path}/tmp;
  {upstream}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    server_name foobar.com;
    root {path}/public;
    {location}
  }}
}}
"""


PROXY = ("upstream app {{ server unix:{socket}; keepalive 64; }}",
         'location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";'
         " proxy_set_header Host $host; }")
# The uwsgi protocol has no keep-alive: each request has a connection of its own.
UWSGI_PASS = ("upstream app {{ server unix:{socket}; }}",
              "location / { include /etc/nginx/uwsgi_params; uwsgi_pass app; }")


def nginx(name="nginx", sendfile="on", upstream_socket=None, passing=PROXY):
    path = folder(name)
    os.chmod(path, 0o755)
    make_public(os.path.join(path, "public"))
    port = free_port()
    upstream = location = ""
    if upstream_socket:
        upstream, location = passing[0].format(socket=upstream_socket), passing[1]
    text = NGINX.format(path=path, sendfile=sendfile, port=port, upstream=upstream, location=location)
    if os.geteuid() == 0:
        text = "user root;\n" + text  # the folder of the benchmark need not be readable for www-data
    conf = write(os.path.join(path, "nginx.conf"), text)
    return Server(["/usr/sbin/nginx", "-c", conf, "-p", path], path, port=port)


def gunicorn(app, name="gunicorn", unix=False):
    path = folder(name)
    shutil.copy(os.path.join(HERE, "sites", "app.py"), path)
    port = None if unix else free_port()
    socket_path = os.path.join(path, "app.sock")
    bind = f"unix:{socket_path}" if unix else f"127.0.0.1:{port}"
    # -k sync is its default and the fastest of its workers for short requests on one core (facts of the peers).
    server = Server(["/usr/bin/python3", "/usr/bin/gunicorn", "-w", "1", "-k", "sync", "-b", bind, f"app:{app}"], path,
                    port=port, ready=(lambda: os.path.exists(socket_path)) if unix else None)
    server.socket = socket_path
    return server


def uwsgi(app, name="uwsgi"):
    path = folder(name)
    shutil.copy(os.path.join(HERE, "sites", "app.py"), path)
    socket_path = os.path.join(path, "app.sock")
    # Without its own access log: nginx in front of it writes one.
    server = Server(["/usr/bin/uwsgi", "--plugin", "python3", "--master", "--processes", "1", "--need-app",
                     "--disable-logging", "--die-on-term", "--socket", socket_path, "--listen", "1024",
                     "--module", f"app:{app}"], path, ready=lambda: os.path.exists(socket_path))
    server.socket = socket_path
    return server


def uvicorn(app, access_log=False):
    path, port = folder("uvicorn"), free_port()
    shutil.copy(os.path.join(HERE, "sites", "asgi_app.py"), path)
    log = ["--access-log"] if access_log else ["--no-access-log", "--log-level", "warning"]
    return Server(["/usr/bin/python3", "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", *log,
                   "--host", "127.0.0.1", "--port", port, f"asgi_app:{app}"], path, port=port)


def require(*programs):
    missing = [p for p in programs if not (os.path.exists(p) or shutil.which(p))]
    if missing:
        sys.exit("missing for the benchmark: " + ", ".join(missing) + " (./dev bench installs the peers)")
