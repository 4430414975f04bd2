// A load generator for benchmarks: a fixed number of keep-alive connections, each with one request under way, for a
// fixed time, on one thread. It exists because wrk is itself the limit before a fast server is: here a response costs
// one recv with MSG_TRUNC, which drops the bytes in the kernel.
//
// Every connection reads its first response whole and checks it; all later ones must have exactly the same length,
// which holds for a fixed page (a Date header keeps its length). At the end each connection checks one more whole
// response. A server that says "Connection: close" is taken at its word: each request then has a new connection.
//
// Prints one line of JSON: {"requests":N,"failed":N,"seconds":S,"p50_us":U,"p99_us":U}
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "base/time.h"

namespace {

using trimaran::monotonic_us;

constexpr size_t kResponseBytesMax = 32 << 20;
constexpr size_t kSamplesMax = 4'000'000;  // latencies kept

struct Options {
  int port = 0;
  int connections = 64;
  double seconds = 2;
  std::string path = "/";
  std::string host = "localhost";
};

// The length of the whole response at the start of `bytes`, 0 while it is incomplete, npos when it is no good 200.
size_t response_length(std::string_view bytes) {
  size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (!bytes.starts_with("HTTP/1.1 200")) return std::string_view::npos;
  std::string head = trimaran::to_lower(bytes.substr(0, end + 2));
  size_t at = head.find("\r\ncontent-length:");
  if (at != std::string::npos) {
    size_t from = at + 17, to = head.find("\r\n", from);
    auto length = trimaran::parse_u64(trimaran::trim(std::string_view(head).substr(from, to - from)));
    if (!length) return std::string_view::npos;
    return bytes.size() >= end + 4 + *length ? end + 4 + *length : 0;
  }
  if (head.find("\r\ntransfer-encoding: chunked") == std::string::npos) return std::string_view::npos;
  size_t last = bytes.find("0\r\n\r\n", end + 4);
  return last == std::string_view::npos ? 0 : last + 5;
}

bool says_close(std::string_view response) {
  std::string head = trimaran::to_lower(response.substr(0, response.find("\r\n\r\n") + 2));
  return head.find("\r\nconnection: close\r\n") != std::string::npos;
}

struct Connection {
  int fd = -1;
  bool closes = false;  // the server closes after each response
  size_t length = 0;    // of a whole response; 0 until the first was read
  size_t left = 0;      // bytes of the current response still to come
  std::string first;
  int64_t sent_at = 0;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)) {
    request_ = "GET " + options_.path + " HTTP/1.1\r\nHost: " + options_.host +
               "\r\nUser-Agent: bench\r\nAccept: */*\r\nX-Bench: 1\r\n\r\n";
    epoll_ = ::epoll_create1(0);
    connections_.resize(static_cast<size_t>(options_.connections));
    latencies_.reserve(kSamplesMax);
  }

  int run() {
    for (Connection& c : connections_) {
      if (!open(c)) {
        std::perror("connect");
        return 1;
      }
    }
    start_ = monotonic_us();
    deadline_ = start_ + static_cast<int64_t>(options_.seconds * 1e6);
    int64_t give_up = deadline_ + 5'000'000;
    while (open_ > 0 && monotonic_us() < give_up) {
      epoll_event events[128];
      int n = ::epoll_wait(epoll_, events, 128, 100);
      for (int i = 0; i < n; ++i) on_readable(*static_cast<Connection*>(events[i].data.ptr));
    }
    failed_ += static_cast<size_t>(open_);
    print();
    return failed_ ? 1 : 0;
  }

 private:
  bool open(Connection& c) {
    c.fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(options_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    int on = 1;
    ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &c;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
    ++open_;
    return send(c);
  }

  bool send(Connection& c) {
    c.sent_at = monotonic_us();
    c.left = c.length;
    return ::send(c.fd, request_.data(), request_.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request_.size());
  }

  void on_readable(Connection& c) {
    if (c.length == 0) return read_first(c);
    ssize_t n = ::recv(c.fd, nullptr, c.left, MSG_TRUNC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return fail(c);
    c.left -= static_cast<size_t>(n);
    if (c.left == 0) done(c);
  }

  void read_first(Connection& c) {
    char buffer[65536];
    ssize_t n = ::recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return fail(c);
    c.first.append(buffer, static_cast<size_t>(n));
    size_t length = response_length(c.first);
    if (length == 0 && c.first.size() < kResponseBytesMax) return;
    if (length != c.first.size()) return fail(c);
    c.length = length;
    c.closes = says_close(c.first);
    c.first.clear();
    done(c);
  }

  void done(Connection& c) {
    int64_t now = monotonic_us();
    ++requests_;
    if (latencies_.size() < kSamplesMax) latencies_.push_back(static_cast<uint32_t>(now - c.sent_at));
    bool finished = now >= deadline_;
    if (c.closes) {
      close(c);
      if (!open(c)) return fail(c);
    } else if (!finished && !send(c)) {
      return fail(c);
    }
    if (finished) last(c);
  }

  // One more whole response: had the stream slipped, this is where it shows.
  void last(Connection& c) {
    std::string text;
    char buffer[65536];
    if (!c.closes && !send(c)) return fail(c);
    while (text.size() < c.length) {
      ssize_t n = ::recv(c.fd, buffer, sizeof buffer, 0);
      if (n <= 0) return fail(c);
      text.append(buffer, static_cast<size_t>(n));
    }
    if (response_length(text) != text.size()) return fail(c);
    finished_at_ = monotonic_us();
    close(c);
  }

  void fail(Connection& c) {
    ++failed_;
    close(c);
  }

  void close(Connection& c) {
    ::close(c.fd);
    --open_;
  }

  void print() {
    std::sort(latencies_.begin(), latencies_.end());
    auto at = [&](double share) {
      return latencies_.empty() ? 0u
                                : latencies_[static_cast<size_t>(share * static_cast<double>(latencies_.size() - 1))];
    };
    std::printf("{\"requests\":%zu,\"failed\":%zu,\"seconds\":%.4f,\"p50_us\":%u,\"p99_us\":%u}\n", requests_, failed_,
                static_cast<double>(std::max(finished_at_, start_ + 1) - start_) / 1e6, at(0.5), at(0.99));
  }

  Options options_;
  std::string request_;
  int epoll_;
  std::vector<Connection> connections_;
  int open_ = 0;
  int64_t start_ = 0, deadline_ = 0, finished_at_ = 0;
  size_t requests_ = 0, failed_ = 0;
  std::vector<uint32_t> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--port")
      options.port = std::atoi(value);
    else if (name == "--connections")
      options.connections = std::atoi(value);
    else if (name == "--seconds")
      options.seconds = std::min(60.0, std::atof(value));
    else if (name == "--path")
      options.path = value;
    else if (name == "--host")
      options.host = value;
    else
      options.port = 0;
  }
  if (options.port <= 0 || options.connections <= 0 || options.connections > 20'000) {
    std::fprintf(stderr, "usage: http_load --port N [--connections N] [--seconds S] [--path /x] [--host NAME]\n");
    return 2;
  }
  return Load(options).run();
}
