// [listen]: ports and addresses. Names are not resolved: a server that needs the DNS in order to start, and may be that
// DNS, would not start.
#include <fmt/format.h>

#include <algorithm>

#include "config/tables.h"

namespace trimaran {
namespace {

constexpr size_t kMaxAddresses = 64;  // of one kind; each is a socket per thread

constexpr std::string_view kHint = "write a port, \"ADDRESS:PORT\", or an array of them";

// A bare port means every address of the machine, in both families: our IPv6 sockets take no IPv4 traffic.
std::vector<Address> everywhere(uint16_t port) { return {*parse_ip("0.0.0.0", port), *parse_ip("::", port)}; }

class ListenKey {
 public:
  ListenKey(std::string_view key, const FileScope& scope) : key_(key), scope_(scope) {}

  std::vector<Address> read(const TomlValue& value) {
    if (value.kind == TomlValue::Kind::array) {
      for (const TomlValue& item : value.items) read_item(item);
    } else {
      read_item(value);
    }
    if (found_.size() > kMaxAddresses) {
      scope_.report(value.place, fmt::format("{}: more than {} addresses", key_, kMaxAddresses));
      found_.resize(kMaxAddresses);
    }
    return std::move(found_);
  }

 private:
  void read_item(const TomlValue& item) {
    if (item.kind == TomlValue::Kind::integer) {
      if (item.integer < 1 || item.integer > 65535) {
        scope_.report(item.place, fmt::format("{}: expected 1 to 65535, found {}", key_, item.integer));
        return;
      }
      for (const Address& address : everywhere(static_cast<uint16_t>(item.integer))) add(address, item);
    } else if (item.kind == TomlValue::Kind::string) {
      // Port 0 is allowed here: the kernel chooses one, as tests want it.
      std::optional<Address> address = parse_address(item.text);
      if (address) return add(*address, item);
      scope_.report(item.place, fmt::format("{}: \"{}\" is no address", key_, item.text), std::string(kHint));
    } else {
      scope_.report(item.place, fmt::format("{}: expected a port, found {}", key_, describe(item.kind)),
                    std::string(kHint));
    }
  }

  void add(const Address& address, const TomlValue& item) {
    if (std::find(found_.begin(), found_.end(), address) == found_.end() || address.port() == 0) {
      found_.push_back(address);
    } else {
      scope_.report(item.place, fmt::format("{}: {} is given twice", key_, address.to_string()));
    }
  }

  std::string_view key_;
  const FileScope& scope_;
  std::vector<Address> found_;
};

}  // namespace

void read_listen(const TomlValue* table, const FileScope& scope, bool as_root, Config& out) {
  TableReader reader(table, "[listen]", scope);
  out.http = everywhere(as_root ? 80 : 8080);
  if (const TomlValue* value = reader.value("http")) {
    out.http = ListenKey("http", scope).read(*value);
    if (value->kind == TomlValue::Kind::array && value->items.empty()) {
      reader.report("http", "http: expected at least one address");
    }
  }
  out.dns = everywhere(as_root ? 53 : 5353);
  // An empty array is allowed here: another name server serves the zone.
  if (const TomlValue* value = reader.value("dns")) out.dns = ListenKey("dns", scope).read(*value);
  reader.report_unknown_keys();
}

}  // namespace trimaran
