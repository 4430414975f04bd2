// Any text as zone text: no crash, a place for every mistake, and what was accepted prints as text that means the same.
#include "base/assert.h"
#include "dns/decode.h"
#include "dns/rdata.h"
#include "dns/zone_text.h"
#include "dns_invariants.h"

namespace {

using namespace trimaran;

const dns::Name kApex = *dns::Name::from_text("foobar.com.");

dns::ZoneDraft parse(std::string_view text) {
  dns::ZoneDraft draft;
  dns::parse_zone_text(text, {.file = "z", .origin = kApex, .default_ttl = 60}, draft);
  return draft;
}

void check_round_trip(const dns::Record& record) {
  std::string text = record.owner.to_text() + " " + std::to_string(record.ttl) + " IN " +
                     dns::type_to_text(record.type) + " " + dns::rdata_to_text(record.type, record.rdata);
  dns::ZoneDraft again = parse(text);
  TRIMARAN_ASSERT(again.mistakes.empty() && again.records.size() == 1);
  TRIMARAN_ASSERT(again.records[0].owner == record.owner && again.records[0].type == record.type);
  TRIMARAN_ASSERT(again.records[0].ttl == record.ttl && again.records[0].rdata == record.rdata);
}

void check_answers(dns::Zone zone) {
  std::vector<dns::Zone> zones;
  zones.push_back(std::move(zone));
  dns::Snapshot snapshot(std::move(zones));
  size_t asked = 0;
  for (const dns::Node& node : snapshot.zones().zones()[0].nodes()) {
    if (++asked > 50) break;
    std::string name = dns::name_to_text(node.name);
    for (dns::Type type : {dns::Type::A, dns::Type::NS, dns::Type::ANY, dns::Type::CNAME, dns::Type::DS, dns::Type::MX,
                           dns::Type::TXT}) {
      for (uint16_t payload : {0, 1232}) dns::check_replies(snapshot, dns::encode_query(1, name, type, payload));
      // Below it: nothing, a wildcard's, or somebody else's.
      if (node.name.size() + 2 <= dns::kMaxNameBytes) {
        dns::check_replies(snapshot, dns::encode_query(1, node.name.size() == 1 ? "x." : "x." + name, type));
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dns::ZoneDraft draft = parse({reinterpret_cast<const char*>(data), size});
  for (const Diagnostic& mistake : draft.mistakes) TRIMARAN_ASSERT(mistake.line > 0);
  for (size_t i = 0; i < draft.records.size() && i < 50; ++i) check_round_trip(draft.records[i]);
  Diagnostics mistakes;
  std::optional<dns::Zone> zone = dns::Zone::build(kApex, std::move(draft), mistakes);
  TRIMARAN_ASSERT(zone.has_value() == mistakes.empty());
  if (zone) check_answers(std::move(*zone));
  return 0;
}
