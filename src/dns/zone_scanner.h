// The lexical half of zone text (RFC 1035 section 5.1): lines, comments, parentheses and quotes become entries, each a
// row of tokens that point into the text. Escapes stay as they are: only the field that a token fills knows whether
// "\." is a dot in a label or a byte in a string.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace trimaran::dns {

inline constexpr size_t kMaxEntryTokens = 32768;  // 64 KiB of hexadecimal RDATA in words of two bytes

struct Token {
  std::string_view text;  // without its quotes
  uint32_t line = 0;      // from 1
  uint32_t column = 0;    // from 1
  bool quoted = false;
};

struct ScanError {
  uint32_t line = 0;
  uint32_t column = 0;
  std::string_view message;  // empty: no error
};

class ZoneScanner {
 public:
  explicit ZoneScanner(std::string_view text) : text_(text) {}

  // The next entry that has a token; false at the end. When an error is set, the entry is broken, the scanner stands
  // behind its last line, and calling again goes on with the next entry.
  bool next();

  const std::vector<Token>& tokens() const { return tokens_; }
  bool starts_blank() const { return starts_blank_; }  // the owner field was left out: same owner as before
  const ScanError& error() const { return error_; }

 private:
  void scan_entry();
  void scan_quoted();
  void scan_word();
  void end_line();
  void fail(std::string_view message);
  uint32_t column() const { return static_cast<uint32_t>(at_ - line_start_ + 1); }

  std::string_view text_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  uint32_t line_ = 1;
  uint32_t open_parentheses_ = 0;
  std::vector<Token> tokens_;
  bool starts_blank_ = false;
  ScanError error_;
};

}  // namespace trimaran::dns
