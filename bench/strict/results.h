// What became of every request of a run: nothing is dropped, and attempted is always succeeded plus failed. One JSON
// object for programs, one line for people, and on request a line for each request (the timeline).
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trimaran::strict {

enum class Outcome {
  ok,
  refused,        // no connection: ECONNREFUSED
  connect,        // no connection for another reason
  reset,          // RST before the first byte of the answer, on a new connection
  closed,         // the stream ended before the first byte of the answer, on a new connection
  closed_reused,  // either of them on a connection that had served before: it was closed under the request
  cut_short,      // closed or reset in the middle of the answer
  malformed,      // not HTTP, or bytes that nobody asked for
  status,         // another status than expected
  body,           // another body than expected
  timeout,
  local,  // the client's own machine had no port or descriptor left: the run says nothing about the server
};
inline constexpr int kOutcomes = static_cast<int>(Outcome::local) + 1;
std::string_view outcome_name(Outcome outcome);

struct Record {
  uint64_t id = 0;
  int64_t intended_us = 0;  // monotonic clock; when it was due, which is when its latency begins
  int64_t done_us = 0;
  Outcome outcome = Outcome::ok;
  int status = 0;
  std::string_view excerpt;
};

class Results {
 public:
  static constexpr size_t kRecordsMax = 16'000'000;  // 4 bytes each are kept; a longer run ends there

  Status open_timeline(const std::string& path);  // "" for none
  void begin(int64_t now_us) { began_us_ = last_ok_us_ = now_us; }
  void add(const Record& record);
  void idle_close() { ++idle_closes_; }
  void resent() { ++resent_; }
  void reconnected() { ++connections_; }
  void websocket_closed(int code, bool early, int64_t now_us);  // early: it was not the client who wanted it
  void end(int64_t now_us);

  uint64_t attempted() const { return succeeded_ + failed_; }
  uint64_t failed() const { return failed_; }
  uint64_t failed(Outcome outcome) const { return by_outcome_[static_cast<size_t>(outcome)]; }
  int64_t longest_gap_us() const { return gap_us_; }
  // The latency that this share (0..1) of the good answers did not exceed; 0 when there is none. Sorts: at the end.
  uint32_t latency_us(double share);
  std::string json();   // one line
  std::string human();  // one line

 private:
  struct CloseFile {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  void write_timeline(const Record& record);

  int64_t began_us_ = 0, ended_us_ = 0, last_ok_us_ = 0, gap_us_ = 0, gap_at_us_ = 0, early_close_us_ = 0;
  uint64_t succeeded_ = 0, failed_ = 0, idle_closes_ = 0, resent_ = 0, connections_ = 0, early_closes_ = 0;
  uint64_t by_outcome_[kOutcomes] = {};
  std::map<int, uint64_t> statuses_, close_codes_;
  std::vector<uint32_t> latencies_us_;
  bool sorted_ = false;
  std::unique_ptr<FILE, CloseFile> timeline_;
};

}  // namespace trimaran::strict
