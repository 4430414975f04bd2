"""The name server beside Knot, NSD and a bare packet echo, which is the floor of what any server can cost here."""
import json
import os
import socket
import subprocess
import time

import peers
from measure import CLIENT_CORE, children_of, cpu_us, interleaved, median, pinned, table
from peers import BUILD

ZONE_RECORDS = 100_000
# The answer to www.foobar.com A that all of them give: 62 bytes. The echo sends back as many.
ANSWER_BYTES = 62


def big_zone_records():
    return "".join(f"host{i} 300 IN A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(ZONE_RECORDS))


def zone_text(extra=""):
    return ("$ORIGIN foobar.com.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\n"
            "ns1 IN A 127.0.0.1\n@ IN A 127.0.0.1\nwww IN CNAME @\n" + extra)


def answers(port):
    """Whether something answers a query for foobar.com there."""
    query = bytes.fromhex("12340000000100000000000006666f6f62617203636f6d0000010001")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.connect(("127.0.0.1", port))
        try:
            s.send(query)
            return s.recv(512)[:2] == b"\x12\x34"
        except OSError:
            return False


def start(argv, port, path):
    return peers.Server(argv, path, port=port, ready=lambda: answers(port))


def echo():
    port, path = peers.free_port(socket.SOCK_DGRAM), peers.folder("dns-echo")
    return start([os.path.join(BUILD, "dns_echo"), port, ANSWER_BYTES], port, path)


def trimaran(extra=""):
    port = peers.free_port(socket.SOCK_DGRAM)
    toml = ""
    if extra:
        toml = '[dns]\nzone = "extra.zone"\n'
    server = peers.trimaran("trimaran-dns", extra=toml, dns_port=port, files={"extra.zone": extra} if extra else {},
                            ready=lambda: answers(port))
    server.port = port
    return server


def knot(extra=""):
    port, path = peers.free_port(socket.SOCK_DGRAM), peers.folder("knot")
    peers.write(os.path.join(path, "foobar.com.zone"), zone_text(extra))
    conf = peers.write(os.path.join(path, "knot.conf"), f"""
server:
    listen: 127.0.0.1@{port}
    rundir: {path}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {path}
log:
  - target: stderr
    any: warning
zone:
  - domain: foobar.com
    storage: {path}
    file: foobar.com.zone
    semantic-checks: off
""")
    return start(["/usr/sbin/knotd", "-c", conf], port, path)


def nsd(extra=""):
    port, path = peers.free_port(socket.SOCK_DGRAM), peers.folder("nsd")
    zone = peers.write(os.path.join(path, "foobar.com.zone"), zone_text(extra))
    conf = peers.write(os.path.join(path, "nsd.conf"), f"""
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    database: ""
    pidfile: {path}/nsd.pid
    xfrdfile: {path}/xfrd.state
    zonelistfile: {path}/zone.list
    zonesdir: {path}
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: foobar.com
    zonefile: {zone}
""")
    return start(["/usr/sbin/nsd", "-d", "-c", conf], port, path)


def load(argv):
    """A load generator's run beside a server; CPU of the server's whole tree for each answer."""
    def measure(server):
        pids = children_of(server.pid)
        before = cpu_us(pids)
        done = subprocess.run(pinned(CLIENT_CORE, [os.path.join(BUILD, "dns_load"), server.port, *argv, "--json"]),
                              capture_output=True, text=True, timeout=60, check=True)
        used = cpu_us(pids) - before
        out = json.loads(done.stdout)
        if out["noerror"] != out["answers"]:
            raise RuntimeError(f"answers that are not NOERROR: {out}")
        return {"rps": out["qps"], "cpu_us": used / max(1, out["answers"]), "failed": out["lost"],
                "bytes": out["bytes"]}
    return measure


def compare(starters, argv, rounds):
    servers = {}
    try:
        for name, starter in starters.items():
            servers[name] = starter()
        results = interleaved(servers, load(argv), rounds)
    finally:
        for server in servers.values():
            server.stop()
    floor = median(results["packet echo"], "cpu_us") if "packet echo" in results else None
    mine = median(results["trimaran"], "cpu_us")
    rows = []
    for name, rounds_of in results.items():
        cpu = median(rounds_of, "cpu_us")
        rows.append([name, f"{median(rounds_of, 'rps'):,.0f}", f"{cpu:.2f}",
                     f"{min(r['cpu_us'] for r in rounds_of):.2f}-{max(r['cpu_us'] for r in rounds_of):.2f}",
                     f"{median(rounds_of, 'bytes'):.0f}", sum(r["failed"] for r in rounds_of),
                     f"{cpu / floor:.2f}x" if floor else "", f"{cpu / mine:.2f}x"])
    return table(["server", "queries/s seen", "CPU us/query", "us/query range", "answer bytes", "lost",
                  "CPU relative to the echo", "CPU relative to Trimaran"], rows)


def dns(rounds, seconds):
    peers.require("/usr/sbin/knotd", "/usr/sbin/nsd")
    starters = {"packet echo": echo, "trimaran": trimaran, "knot": knot, "nsd": nsd}
    out = "### www.foobar.com A (a CNAME and an A record), one core\n\n"
    out += compare(starters, ["--name", "www.foobar.com", "--seconds", seconds], rounds)
    big = big_zone_records()
    starters = {"packet echo": echo, "trimaran": lambda: trimaran(big), "knot": lambda: knot(big),
                "nsd": lambda: nsd(big)}
    out += f"\n### names of a zone of {ZONE_RECORDS:,} records, scattered\n\n"
    out += compare(starters, ["--name", "foobar.com", "--names", ZONE_RECORDS, "--seconds", seconds], rounds)
    return out


def zone_load(rounds):
    """From a reload's command to the new answer; and what the name server itself says it took."""
    big = big_zone_records()
    times = []
    for number in range(rounds):
        port = peers.free_port(socket.SOCK_DGRAM)
        began = time.monotonic()
        server = peers.trimaran("trimaran-zone", extra='[dns]\nzone = "extra.zone"\n', dns_port=port,
                                files={"extra.zone": big}, ready=lambda: answers(port))
        times.append(time.monotonic() - began)
        with open(server.log.name) as f:
            said = [line.split("|", 1)[1].strip() for line in f if "records" in line]
        server.stop()
        print(f"    round {number + 1}/{rounds}: {times[-1]:.3f} s from exec to the first answer; {said}", flush=True)
    rows = [["from the start of the program to the first answer (s)", f"{sorted(times)[len(times) // 2]:.3f}",
             f"{min(times):.3f}-{max(times):.3f}"]]
    return (table(["what", "median", "range"], rows) +
            f"\nThe name server's own line of the last round: `{said[0] if said else 'none'}`\n")
