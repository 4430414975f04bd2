#include "dns/zone_scanner.h"

namespace trimaran::dns {

bool ZoneScanner::next() {
  while (at_ < text_.size()) {
    tokens_.clear();
    error_ = {};
    scan_entry();
    if (!tokens_.empty() || !error_.message.empty()) return true;
  }
  return false;
}

void ZoneScanner::fail(std::string_view message) {
  if (error_.message.empty()) error_ = {line_, column(), message};
}

void ZoneScanner::end_line() {
  ++at_;
  ++line_;
  line_start_ = at_;
}

void ZoneScanner::scan_entry() {
  open_parentheses_ = 0;
  ScanError opened;
  starts_blank_ = text_[at_] == ' ' || text_[at_] == '\t';
  while (at_ < text_.size()) {
    switch (text_[at_]) {
      case '\n':
        end_line();
        if (open_parentheses_ == 0) return;
        break;
      case ' ':
      case '\t':
      case '\r':
        ++at_;
        break;
      case ';':
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        break;
      case '(':
        if (open_parentheses_++ == 0) opened = {line_, column(), "this parenthesis is never closed"};
        ++at_;
        break;
      case ')':
        if (open_parentheses_ == 0) {
          fail("a closing parenthesis without an opening one");
        } else {
          --open_parentheses_;
        }
        ++at_;
        break;
      case '"':
        scan_quoted();
        break;
      default:
        scan_word();
    }
  }
  if (open_parentheses_ > 0 && error_.message.empty()) error_ = opened;
}

void ZoneScanner::scan_quoted() {
  uint32_t start_column = column();
  size_t start = ++at_;
  for (; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_) {
    if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
  }
  if (at_ == text_.size() || text_[at_] != '"') {
    if (error_.message.empty()) error_ = {line_, start_column, "this quoted string is not closed on its line"};
    return;
  }
  if (tokens_.size() == kMaxEntryTokens) return fail("too many fields in one record");
  tokens_.push_back({text_.substr(start, at_ - start), line_, start_column, true});
  ++at_;
}

void ZoneScanner::scan_word() {
  uint32_t start_column = column();
  size_t start = at_;
  for (; at_ < text_.size(); ++at_) {
    char c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' || c == '(' || c == ')' || c == '"') break;
    if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
  }
  if (tokens_.size() == kMaxEntryTokens) return fail("too many fields in one record");
  tokens_.push_back({text_.substr(start, at_ - start), line_, start_column, false});
}

}  // namespace trimaran::dns
