#include "strict/results.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <nlohmann/json.hpp>

#include "base/assert.h"
#include "base/strings.h"

namespace trimaran::strict {

namespace {

constexpr std::string_view kNames[kOutcomes] = {"ok",     "refused",       "connect",   "reset",
                                                "closed", "closed_reused", "cut_short", "malformed",
                                                "status", "body",          "timeout",   "local"};

double ms(int64_t us) { return static_cast<double>(us) / 1e3; }

}  // namespace

std::string_view outcome_name(Outcome outcome) { return kNames[static_cast<size_t>(outcome)]; }

Status Results::open_timeline(const std::string& path) {
  if (path.empty()) return {};
  timeline_.reset(std::fopen(path.c_str(), "we"));
  if (!timeline_) return errno_error("cannot open the timeline " + path);
  std::fputs("id\tintended_us\tdone_us\toutcome\tstatus\tbody\n", timeline_.get());
  return {};
}

void Results::write_timeline(const Record& record) {
  if (!timeline_) return;
  std::string excerpt = escape_for_log(record.excerpt);
  std::fprintf(timeline_.get(), "%" PRIu64 "\t%" PRId64 "\t%" PRId64 "\t%s\t%d\t%s\n", record.id, record.intended_us,
               record.done_us, kNames[static_cast<size_t>(record.outcome)].data(), record.status, excerpt.c_str());
}

void Results::add(const Record& record) {
  TRIMARAN_ASSERT(attempted() < kRecordsMax);
  ++by_outcome_[static_cast<size_t>(record.outcome)];
  if (record.status != 0) ++statuses_[record.status];
  if (record.outcome == Outcome::ok) {
    ++succeeded_;
    int64_t took = std::max<int64_t>(0, record.done_us - record.intended_us);
    latencies_us_.push_back(static_cast<uint32_t>(std::min<int64_t>(took, UINT32_MAX)));
    sorted_ = false;
    if (record.done_us - last_ok_us_ > gap_us_) {
      gap_us_ = record.done_us - last_ok_us_;
      gap_at_us_ = last_ok_us_;
    }
    last_ok_us_ = std::max(last_ok_us_, record.done_us);
  } else {
    ++failed_;
  }
  write_timeline(record);
}

void Results::websocket_closed(int code, bool early, int64_t now_us) {
  ++close_codes_[code];
  if (early && early_closes_++ == 0) early_close_us_ = now_us;
}

// The time from the last good answer to the end is a gap too: a server that went away and stayed away has one.
void Results::end(int64_t now_us) {
  ended_us_ = now_us;
  if (now_us - last_ok_us_ > gap_us_) {
    gap_us_ = now_us - last_ok_us_;
    gap_at_us_ = last_ok_us_;
  }
}

uint32_t Results::latency_us(double share) {
  if (latencies_us_.empty()) return 0;
  if (!sorted_) std::sort(latencies_us_.begin(), latencies_us_.end());
  sorted_ = true;
  return latencies_us_[static_cast<size_t>(share * static_cast<double>(latencies_us_.size() - 1))];
}

std::string Results::json() {
  nlohmann::ordered_json out;
  out["attempted"] = attempted();
  out["succeeded"] = succeeded_;
  out["failed"] = failed_;
  out["failures"] = nlohmann::ordered_json::object();
  for (int i = 1; i < kOutcomes; ++i) {
    if (by_outcome_[i]) out["failures"][std::string(kNames[i])] = by_outcome_[i];
  }
  out["idle_closes"] = idle_closes_;
  out["resent"] = resent_;
  out["connections"] = connections_;
  out["seconds"] = ms(ended_us_ - began_us_) / 1e3;
  for (auto [name, share] : {std::pair{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"p999_ms", 0.999}}) {
    out[name] = ms(latency_us(share));
  }
  out["max_ms"] = ms(latency_us(1));
  out["longest_gap_ms"] = ms(gap_us_);
  out["longest_gap_at_us"] = gap_at_us_;
  out["began_us"] = began_us_;
  out["statuses"] = nlohmann::ordered_json::object();
  for (auto [status, count] : statuses_) out["statuses"][std::to_string(status)] = count;
  if (!close_codes_.empty()) {
    out["early_closes"] = early_closes_;
    out["first_early_close_us"] = early_close_us_;
    out["close_codes"] = nlohmann::ordered_json::object();
    for (auto [code, count] : close_codes_) out["close_codes"][std::to_string(code)] = count;
  }
  return out.dump();
}

std::string Results::human() {
  std::string out = std::to_string(failed_) + " failed of " + std::to_string(attempted());
  std::string separator = " (";
  for (int i = 1; i < kOutcomes; ++i) {
    if (!by_outcome_[i]) continue;
    out += separator + std::to_string(by_outcome_[i]) + " " + std::string(kNames[i]);
    separator = ", ";
  }
  if (failed_) out += ")";
  char text[200];
  std::snprintf(text, sizeof text, ", %" PRIu64 " idle closes; p50 %.2f ms, p99 %.2f ms, max %.1f ms, gap %.1f ms",
                idle_closes_, ms(latency_us(0.5)), ms(latency_us(0.99)), ms(latency_us(1)), ms(gap_us_));
  return out + text;
}

}  // namespace trimaran::strict
