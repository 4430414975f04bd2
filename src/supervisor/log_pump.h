// Every child's stdout and stderr, line by line, with the time and the name of the service before it:
//   2026-11-22T10:42:44Z app foobar.com/1 | Traceback (most recent call last):
// Memory is bounded: a line is cut at kLineBytesMax. A reader of our stderr that has stopped reading costs lines, never
// the supervisor: blocking in write(2) would stop the watching of every service.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "supervisor/state.h"
#include "supervisor/watch.h"

namespace trimaran {

// Bytes in, whole lines out. Pure.
class LineSplitter {
 public:
  static constexpr size_t kLineBytesMax = 8 * 1024;  // a traceback's longest line is far shorter; a dump is not a log

  using OnLine = std::function<void(std::string_view)>;
  void feed(std::string_view bytes, const OnLine& on_line);
  // The unfinished last line, if any.
  void finish(const OnLine& on_line);

  // The beginning of a line, and how many bytes of it were cut: for one that goes on with it elsewhere.
  const std::string& unfinished() const { return line_; }
  size_t cut() const { return cut_; }
  void go_on(std::string line, size_t cut);

 private:
  void add(std::string_view part);
  void emit(const OnLine& on_line);

  std::string line_;
  size_t cut_ = 0;  // bytes of this line beyond the limit
};

// Where the lines go: one descriptor, shared by all services and the supervisor's own log.
class LogSink {
 public:
  explicit LogSink(int fd) : fd_(fd) {}
  void line(std::string_view name, std::string_view text);
  // Another descriptor from now on.
  void use(int fd) { fd_ = fd; }

 private:
  static constexpr int kWaitMs = 20;  // for a slow reader, once; after that lines are dropped until it reads again

  bool write(std::string_view bytes);

  int fd_;
  uint64_t dropped_ = 0;
  bool torn_ = false;  // the last line was cut: the disk was full
};

class LogPump {
 public:
  static constexpr size_t kHeldLinesMax = 200;  // the last ones; a failing program says why at its end
  static constexpr size_t kLastLinesMax = 40;   // a traceback, for the message of a deploy that fails

  // `hold_back`: the lines are kept, and shown at the end if somebody wants to know why.
  LogPump(EventLoop& loop, LogSink& sink, std::string name, bool hold_back = false);

  // Every line from now on goes there too.
  void listen(LineSplitter::OnLine on_line) { listener_ = std::move(on_line); }
  // A new pipe to read from; returns the end for the child's stdout and stderr.
  Result<Fd> open();
  // Through an upgrade of the program: the pipe, and the line that has only begun. What is held back is lost.
  void save(StateRecord& record) const;
  void adopt(const StateRecord& record);
  // The child is gone: takes what is still in the pipe, then closes it. What a grandchild writes later is lost. What
  // was held back is shown, or forgotten.
  void finish(bool show_held = true);
  // The newest lines since open(), at most kLastLinesMax.
  std::vector<std::string> last_lines() const { return {last_.begin(), last_.end()}; }

 private:
  void pump();
  void feed(std::string_view bytes);
  void line(std::string_view text);

  LogSink& sink_;
  std::string name_;
  Fd pipe_;
  ReadWatch watch_;  // after pipe_: stops watching before the pipe is closed
  LineSplitter splitter_;
  bool hold_back_;
  std::deque<std::string> held_;
  LineSplitter::OnLine listener_;
  std::deque<std::string> last_;
};

}  // namespace trimaran
