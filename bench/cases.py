"""What is compared with what. Each case returns the text of its section in bench/results.md."""
import contextlib
import os
import resource
import socket
import subprocess
from dataclasses import dataclass
from typing import Callable

import dns_cases
import peers
from measure import children_of, comparison, interleaved, median, memory_kb, run_load, table
from peers import BUILD

IDLE_CONNECTIONS = 10_000
FLOOR = "floor: one recv and one send of a constant"  # of a server that answers one request at a time


@dataclass
class Case:
    heading: str
    run: Callable


@contextlib.contextmanager
def running(**starters):
    servers = {}
    try:
        for name, start in starters.items():
            servers[name] = start()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def http(path, seconds, connections=64):
    load = os.path.join(BUILD, "http_load")
    return lambda server: run_load([load, "--port", server.port, "--path", path, "--host", "foobar.com", "--seconds",
                                    seconds, "--connections", connections], server.pid)


def static(rounds, seconds):
    peers.require("/usr/sbin/nginx")
    out = ""
    starters = {"trimaran": peers.trimaran, "nginx (sendfile, tcp_nopush)": peers.nginx,
                "nginx (sendfile off)": lambda: peers.nginx("nginx-copy", sendfile="off")}
    with running(**starters) as servers:
        for label, path, size in (("1 KiB", "/1k.html", 1 << 10), ("100 KiB", "/100k.html", 100 << 10),
                                  ("8 MiB", "/8m.html", 8 << 20)):
            # Its blocking send would wait for a client that waits for another connection, so not for large ones.
            floors = {FLOOR: lambda: peers.floor(size)} if size < 1 << 20 else {}
            with running(**floors) as floor:
                results = interleaved(servers | floor, http(path, seconds), rounds)
            out += f"### {label}, keep-alive, 64 connections, one core, access log on for all\n\n" + comparison(results)
            out += "\n"
    return out + ("The floor is a server that does nothing but one recv and one send of as many bytes for each request:"
                  " what the kernel alone costs here. From 128 KiB on, Trimaran and nginx use sendfile.\n")


@contextlib.contextmanager
def behind_nginx(back, name, passing):
    """Both as one subject: the CPU of a request is the sum of the two."""
    try:
        front = peers.nginx(name, upstream_socket=back.socket, passing=passing)
        try:
            yield front, back
        finally:
            front.stop()
    finally:
        back.stop()


def wsgi(rounds, seconds):
    peers.require("/usr/sbin/nginx", "/usr/bin/gunicorn", "/usr/bin/uwsgi")
    out = ""
    for label, app, path in (("hello", "hello", "/hello"),
                             ("a small page (~10 us of Python)", "page", "/items/x?a=1&b=2")):
        with running(trimaran=lambda: peers.trimaran("trimaran-" + app, app=app),
                     gunicorn=lambda: peers.gunicorn(app)) as servers, \
                behind_nginx(peers.gunicorn(app, "gunicorn-behind", unix=True), "nginx-gunicorn",
                             peers.PROXY) as proxied, \
                behind_nginx(peers.uwsgi(app), "nginx-uwsgi", peers.UWSGI_PASS) as passed:
            subjects = servers | {"nginx + gunicorn": proxied[0], "nginx + uwsgi": passed[0]}
            extra = {front.pid: back.pid for front, back in (proxied, passed)}
            load = os.path.join(BUILD, "http_load")

            def one(server):
                argv = [load, "--port", server.port, "--path", path, "--host", "foobar.com", "--seconds", seconds,
                        "--connections", 32]
                return run_load(argv, server.pid, extra.get(server.pid))
            results = interleaved(subjects, one, rounds)
        out += f"### WSGI {label}: one worker, 32 connections, everything on one core\n\n" + comparison(results)
    return out + ("\ngunicorn's sync worker closes every connection after its response; that is its design, and the"
                  " load generator opens a new one each time.\n")


def php(rounds, seconds):
    peers.require("/usr/sbin/nginx", peers.php_fpm_program())
    with (running(trimaran=peers.trimaran_php) as servers,
          behind_nginx(peers.php_fpm("php-fpm-kept"), "nginx-php-kept", peers.php_pass("php-fpm-kept", True)) as kept,
          behind_nginx(peers.php_fpm("php-fpm"), "nginx-php", peers.php_pass("php-fpm", False)) as closed):
        subjects = servers | {"nginx + php-fpm, fastcgi_keep_conn on": kept[0], "nginx + php-fpm": closed[0]}
        extra = {front.pid: back.pid for front, back in (kept, closed)}
        load = os.path.join(BUILD, "http_load")

        def one(server):
            argv = [load, "--port", server.port, "--path", "/hello.php", "--host", "foobar.com", "--seconds", seconds,
                    "--connections", 32]
            return run_load(argv, server.pid, extra.get(server.pid))
        results = interleaved(subjects, one, rounds)
    return ("### PHP hello: 5 processes of php-fpm, 32 connections, everything on one core\n\n" + comparison(results) +
            "\nThe same php-fpm with the same pool settings behind both.\n")


