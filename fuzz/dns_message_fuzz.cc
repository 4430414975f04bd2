// Any packet: the server must answer as the RFCs allow (dns_invariants.h), or not at all.
#include "dns/zone_text.h"
#include "dns_invariants.h"

namespace {

using namespace trimaran;

dns::Snapshot make_snapshot() {
  dns::ZoneDraft draft;
  dns::Name apex = *dns::Name::from_text("foobar.com.");
  std::string text =
      "@ SOA ns1 h 1 2 3 4 5\n NS ns1\n A 8.8.8.8\n MX 5 mail\nns1 A 8.8.8.9\nmail AAAA ::1\nwww CNAME @\n"
      "*.w TXT wild\n*.l CNAME x.l\na.b.c A 1.1.1.1\nd DNAME w\nsub NS ns.sub\nns.sub A 9.9.9.9\n_s._tcp SRV 0 0 1 "
      "mail\n";
  for (int i = 0; i < 60; ++i) text += "big A 10.0.0." + std::to_string(i) + "\n";
  dns::parse_zone_text(text, {.file = "z", .origin = apex, .default_ttl = 60}, draft);
  Diagnostics mistakes;
  std::vector<dns::Zone> zones;
  zones.push_back(*dns::Zone::build(apex, std::move(draft), mistakes));
  return dns::Snapshot(std::move(zones));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const dns::Snapshot snapshot = make_snapshot();
  std::string_view packet(reinterpret_cast<const char*>(data), size);
  dns::check_replies(snapshot, packet);
  (void)dns::decode_message(packet);
  return 0;
}
