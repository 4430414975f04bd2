#include "dns/zone_text.h"

#include <span>

#include "base/strings.h"
#include "dns/rdata.h"
#include "dns/zone_scanner.h"

namespace trimaran::dns {
namespace {

class ZoneTextParser {
 public:
  ZoneTextParser(std::string_view text, const ZoneTextOptions& options, ZoneDraft& draft)
      : scanner_(text), options_(options), draft_(draft), origin_(options.origin), default_ttl_(options.default_ttl) {
    draft_.files.push_back(options.file);
    file_ = static_cast<uint16_t>(draft_.files.size() - 1);
  }

  void run() {
    size_t mistakes_before = draft_.mistakes.size();
    size_t records_before = draft_.records.size();
    while (scanner_.next()) {
      if (draft_.mistakes.size() - mistakes_before >= kMaxMistakes) {
        return report(line_, 0, "too many mistakes; the rest of the file was not read");
      }
      if (!scanner_.error().message.empty()) {
        const ScanError& error = scanner_.error();
        report(error.line, error.column, std::string(error.message));
        continue;
      }
      if (draft_.records.size() - records_before >= options_.max_records) {
        std::string most = std::to_string(options_.max_records);
        return report(scanner_.tokens()[0].line, 0, "more than " + most + " records; the rest was not read");
      }
      read_entry(scanner_.tokens());
    }
  }

 private:
  void report(uint32_t line, uint32_t column, std::string message, std::string hint = {}) {
    int shown = static_cast<int>(line) + options_.first_line - 1;
    draft_.mistakes.push_back({options_.file, shown, static_cast<int>(column), std::move(message), std::move(hint)});
  }
  void report(const Token& token, std::string message, std::string hint = {}) {
    report(token.line, token.column, std::move(message), std::move(hint));
  }
  // A mistake at tokens[at], or behind the last token when something is missing there.
  void report_at(std::span<const Token> tokens, size_t at, std::string message) {
    if (at < tokens.size()) return report(tokens[at], std::move(message));
    const Token& last = tokens.back();
    uint32_t width = static_cast<uint32_t>(last.text.size()) + (last.quoted ? 2 : 0);
    report(last.line, last.column + width, std::move(message));
  }

  void read_entry(std::span<const Token> tokens) {
    line_ = tokens[0].line;
    const Token& first = tokens[0];
    if (!first.quoted && first.text[0] == '$') return read_directive(tokens);
    if (!scanner_.starts_blank()) {
      have_owner_ = false;
      std::expected<Name, std::string_view> owner =
          first.text == "@" && !first.quoted ? origin_ : Name::from_text(first.text, origin_);
      if (!owner) return report(first, std::string(owner.error()));
      owner_ = std::move(*owner).lowered();
      have_owner_ = true;
      tokens = tokens.subspan(1);
      if (tokens.empty()) return report(first, "a name alone is not a record; class, TTL, type and data are missing");
    } else if (!have_owner_) {
      return report(first, "this record has no owner: no valid one comes before it",
                    "begin the line with a name, or with @ for the origin");
    }
    read_record(tokens);
  }

  void read_directive(std::span<const Token> tokens) {
    const Token& word = tokens[0];
    bool known = iequals(word.text, "$ORIGIN") || iequals(word.text, "$TTL");
    if (iequals(word.text, "$INCLUDE")) {
      return report(word, "$INCLUDE is not supported", "copy its records to this place");
    }
    if (iequals(word.text, "$GENERATE")) return report(word, "$GENERATE is not supported", "write the records out");
    if (!known) return report(word, "unknown directive \"" + std::string(word.text) + "\"");
    if (tokens.size() != 2) return report(word, std::string(word.text) + " takes exactly one value");
    if (iequals(word.text, "$TTL")) {
      std::optional<uint32_t> ttl = parse_period(tokens[1].text);
      if (!ttl) return report(tokens[1], "this is not a TTL (3600, 1h, 1d12h)");
      default_ttl_ = ttl;
      return;
    }
    if (tokens[1].text == "@") return;
    std::expected<Name, std::string_view> origin = Name::from_text(tokens[1].text, origin_);
    if (!origin) return report(tokens[1], std::string(origin.error()));
    origin_ = std::move(*origin);
  }

  // [TTL] [class] type RDATA, or [class] [TTL] type RDATA.
  void read_record(std::span<const Token> tokens) {
    std::optional<uint32_t> ttl;
    bool have_class = false;
    size_t at = 0;
    for (; at < tokens.size() && !tokens[at].quoted; ++at) {
      std::string_view word = tokens[at].text;
      if (!ttl && is_digit(word[0])) {
        ttl = parse_period(word);
        if (!ttl) return report(tokens[at], "this is not a TTL (3600, 1h, 1d12h)");
      } else if (std::optional<uint16_t> number; !have_class && (number = class_from_text(word))) {
        if (*number != kClassIn) return report(tokens[at], "only class IN is served");
        have_class = true;
      } else {
        break;
      }
    }
    if (at == tokens.size()) return report_at(tokens, at, "the type is missing here");
    std::optional<Type> type = type_from_text(tokens[at].text);
    if (!type || tokens[at].quoted) return report(tokens[at], "unknown type \"" + std::string(tokens[at].text) + "\"");
    if (is_meta_type(*type)) return report(tokens[at], type_to_text(*type) + " is not a type of data");
    read_data(tokens, at, *type, ttl);
  }

  void read_data(std::span<const Token> tokens, size_t type_at, Type type, std::optional<uint32_t> ttl) {
    std::expected<std::string, RdataError> rdata = rdata_from_text(type, tokens.subspan(type_at + 1), origin_);
    if (!rdata) return report_at(tokens, type_at + 1 + rdata.error().token, std::move(rdata.error().message));
    if (ttl) {
      last_ttl_ = ttl;
    } else if (default_ttl_) {
      ttl = default_ttl_;  // RFC 2308 section 4
    } else if (last_ttl_) {
      ttl = last_ttl_;  // RFC 1035 section 5.1: the last one stated
    } else if (type == Type::SOA) {
      ttl = read_u32(*rdata, rdata->size() - 4);  // as BIND does: the SOA's own minimum
      last_ttl_ = ttl;
    } else {
      return report(tokens[0], "this record has no TTL", "put $TTL 1h at the top");
    }
    draft_.records.push_back(
        {owner_, type, file_, static_cast<uint32_t>(line_ + options_.first_line - 1), *ttl, std::move(*rdata)});
  }

  ZoneScanner scanner_;
  const ZoneTextOptions& options_;
  ZoneDraft& draft_;
  Name origin_;
  Name owner_;
  bool have_owner_ = false;
  std::optional<uint32_t> default_ttl_;
  std::optional<uint32_t> last_ttl_;
  uint32_t line_ = 1;
  uint16_t file_ = 0;
};

}  // namespace

void parse_zone_text(std::string_view text, const ZoneTextOptions& options, ZoneDraft& draft) {
  ZoneTextParser(text, options, draft).run();
}

}  // namespace trimaran::dns