def latency(rounds, seconds):
    """One visitor at a time: what the way through front and worker costs him."""
    peers.require("/usr/bin/gunicorn")
    with running(trimaran=lambda: peers.trimaran("trimaran-latency", app="hello"),
                 gunicorn=lambda: peers.gunicorn("hello"), **{FLOOR: lambda: peers.floor(13)}) as servers:
        results = interleaved(servers, http("/hello", seconds, connections=1), rounds)
    mine = median(results["trimaran"], "p50_us")
    rows = [[name, f"{median(rounds, 'p50_us'):.0f}", f"{median(rounds, 'p99_us'):.0f}",
             f"{median(rounds, 'rps'):,.0f}", f"{median(rounds, 'cpu_us'):.1f}", sum(r["failed"] for r in rounds),
             f"{median(rounds, 'p50_us') / mine:.2f}x"] for name, rounds in results.items()]
    return "### WSGI hello: one worker, one connection\n\n" + table(
        ["server", "p50 us", "p99 us", "requests/s", "CPU us/req", "failed", "p50, relative to Trimaran"], rows) + (
        "\ngunicorn's sync worker closes after each response. p50 and p99 leave out the time of the new connection,"
        " which the visitor waits for too, and in which gunicorn wakes up; requests/s has it in it.\n")


def asgi(rounds, seconds):
    peers.require("/usr/lib/python3/dist-packages/uvicorn", "/usr/lib/python3/dist-packages/uvloop",
                  "/usr/lib/python3/dist-packages/httptools")
    out = ""
    for label, app, logs in (("hello", "hello", False), ("hello", "hello", True),
                             ("hello after one real await", "awaits", False)):
        extra = "" if logs else '[log]\naccess = "off"\n'
        with running(trimaran=lambda: peers.trimaran("trimaran-asgi", app=app, kind="asgi", extra=extra),
                     uvicorn=lambda: peers.uvicorn(app, logs), **{FLOOR: lambda: peers.floor(13)}) as servers:
            results = interleaved(servers, http("/hello", seconds, 32), rounds)
        out += (f"### ASGI {label}: one worker, 32 connections, everything on one core, both"
                f" {'with' if logs else 'without'} an access log\n\n" + comparison(results) + "\n")
    return out + ("Both with uvloop, uvicorn also with httptools, which are its quickest settings; so is to write no"
                  " access log. Every request is a Task of its own in both. The floor runs no Python at all.\n")


def open_idle(port, count):
    """`count` connections that have had one answer each and stay open."""
    out = []
    request = b"GET /1k.html HTTP/1.1\r\nHost: foobar.com\r\n\r\n"
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port), 10)
        s.sendall(request)
        got = b""
        while b"\r\n\r\n" not in got or len(got.split(b"\r\n\r\n", 1)[1]) < 1024:
            part = s.recv(65536)
            if not part:
                raise RuntimeError("closed before the whole answer came")
            got += part
        out.append(s)
    return out


def memory(rounds, seconds):
    del rounds, seconds
    peers.require("/usr/sbin/nginx")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    limits = "[limits]\nidle_timeout = \"600s\"\nconnections_per_client = 20000\n"
    rows = []
    with running(trimaran=lambda: peers.trimaran("trimaran-idle", extra=limits), nginx=peers.nginx) as servers:
        for name, server in servers.items():
            pids = children_of(server.pid)
            warm = open_idle(server.port, 1)
            before, rest = memory_kb(pids, "Anonymous"), memory_kb(pids, "Rss")
            held = open_idle(server.port, IDLE_CONNECTIONS)
            after = memory_kb(pids, "Anonymous")
            pss = memory_kb(pids, "Pss")
            rows.append([name, len(pids), f"{rest / 1024:.1f}", f"{(after - before) * 1024 / IDLE_CONNECTIONS:,.0f}",
                         f"{pss / 1024:.1f}"])
            for s in warm + held:
                s.close()
    return ("Trimaran here is supervisor, front and name server.\n\n" +
            table(["server", "processes", "resident at rest, sum of Rss (MiB)",
                   f"user memory per idle keep-alive connection at {IDLE_CONNECTIONS:,} (bytes)",
                   "Pss with them open (MiB)"], rows))


def zone(rounds, seconds):
    return dns_cases.zone_load(rounds)


ALL = {
    "static": Case("Static files, beside nginx", static),
    "wsgi": Case("WSGI, beside gunicorn, nginx + gunicorn and nginx + uwsgi", wsgi),
    "latency": Case("WSGI with one visitor at a time, beside gunicorn", latency),
    "asgi": Case("ASGI, beside uvicorn", asgi),
    "php": Case("PHP, beside nginx + php-fpm", php),
    "dns": Case("DNS, beside Knot, NSD and a bare packet echo", dns_cases.dns),
    "memory": Case("Memory, beside nginx", memory),
    "zone": Case("Loading a zone of 100,000 records", zone),
}
