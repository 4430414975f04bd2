#include "supervisor/log_pump.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/time.h"

namespace trimaran {

void LineSplitter::feed(std::string_view bytes, const OnLine& on_line) {
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    add(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    emit(on_line);
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish(const OnLine& on_line) {
  if (!line_.empty()) emit(on_line);
}

void LineSplitter::go_on(std::string line, size_t cut) {
  line_ = std::move(line);
  if (line_.size() > kLineBytesMax) line_.resize(kLineBytesMax);
  cut_ = cut;
}

void LineSplitter::add(std::string_view part) {
  size_t room = std::min(part.size(), kLineBytesMax - line_.size());
  line_.append(part.substr(0, room));
  cut_ += part.size() - room;
}

void LineSplitter::emit(const OnLine& on_line) {
  if (cut_ > 0) line_ += " [" + std::to_string(cut_) + " more bytes]";
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  on_line(line_);
  line_.clear();
  cut_ = 0;
}

void LogSink::line(std::string_view name, std::string_view text) {
  std::string prefix = (torn_ ? "\n" : "") + iso_date(wall_seconds()) + " ";
  if (dropped_ > 0) {
    std::string note =
        prefix + "trimaran | " + std::to_string(dropped_) + " log lines were dropped: nobody read them\n";
    if (!write(note)) return void(++dropped_);
    dropped_ = 0;
    prefix.erase(0, prefix.front() == '\n' ? 1 : 0);
  }
  prefix.append(name).append(" | ").append(text).append("\n");
  if (!write(prefix)) ++dropped_;
}

bool LogSink::write(std::string_view bytes) {
  size_t size = bytes.size();
  // poll(2) promises room for PIPE_BUF bytes in a pipe; a larger write could block.
  while (!bytes.empty()) {
    pollfd wait{fd_, POLLOUT, 0};
    bool room = ::poll(&wait, 1, dropped_ > 0 ? 0 : kWaitMs) == 1;
    ssize_t n = room ? ::write(fd_, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF)) : -1;
    if (room && n < 0 && errno == EINTR) continue;
    if (n < 0) {
      torn_ = torn_ || bytes.size() < size;
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  torn_ = false;
  return true;
}

LogPump::LogPump(EventLoop& loop, LogSink& sink, std::string name, bool hold_back)
    : sink_(sink), name_(std::move(name)), watch_(loop), hold_back_(hold_back) {}

Result<Fd> LogPump::open() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("cannot create a pipe");
  pipe_ = Fd(ends[0]);
  last_.clear();
  Fd child(ends[1]);
  ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);  // our end only: a child's stderr must block, or its lines are lost
  watch_.watch(pipe_.get(), [this] { pump(); });
  return child;
}

void LogPump::save(StateRecord& record) const {
  record.set_fd("log", pipe_.get()).set("line", splitter_.unfinished());
  record.set("line_cut", static_cast<int64_t>(splitter_.cut()));
}

void LogPump::adopt(const StateRecord& record) {
  pipe_ = record.take_fd("log");
  splitter_.go_on(record.text("line"), static_cast<size_t>(std::max<int64_t>(0, record.number("line_cut"))));
  if (pipe_) watch_.watch(pipe_.get(), [this] { pump(); });
}

void LogPump::pump() {
  // One buffer a call: a child that floods its log shares the loop with the others.
  char buffer[16 * 1024];
  ssize_t n = ::read(pipe_.get(), buffer, sizeof buffer);
  if (n > 0) {
    feed({buffer, static_cast<size_t>(n)});
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    watch_.reset();
  }
}

void LogPump::feed(std::string_view bytes) {
  splitter_.feed(bytes, [this](std::string_view text) { line(text); });
}

void LogPump::line(std::string_view text) {
  if (listener_) listener_(text);
  last_.emplace_back(text);
  if (last_.size() > kLastLinesMax) last_.pop_front();
  if (!hold_back_) return sink_.line(name_, text);
  held_.emplace_back(text);
  if (held_.size() > kHeldLinesMax) held_.pop_front();
}

void LogPump::finish(bool show_held) {
  if (!pipe_) return;
  watch_.reset();
  // At most what a pipe holds (64 KiB): a grandchild that goes on writing must not keep us here.
  char buffer[64 * 1024];
  ssize_t n = ::read(pipe_.get(), buffer, sizeof buffer);
  if (n > 0) feed({buffer, static_cast<size_t>(n)});
  splitter_.finish([this](std::string_view text) { line(text); });
  pipe_.reset();
  for (const std::string& text : std::exchange(held_, {})) {
    if (show_held) sink_.line(name_, text);
  }
}

}  // namespace trimaran
