"""Cases of the web server: what a visitor of static pages notices when its configuration or its program changes."""
import signal
import time

from . import peers
from .measure import Loads, repeat
from .ours import NAME, Site

PAGE = {"path": "/1k.html", "expect_body": "x" * 1024}


def visitors(scale, port, new):
    """64 keep-alive connections, or a connection for each request."""
    load = {"kind": "http", "port": port, "rate": scale(8000, 400), "connections": scale(64, 16),
            "timeout": scale(10, 60)} | PAGE
    return load | ({"new": True} if new else {})


def both_kinds(scale, server, name, event, act, times, every_s, extra=None):
    """The event so many times under keep-alive connections, and again under new ones. `extra`: more loads beside."""
    rows = []
    for kind, new in (("keep-alive", False), ("new connections", True)):
        with Loads(web=visitors(scale, server.http_port, new), **(extra or {})) as loads:
            repeat(times, every_s, act)
        rows.append(loads.row("web", f"{event}, {kind}", name))
        rows += [loads.row(other, f"{event}, {kind}: {other} beside", name) for other in extra or {}]
    return rows


# --- reload ---

def reload(scale):
    with Site() as site:
        rows = both_kinds(scale, site, NAME, "reload", site.reload_changed, scale(20, 3), scale(1.0, 0.4))
    for row in rows:
        row.expect_perfect().expect(row.idle_closes == 0, f"{row.idle_closes} idle connections closed")
    return rows


def reload_peers(scale):
    rows = []
    for start in (peers.nginx, lambda: peers.nginx("nginx, listen reuseport", reuseport=True), peers.haproxy):
        with start() as peer:
            rows += both_kinds(scale, peer, peer.name, "reload", peer.reload, scale(20, 3), scale(1.0, 0.4))
    return rows


# --- upgrade ---

def upgrade(scale):
    with Site() as site:
        dns = {"kind": "dns", "port": site.dns_port, "rate": scale(20_000, 500), "timeout": scale(5, 30)}
        front = site.services("front")[0]["pid"]
        rows = both_kinds(scale, site, NAME, "upgrade", lambda number: site.upgrade(), scale(20, 2), scale(1.0, 0.5),
                          extra={"dns": dns})
        rows[0].expect({s["pid"] for s in site.services("front")} - {front}, "the front was not replaced")
        rows[0].expect(site.status()["pid"] == site.process.pid, "the process id did not stay")
    for row in rows:
        row.expect_perfect()
        if "beside" not in row.event:
            row.expect(row.idle_closes == 0, f"{row.idle_closes} idle connections closed")
    return rows


def upgrade_peers(scale):
    with peers.nginx("nginx, USR2 + WINCH + QUIT") as peer:
        return both_kinds(scale, peer, peer.name, "upgrade", peer.upgrade, scale(20, 2), scale(1.0, 0.5))


# --- kill -9 of the front ---

def kill_times(scale, server, name, kill, times):
    """kill() returns when it killed. The row's note holds how long it took until a new visitor had an answer."""
    load = {"kind": "http", "port": server.http_port, "rate": scale(2000, 200), "connections": 256, "new": True,
            "timeout": scale(10, 60)} | PAGE
    moments = []
    with Loads(timelines=True, web=load) as loads:
        # Far enough apart that each one has proved healthy: who dies young is started again with a pause.
        time.sleep(scale(2.5, 0))
        repeat(times, scale(2.5, 0.5), lambda number: moments.append(kill()))
    row = loads.row("web", "kill -9 of the front, new connections", name)
    back = [loads.timelines["web"].first_ok_after(moment) for moment in moments]
    row.expect(None not in back, "it did not come back")
    waits = [(there - moment) * 1000 for there, moment in zip(back, moments) if there]
    row.note = "first good answer of a new visitor after " + ", ".join(f"{wait:.0f}" for wait in waits) + " ms"
    row.expect("refused" not in row.failures, "connections were refused")
    return row, waits


def kill_front(scale):
    times = scale(5, 2)
    with Site() as site:
        row, waits = kill_times(scale, site, NAME,
                                lambda: site.kill_and_wait(site.services("front")[0], signal.SIGKILL), times)
    # Whoever had a connection to the killed process has lost it; nobody else may notice.
    row.expect(set(row.failures) <= {"reset", "closed", "cut_short"}, f"unexpected failures: {row.failures}")
    row.expect_time(max(waits, default=0) <= 100, "not serving again within 100 ms")
    return [row]


def kill_front_peers(scale):
    with peers.nginx() as peer:
        return [kill_times(scale, peer, peer.name, peer.kill_worker, scale(5, 2))[0]]


# --- long connections across a deploy and an upgrade ---

CHAT = {"run": "asgi:chat:application", "workers": 2}


def long_loads(scale, port):
    seconds = scale(10, 3)
    upload = scale(5_000_000, 300_000)
    return {
        "10 s response": {"kind": "http", "port": port, "connections": 1, "requests": 1, "timeout": 60,
                          "path": f"/slow?seconds={seconds}",
                          "expect_body": "".join(f"piece {n}\n" for n in range(10)) + "done\n"},
        "5 MB upload at 500 kB/s": {"kind": "http", "port": port, "connections": 1, "requests": 1, "timeout": 60,
                                    "method": "POST", "path": "/upload", "body_bytes": upload,
                                    "upload_rate": upload / seconds, "expect_body": "{length} {crc32}\n"},
        "WebSockets": {"kind": "websocket", "port": port, "connections": scale(100, 10), "interval": 0.5,
                       "path": "/chat", "timeout": 20},
    }


def long(scale):
    rows = []
    for what in ("deploy", "upgrade"):
        with Site(app=CHAT) as site, Loads(**long_loads(scale, site.http_port)) as loads:
            site.deploy("r1") if what == "deploy" else site.upgrade()
            for name in ("10 s response", "5 MB upload at 500 kB/s"):
                loads.loads[name].wait(60)
        for name in loads.loads:
            rows.append(loads.row(name, f"{what}: {name}", NAME).expect_perfect())
        chat = loads["WebSockets"]
        rows[-1].expect(chat["early_closes"] == 0, f"{chat['early_closes']} WebSockets closed: {chat['close_codes']}")
    return rows + [drain_limit(scale)]


def drain_limit(scale):
    """At the limit, and not before, every WebSocket of the old release gets 1012: "service restart, come again"."""
    limit_s = scale(5, 2)
    with Site(app=CHAT, tables={"deploy": {"drain": f"{limit_s}s", "warm": "0s"}}) as site:
        loads = {"chat": {"kind": "websocket", "port": site.http_port, "connections": scale(100, 10), "interval": 0.5,
                          "path": "/chat", "timeout": 20}}
        with Loads(**loads) as running:
            began_s = time.monotonic()
            site.deploy("r1")
            running.loads["chat"].wait(60)  # ends when the last one is closed
    result = running["chat"]
    row = running.row("chat", "WebSockets at the drain limit", NAME, f"close codes {result['close_codes']}")
    row.expect(set(result["close_codes"]) == {"1012"}, f"close codes {result['close_codes']}")
    first_s = result["first_early_close_us"] / 1e6 - began_s
    return row.expect(first_s >= limit_s, f"the first was closed after {first_s:.1f} s of {limit_s} s")
