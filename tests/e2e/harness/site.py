"""The folder of one site: its files, and a trimaran.toml with ports nobody else has."""
import functools
import itertools
import json
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path

# Below the range that the kernel gives to outgoing connections (/proc/sys/net/ipv4/ip_local_port_range), so that no
# client of a test running beside this one can be given a listener's port in the moment before it is opened.
FIRST_PORT, LAST_PORT = 20000, 32000
BLOCK_PORTS = 500  # for one run of the tests; what it has given to a test is given again after all the others


def bind(family, kind, port):
    with socket.socket(family, kind) as probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))


def families():
    """IPv4, and IPv6 where this machine has it."""
    try:
        bind(socket.AF_INET6, socket.SOCK_STREAM, 0)
        return [socket.AF_INET, socket.AF_INET6]
    except OSError:
        return [socket.AF_INET]


@functools.cache
def own_ports():
    """Ports that no other run of these tests on this machine is given, in turn. A port is found free long before it is
    opened: two sites of one run that began beside each other once had the same one, and so had two runs. The name of
    an abstract socket is the lock: it has one owner, and ends with the process."""
    for first in random.sample(range(FIRST_PORT, LAST_PORT, BLOCK_PORTS), (LAST_PORT - FIRST_PORT) // BLOCK_PORTS):
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0trimaran-test-ports-{first}")
            return lock, itertools.cycle(range(first, first + BLOCK_PORTS))
        except OSError:
            lock.close()
    raise AssertionError("too many runs of these tests at once")


def free_port():
    """A port that is free for TCP and UDP, IPv4 and IPv6, and that nobody else is given soon."""
    _, ports = own_ports()
    for port in itertools.islice(ports, BLOCK_PORTS):
        try:
            for family in families():
                bind(family, socket.SOCK_STREAM, port)
                bind(family, socket.SOCK_DGRAM, port)
            return port
        except OSError:
            continue
    raise AssertionError(f"no free port between {FIRST_PORT} and {LAST_PORT}")


def toml_table(name, values):
    """[name] with its values; JSON's strings, numbers, booleans and arrays are TOML's too."""
    return "".join([f"[{name}]\n", *(f"{key} = {json.dumps(value)}\n" for key, value in values.items()), "\n"])


class SiteFolder:
    """A temporary folder, readable by the unprivileged children of a supervisor that runs as root.

    files   {path in the folder: str or bytes}; "public/..." is served statically
    tables  {table: {key: value}}, merged over the defaults below; None removes a key. Requests wait longer for a worker
            than they do by default: a busy machine takes its time to start one
    toml    more text for the end of the site file, e.g. [[route]] tables
    """

    def __init__(self, files=None, tables=None, toml=""):
        self.path = Path(tempfile.mkdtemp(prefix="trimaran-", dir="/tmp"))  # short: socket paths have at most 107 bytes
        self.path.chmod(0o755)
        self.http_port, self.dns_port = free_port(), free_port()
        self.config = self.path / "trimaran.toml"
        self.write("public/index.html", "<!doctype html><title>home</title>\n")
        for name, content in (files or {}).items():
            self.write(name, content)
        self.tables = {
            "site": {"domain": "foobar.com", "address": ["192.0.2.1"], "root": "public"},
            "listen": {"http": f"127.0.0.1:{self.http_port}", "dns": f"127.0.0.1:{self.dns_port}"},
            "server": {"state": "state", "run": "run"},
        }
        if "app" in (tables or {}):
            self.tables["app"] = {"queue_wait": "60s"}
        self.configure(tables, toml)

    def configure(self, tables=None, toml=""):
        """Writes trimaran.toml, with these changes to what it said before."""
        for name, values in (tables or {}).items():
            self.tables[name] = {key: value for key, value in (self.tables.get(name, {}) | values).items()
                                 if value is not None}
        self.config.write_text("".join(toml_table(*table) for table in self.tables.items()) + toml)

    def write(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def sockets(self):
        """Socket files left anywhere in the folder."""
        return [str(Path(parent, name).relative_to(self.path)) for parent, _, names in os.walk(self.path)
                for name in names if Path(parent, name).is_socket()]

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
