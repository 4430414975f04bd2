"""The name server as resolvers see it: dig for what people do, dnspython and raw sockets for what the RFCs say."""
import os
import socket
import struct

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from harness import PATIENCE_SECONDS, Trimaran, eventually

RECORDS = r'''
mail        IN A     192.0.2.25
@           IN MX    10 mail
@           IN TXT   "v=spf1 mx -all"
@           IN CAA   0 issue "letsencrypt.org"
_imap._tcp  IN SRV   0 5 993 mail
*.wild      IN TXT   "any name below wild"
a.b.wild    IN A     192.0.2.7
chain1      IN CNAME chain2
chain2      IN CNAME www
loop1       IN CNAME loop2
loop2       IN CNAME loop1
out         IN CNAME www.example.net.
sub         IN NS    ns.sub
ns.sub      IN A     192.0.2.99
odd         IN TYPE65280 \# 4 DEADBEEF
''' + "".join(f'many IN TXT "{i:03} {"x" * 200}"\n' for i in range(40))


@pytest.fixture(scope="module")
def site():
    with Trimaran(files={"extra.zone": RECORDS},
                  tables={"site": {"address": ["192.0.2.1", "2001:db8::1"]}, "dns": {"zone": "extra.zone"}}) as running:
        yield running


def ask(site, name, rdtype="A", tcp=False, **options):
    query = dns.message.make_query(name, rdtype, **options)
    query.flags &= ~dns.flags.RD
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, "127.0.0.1", port=site.dns_port, timeout=PATIENCE_SECONDS)


def texts(section):
    return sorted(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for rrset in section for rdata in rrset)


def test_dig_finds_the_way_of_the_mission(site):
    lines = site.dig("www.foobar.com", "A", "+short").split()
    assert lines == ["foobar.com.", "192.0.2.1"]
    assert site.dig("foobar.com", "AAAA", "+short").split() == ["2001:db8::1"]


def test_soa_ns_and_glue(site):
    answer = ask(site, "foobar.com", "NS")
    assert answer.flags & dns.flags.AA
    assert texts(answer.answer) == ["foobar.com. NS ns1.foobar.com."]
    assert "ns1.foobar.com. A 192.0.2.1" in texts(answer.additional)
    soa = ask(site, "foobar.com", "SOA").answer[0][0]
    assert str(soa.mname) == "ns1.foobar.com." and str(soa.rname) == "hostmaster.foobar.com."


@pytest.mark.parametrize("name, rdtype, expected", [
    ("foobar.com", "MX", "foobar.com. MX 10 mail.foobar.com."),
    ("foobar.com", "TXT", 'foobar.com. TXT "v=spf1 mx -all"'),
    ("foobar.com", "CAA", 'foobar.com. CAA 0 issue "letsencrypt.org"'),
    ("_imap._tcp.foobar.com", "SRV", "_imap._tcp.foobar.com. SRV 0 5 993 mail.foobar.com."),
    ("odd.foobar.com", "TYPE65280", r"odd.foobar.com. TYPE65280 \# 4 deadbeef"),
])
def test_records_of_the_zone_text(site, name, rdtype, expected):
    assert texts(ask(site, name, rdtype).answer) == [expected]


def test_nodata_and_nxdomain_carry_the_soa(site):
    nodata = ask(site, "mail.foobar.com", "MX")
    assert nodata.rcode() == dns.rcode.NOERROR and not nodata.answer
    missing = ask(site, "missing.foobar.com")
    assert missing.rcode() == dns.rcode.NXDOMAIN and not missing.answer
    for answer in (nodata, missing):
        assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA]


def test_wildcards(site):
    assert texts(ask(site, "x.y.wild.foobar.com", "TXT").answer) == ['x.y.wild.foobar.com. TXT "any name below wild"']
    assert ask(site, "x.wild.foobar.com", "A").rcode() == dns.rcode.NOERROR  # NODATA at the wildcard
    # RFC 4592 section 2.2.1: an existing name, even an empty one, is no match for the wildcard above it.
    assert not ask(site, "b.wild.foobar.com", "TXT").answer
    assert ask(site, "x.b.wild.foobar.com", "TXT").rcode() == dns.rcode.NXDOMAIN


def test_chains_of_cnames_are_followed_within_the_zone_and_loops_end(site):
    chain = ask(site, "chain1.foobar.com", "A")
    assert [rrset.rdtype for rrset in chain.answer] == [dns.rdatatype.CNAME] * 3 + [dns.rdatatype.A]
    assert ask(site, "loop1.foobar.com").answer
    assert texts(ask(site, "out.foobar.com").answer) == ["out.foobar.com. CNAME www.example.net."]


def test_a_delegation_is_a_referral_with_glue(site):
    answer = ask(site, "host.sub.foobar.com")
    assert not answer.flags & dns.flags.AA and not answer.answer
    assert texts(answer.authority) == ["sub.foobar.com. NS ns.sub.foobar.com."]
    assert texts(answer.additional) == ["ns.sub.foobar.com. A 192.0.2.99"]


def test_what_does_not_fit_is_truncated_and_tcp_serves_it_whole(site):
    for options in ({}, {"use_edns": 0, "payload": 4096}):
        answer = ask(site, "many.foobar.com", "TXT", **options)
        assert answer.flags & dns.flags.TC
        assert len(answer.to_wire()) <= 1232
    whole = ask(site, "many.foobar.com", "TXT", tcp=True)
    assert not whole.flags & dns.flags.TC and len(whole.answer[0]) == 40
    assert "Truncated, retrying in TCP" in site.dig("many.foobar.com", "TXT")


