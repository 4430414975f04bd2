#include "supervisor/state.h"

#include <fcntl.h>

#include <charconv>

#include "base/strings.h"

namespace trimaran {
namespace {

constexpr std::string_view kMagic = "trimaran state ";
constexpr uint64_t kVersion = 1;
constexpr size_t kLengthDigitsMax = 10;

// A netstring without its comma: "5:hello". Readable in a dump, and any byte may be in it.
void put(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}
void put(std::string& out, size_t number) { put(out, std::to_string(number)); }

// Takes what put() wrote; after a first failure everything else fails too.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view text() {
    size_t colon = rest_.substr(0, kLengthDigitsMax + 1).find(':');
    auto length = colon == std::string_view::npos ? std::nullopt : parse_u64(rest_.substr(0, colon));
    if (failed_ || !length || *length > rest_.size() - colon - 1) return fail();
    std::string_view out = rest_.substr(colon + 1, *length);
    rest_.remove_prefix(colon + 1 + *length);
    return out;
  }
  // A number up to `max`; more is a failure.
  size_t number(size_t max) {
    auto value = parse_u64(text());
    if (!value || *value > max) return fail(), 0;
    return static_cast<size_t>(*value);
  }
  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view fail() {
    failed_ = true;
    rest_ = {};
    return {};
  }

  std::string_view rest_;
  bool failed_ = false;
};

void read_fields(Reader& in, StateRecord& record) {
  for (size_t left = in.number(State::kFieldsMax); left > 0 && !in.failed(); --left) {
    std::string key(in.text());
    record.set(key, std::string(in.text()));
  }
  for (size_t left = in.number(State::kFieldsMax); left > 0 && !in.failed(); --left) {
    std::string key(in.text());
    record.set_fd(key, static_cast<int>(in.number(INT32_MAX)));
  }
}

}  // namespace

StateRecord& StateRecord::set(const std::string& key, std::string value) {
  fields_[key] = std::move(value);
  return *this;
}

StateRecord& StateRecord::set_fd(const std::string& key, int fd) {
  if (fd >= 0) fds_[key] = fd;
  return *this;
}

const std::string& StateRecord::text(const std::string& key) const {
  static const std::string kNone;
  auto found = fields_.find(key);
  return found == fields_.end() ? kNone : found->second;
}

int64_t StateRecord::number(const std::string& key, int64_t other) const {
  const std::string& digits = text(key);
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() ? value : other;
}

Fd StateRecord::take_fd(const std::string& key) const {
  auto found = fds_.find(key);
  return found == fds_.end() ? Fd() : Fd(found->second);
}

StateRecord& State::add(StateRecord record) { return records_.emplace_back(std::move(record)); }

std::vector<const StateRecord*> State::all(std::string_view kind) const {
  std::vector<const StateRecord*> out;
  for (const StateRecord& record : records_) {
    if (record.kind() == kind) out.push_back(&record);
  }
  return out;
}

Result<const StateRecord*> State::one(std::string_view kind) const {
  auto found = all(kind);
  if (found.size() == 1) return found.front();
  return make_error("the state has " + std::to_string(found.size()) + " records of the kind \"" + std::string(kind) +
                    "\" and not one");
}

std::string State::encode() const {
  std::string out = std::string(kMagic) + std::to_string(kVersion) + "\n";
  put(out, records_.size());
  for (const StateRecord& record : records_) {
    put(out, record.kind());
    put(out, record.fields().size());
    for (const auto& [key, value] : record.fields()) {
      put(out, key);
      put(out, value);
    }
    put(out, record.fds().size());
    for (const auto& [key, fd] : record.fds()) {
      put(out, key);
      put(out, static_cast<size_t>(fd));
    }
  }
  return out;
}

Result<State> State::decode(std::string_view bytes) {
  size_t line = bytes.find('\n');
  if (!bytes.starts_with(kMagic) || line == std::string_view::npos) return make_error("this is no supervisor's state");
  std::string_view version = bytes.substr(kMagic.size(), line - kMagic.size());
  if (parse_u64(version) != kVersion) {
    return make_error("the running program's state has version " + std::string(version.substr(0, kLengthDigitsMax)) +
                      ", this program reads version " + std::to_string(kVersion));
  }
  Reader in(bytes.substr(line + 1));
  State out;
  for (size_t left = in.number(kRecordsMax); left > 0 && !in.failed(); --left) {
    read_fields(in, out.add(std::string(in.text())));
  }
  if (in.failed() || !in.at_end()) return make_error("the running program's state is damaged");
  return out;
}

Status State::set_inheritable(bool inheritable) const {
  for (const StateRecord& record : records_) {
    for (const auto& [key, fd] : record.fds()) {
      if (::fcntl(fd, F_SETFD, inheritable ? 0 : FD_CLOEXEC) != 0) {
        return errno_error("descriptor " + std::to_string(fd) + " (" + record.kind() + " " + key + ")");
      }
    }
  }
  return {};
}

}  // namespace trimaran
