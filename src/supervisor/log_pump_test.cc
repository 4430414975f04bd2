#include "supervisor/log_pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

namespace trimaran {
namespace {

std::vector<std::string> split_all(const std::vector<std::string>& pieces) {
  LineSplitter splitter;
  std::vector<std::string> lines;
  auto on_line = [&](std::string_view line) { lines.emplace_back(line); };
  for (const std::string& piece : pieces) splitter.feed(piece, on_line);
  splitter.finish(on_line);
  return lines;
}

TEST(LineSplitter, LinesAreWholeHoweverTheBytesCome) {
  std::vector<std::string> expected = {"one", "", "two", "rest"};
  EXPECT_EQ(split_all({"one\n\ntwo\r\nrest"}), expected);
  EXPECT_EQ(split_all({"o", "ne", "\n", "\ntw", "o\r", "\nre", "st"}), expected);
}

TEST(LineSplitter, ALongLineIsCutAtItsLimitAndSaysSo) {
  std::string limit(LineSplitter::kLineBytesMax, 'x');
  EXPECT_EQ(split_all({limit + "\nnext"}), (std::vector<std::string>{limit, "next"}));
  EXPECT_EQ(split_all({limit, "yyy", "zz\nnext"}), (std::vector<std::string>{limit + " [5 more bytes]", "next"}));
}

struct Pipe {
  Fd in, out;
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    in = Fd(ends[0]);
    out = Fd(ends[1]);
  }
  std::string take() {
    std::string text(1 << 20, '\0');
    ssize_t n = ::read(in.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
};

TEST(LogSink, PutsTimeAndNameBeforeEachLine) {
  Pipe pipe;
  LogSink sink(pipe.out.get());
  sink.line("app foobar.com/1", "hello");
  std::string text = pipe.take();
  ASSERT_GT(text.size(), 20u);
  EXPECT_EQ(text.substr(19), "Z app foobar.com/1 | hello\n");
}

// The supervisor must go on when the reader of its log does not.
TEST(LogSink, AReaderThatStopsCostsLinesAndTheyAreCounted) {
  Pipe pipe;
  LogSink sink(pipe.out.get());
  std::string line(1000, 'x');
  for (int i = 0; i < 200; ++i) sink.line("front", line);
  pipe.take();
  sink.line("front", "again");
  std::string text = pipe.take();
  EXPECT_NE(text.find("log lines were dropped"), std::string::npos);
  EXPECT_NE(text.find("front | again\n"), std::string::npos);
}

// What mariadb-install-db says of its success misleads; what it says of its failure is all there is.
TEST(LogPump, WhatIsHeldBackIsShownOnlyToWhoWantsToKnowWhy) {
  EventLoop loop;
  Pipe log;
  LogSink sink(log.out.get());
  LogPump pump(loop, sink, "installer", true);
  for (bool failed : {false, true}) {
    auto child = pump.open();
    ASSERT_TRUE(child);
    for (size_t i = 0; i < LogPump::kHeldLinesMax + 2; ++i) {
      std::string line = "advice " + std::to_string(i) + "\n";
      ASSERT_EQ(::write(child->get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
    }
    loop.run_once(0);
    EXPECT_EQ(log.take(), "");
    child->reset();
    pump.finish(failed);
    std::string shown = log.take();
    EXPECT_EQ(shown.find("installer | advice 2\n") != std::string::npos, failed);
    EXPECT_EQ(shown.find("installer | advice 1\n"), std::string::npos) << "the oldest lines give way";
  }
}

}  // namespace
}  // namespace trimaran