def test_edns_is_answered_with_edns_and_another_version_with_badvers(site):
    assert ask(site, "foobar.com", use_edns=0).edns == 0
    assert ask(site, "foobar.com").edns == -1
    assert "status: BADVERS" in site.dig("foobar.com", "+edns=1", "+noednsnegotiation")


def test_any_is_answered_small(site):
    answer = ask(site, "foobar.com", "ANY")
    assert len(answer.answer) == 1  # RFC 8482 section 4.1


def test_other_zones_classes_and_transfers_are_refused(site):
    assert ask(site, "example.org").rcode() == dns.rcode.REFUSED
    assert ask(site, "version.bind", "TXT", rdclass="CH").rcode() == dns.rcode.REFUSED
    assert ask(site, "foobar.com", "AXFR", tcp=True).rcode() == dns.rcode.REFUSED


def test_the_case_of_the_question_comes_back_as_it_was(site):
    answer = ask(site, "wWw.FooBar.com")
    assert str(answer.question[0].name) == "wWw.FooBar.com." and answer.answer


def udp(site, packet):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE_SECONDS)
        s.connect(("127.0.0.1", site.dns_port))
        s.send(packet)
        # A good query behind it: when its answer is first, the packet before it was dropped.
        s.send(dns.message.make_query("foobar.com", "SOA", id=0xBEEF).to_wire())
        first = s.recv(4096)
        return None if first[:2] == b"\xbe\xef" else first


@pytest.mark.parametrize("packet, rcode", [
    (b"", None), (b"\x12", None), (b"\x12\x34" + b"\0" * 9, None),                     # not even a header
    (struct.pack("!6H", 1, 0x8000, 1, 0, 0, 0) + b"\0\0\1\0\1", None),                 # an answer: never answered
    (struct.pack("!6H", 1, 0, 1, 0, 0, 0), dns.rcode.FORMERR),                         # no question there
    (struct.pack("!6H", 1, 0, 0, 0, 0, 0), dns.rcode.FORMERR),
    (struct.pack("!6H", 1, 0, 2, 0, 0, 0) + b"\0\0\1\0\1\0\0\1\0\1", dns.rcode.FORMERR),
    (struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", dns.rcode.FORMERR),   # a name that points to itself
    (struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\x3fabc", dns.rcode.FORMERR),
    (struct.pack("!6H", 1, 0x2800, 1, 0, 0, 0) + b"\0\0\1\0\1", dns.rcode.NOTIMP),     # UPDATE
])
def test_malformed_packets_get_formerr_or_silence_and_the_server_lives(site, packet, rcode):
    answer = udp(site, packet)
    if rcode is None:
        assert answer is None
    else:
        assert answer[:2] == packet[:2] and answer[3] & 15 == rcode


def test_tcp_answers_pipelined_queries_on_one_connection(site):
    names = ["foobar.com", "www.foobar.com", "mail.foobar.com", "missing.foobar.com"]
    with socket.create_connection(("127.0.0.1", site.dns_port), PATIENCE_SECONDS) as s:
        wires = [dns.message.make_query(name, "A", id=i).to_wire() for i, name in enumerate(names)]
        s.sendall(b"".join(struct.pack("!H", len(wire)) + wire for wire in wires))
        stream, seen = s.makefile("rb"), set()
        for _ in names:
            (length,) = struct.unpack("!H", stream.read(2))
            seen.add(dns.message.from_wire(stream.read(length)).id)
    assert seen == set(range(len(names)))


def test_a_reload_brings_new_records_and_a_broken_zone_changes_nothing(site):
    site.site.write("extra.zone", RECORDS + "fresh IN A 192.0.2.77\n")
    site.command("reload")
    eventually(lambda: texts(ask(site, "fresh.foobar.com").answer) == ["fresh.foobar.com. A 192.0.2.77"])
    site.site.write("extra.zone", RECORDS + "broken IN A not-an-address\n")
    done = site.command("reload", check=False)
    assert done.returncode != 0 and "extra.zone" in done.stderr + done.stdout
    assert texts(ask(site, "fresh.foobar.com").answer) == ["fresh.foobar.com. A 192.0.2.77"]


# The verb had returned while the name server was still building the zone: a record that was just published, as a
# certificate authority wants it, was NXDOMAIN for the first resolver that asked.
def test_a_reload_returns_when_the_name_server_serves_the_new_zone(site):
    many = "".join(f"h{i} IN A 192.0.2.9\n" for i in range(20_000))
    for number in range(5):
        site.site.write("extra.zone", RECORDS + many + f"new{number} IN A 192.0.2.{number}\n")
        site.command("reload")
        for tcp in (False, True):
            assert texts(ask(site, f"new{number}.foobar.com", tcp=tcp).answer) == [
                f"new{number}.foobar.com. A 192.0.2.{number}"]


def test_the_serial_grows_with_each_change_also_when_an_older_file_comes_back(site):
    def serial():
        return ask(site, "foobar.com", "SOA").answer[0][0].serial

    before = serial()
    for number in range(3):
        site.site.write("extra.zone", RECORDS + f"turn IN A 192.0.2.{number}\n")
        os.utime(os.path.join(site.path, "extra.zone"), (1_000_000_000, 1_000_000_000))
        site.command("reload")
        assert serial() > before
        before = serial()
    site.command("reload")
    assert serial() == before
