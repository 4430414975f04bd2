// What the right answer to a request is, and whether the one that came is it. Bodies are compared piece by piece as
// they come, so a large one costs no memory; only a regular expression needs the whole, within a limit.
#pragma once

#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace trimaran::strict {

uint32_t crc32(std::string_view bytes);  // as zlib's, so that Python's zlib.crc32 agrees

// What stands for {id}, {length} and {crc32} in a path, a body or an expected text. Length and crc32 are those of the
// request's body; the id is unique in a run, so an answer that belongs to another request is a wrong one.
struct Values {
  uint64_t id = 0;
  size_t length = 0;
  uint32_t crc32 = 0;
};
std::string fill_in(std::string_view text, const Values& values);

struct Expectation {
  static constexpr size_t kPatternBodyMax = 1 << 20;  // a regular expression is for pages, not for downloads

  std::vector<int> statuses = {200};
  std::optional<std::string> body;    // the whole of it
  std::optional<std::string> prefix;  // how it begins
  std::optional<std::regex> pattern;  // what it holds (regex_search)
  std::optional<uint64_t> length;
};

class Check {
 public:
  static constexpr size_t kExcerptBytes = 48;

  // `expectation` must live as long as this.
  void start(const Expectation& expectation, const Values& values);
  void feed(std::string_view piece);
  bool status_right(int status) const;
  bool body_right() const;                                 // when the body is whole
  const std::string& excerpt() const { return excerpt_; }  // how the body began

 private:
  const Expectation* expectation_ = nullptr;
  std::string wanted_;  // the expected body or prefix, filled in
  bool differs_ = false;
  uint64_t length_ = 0;
  std::string excerpt_;
  std::string whole_;  // only for a pattern
};

}  // namespace trimaran::strict
