// What a supervisor knows, as bytes: written just before it becomes another program (upgrade.cc), read by that one.
// Pure.
//
// Records of named fields and not one struct per version: the reader may be older or newer than the writer. A field
// that it does not know it leaves alone, one that is missing has a default. Only when that is not enough kVersion
// grows, and then the self-check of the new program says so while the old one still serves. JSON was rejected: a line
// of a log that waits for its end may be any bytes.
//
// A descriptor travels as its number: execve(2) keeps what is not close-on-exec.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace trimaran {

// One thing with its fields: a service, a listener, a lock.
class StateRecord {
 public:
  explicit StateRecord(std::string kind) : kind_(std::move(kind)) {}

  const std::string& kind() const { return kind_; }
  StateRecord& set(const std::string& key, std::string value);
  StateRecord& set(const std::string& key, int64_t value) { return set(key, std::to_string(value)); }
  // The descriptor stays the caller's; a negative one is left out.
  StateRecord& set_fd(const std::string& key, int fd);

  const std::string& text(const std::string& key) const;            // "" when it is missing
  int64_t number(const std::string& key, int64_t other = 0) const;  // `other` when it is missing or no number
  // The reader's from now on; none when it is missing. Asked twice, it is there twice: ask once.
  Fd take_fd(const std::string& key) const;

  const std::map<std::string, std::string>& fields() const { return fields_; }
  const std::map<std::string, int>& fds() const { return fds_; }

 private:
  std::string kind_;
  std::map<std::string, std::string> fields_;
  std::map<std::string, int> fds_;
};

class State {
 public:
  static constexpr size_t kRecordsMax = 100'000;  // 256 workers in each of some hundred sites
  static constexpr size_t kFieldsMax = 1'000;     // of one record

  StateRecord& add(StateRecord record);  // good until the next add()
  StateRecord& add(std::string kind) { return add(StateRecord(std::move(kind))); }
  std::vector<const StateRecord*> all(std::string_view kind) const;
  // The one of its kind; an error when there is none, or several.
  Result<const StateRecord*> one(std::string_view kind) const;
  bool empty() const { return records_.empty(); }

  std::string encode() const;
  static Result<State> decode(std::string_view bytes);

  // Whether the descriptors of all records live through an execve(2). An error names one that is not open.
  Status set_inheritable(bool inheritable) const;

 private:
  std::vector<StateRecord> records_;
};

}  // namespace trimaran
