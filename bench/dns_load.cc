// A DNS load generator that is cheaper than the servers it measures: 4 connected sockets, 128 queries in flight,
// recvmmsg and sendmmsg, one thread. dnsperf was limited by its own core and hid the differences (facts of the design).
//
//   dns_load PORT [--name NAME]... [--names N] [--type A] [--edns BYTES] [--seconds S] [--pid PID] [--json]
//
// Prints queries a second, answers received, and with --pid the CPU microseconds that the process tree of PID spent per
// query, from /proc/*/task/*/schedstat (nanoseconds on a CPU; getrusage would count in ticks). --names N asks for
// host0 .. hostN-1 below NAME, in a scattered order.
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/decode.h"
#include "dns/rdata.h"
#include "os/socket.h"

namespace {

using namespace trimaran;

constexpr int kSockets = 4;
constexpr int kInFlight = 128;
constexpr int kPerSocket = kInFlight / kSockets;
constexpr int kLostAfterMs = 200;  // then what is in flight on a socket is given up and asked anew
constexpr double kMaxSeconds = 60;

struct Options {
  uint16_t port = 0;
  std::vector<std::string> names;
  int below = 0;
  dns::Type type = dns::Type::A;
  uint16_t edns = 0;
  double seconds = 2;
  int pid = 0;
  bool json = false;
};

struct Totals {
  uint64_t sent = 0, answers = 0, noerror = 0, lost = 0, bytes = 0;
};

std::vector<int> entries(const std::string& path) {
  std::vector<int> out;
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return out;
  while (dirent* entry = ::readdir(folder)) {
    if (int number = std::atoi(entry->d_name); number > 0) out.push_back(number);
  }
  ::closedir(folder);
  return out;
}

int parent_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  std::string state;
  int parent = 0;
  rest >> state >> parent;
  return parent;
}

// Nanoseconds on a CPU of `root` and all its descendants.
uint64_t cpu_ns(int root) {
  std::map<int, int> parents;
  for (int pid : entries("/proc")) parents[pid] = parent_of(pid);
  uint64_t total = 0;
  for (auto [pid, parent] : parents) {
    int ancestor = pid;
    while (ancestor != root && parents.count(ancestor)) ancestor = parents[ancestor];
    if (ancestor != root) continue;
    std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    for (int task : entries(tasks)) {
      std::ifstream file(tasks + "/" + std::to_string(task) + "/schedstat");
      uint64_t ns = 0;
      file >> ns;
      total += ns;
    }
  }
  return total;
}

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--json") {
      options.json = true;
      continue;
    }
    if (word[0] != '-') {
      options.port = static_cast<uint16_t>(std::atoi(word.c_str()));
      continue;
    }
    if (++i == argc) return std::nullopt;
    std::string value = argv[i];
    if (word == "--name")
      options.names.push_back(value);
    else if (word == "--names")
      options.below = std::atoi(value.c_str());
    else if (word == "--type")
      options.type = dns::type_from_text(value).value_or(dns::Type::A);
    else if (word == "--edns")
      options.edns = static_cast<uint16_t>(std::atoi(value.c_str()));
    else if (word == "--seconds")
      options.seconds = std::min(std::atof(value.c_str()), kMaxSeconds);
    else if (word == "--pid")
      options.pid = std::atoi(value.c_str());
    else
      return std::nullopt;
  }
  if (options.names.empty()) options.names.push_back("www.foobar.com.");
  if (options.port == 0) return std::nullopt;
  return options;
}

std::vector<std::string> make_queries(const Options& options) {
  std::vector<std::string> queries;
  if (options.below == 0) {
    for (const std::string& name : options.names) {
      queries.push_back(dns::encode_query(1, name, options.type, options.edns));
    }
    return queries;
  }
  uint64_t scattered = 0;
  for (int i = 0; i < options.below; ++i) {
    scattered = (scattered + 7'368'787) % static_cast<uint64_t>(options.below);  // a prime step visits every host
    std::string name = "host" + std::to_string(scattered) + "." + options.names[0];
    queries.push_back(dns::encode_query(1, name, options.type, options.edns));
  }
  return queries;
}

class Load {
 public:
  explicit Load(const Options& options) : queries_(make_queries(options)) {
    std::optional<Address> server = parse_ip("127.0.0.1", options.port);
    for (Line& line : lines_) {
      line.socket = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (::connect(line.socket.get(), server->get(), server->length) != 0) std::perror("connect"), std::exit(1);
    }
  }

  Totals run(double seconds) {
    int64_t end = monotonic_us() + static_cast<int64_t>(seconds * 1e6);
    std::array<pollfd, kSockets> waiting{};
    for (int i = 0; i < kSockets; ++i) {
      waiting[i] = {lines_[i].socket.get(), POLLIN, 0};
      refill(lines_[i]);
    }
    while (monotonic_us() < end) {
      bool any = ::poll(waiting.data(), kSockets, kLostAfterMs) > 0;
      for (int i = 0; i < kSockets; ++i) {
        Line& line = lines_[i];
        if (any && !(waiting[i].revents & POLLIN)) continue;
        if (!any) {
          totals_.lost += static_cast<uint64_t>(line.in_flight);
          line.in_flight = 0;
        }
        receive(line);
        refill(line);
      }
    }
    return totals_;
  }

 private:
  struct Line {
    Fd socket;
    int in_flight = 0;
  };

  void receive(Line& line) {
    for (int i = 0; i < kPerSocket; ++i) {
      vectors_[i] = {replies_[i].data(), replies_[i].size()};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_iov = &vectors_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
    int n = ::recvmmsg(line.socket.get(), messages_.data(), kPerSocket, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < n; ++i) {
      ++totals_.answers;
      totals_.bytes += messages_[i].msg_len;
      if (messages_[i].msg_len >= 12 && (replies_[i][3] & 15) == 0) ++totals_.noerror;
    }
    if (n > 0) line.in_flight = std::max(0, line.in_flight - n);
  }

  void refill(Line& line) {
    int count = kPerSocket - line.in_flight;
    for (int i = 0; i < count; ++i) {
      std::string& query = queries_[next_];
      next_ = next_ + 1 == queries_.size() ? 0 : next_ + 1;
      vectors_[i] = {query.data(), query.size()};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_iov = &vectors_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
    int sent =
        count > 0 ? ::sendmmsg(line.socket.get(), messages_.data(), static_cast<unsigned>(count), MSG_DONTWAIT) : 0;
    if (sent <= 0) return;
    line.in_flight += sent;
    totals_.sent += static_cast<uint64_t>(sent);
  }

  std::vector<std::string> queries_;
  size_t next_ = 0;
  std::array<Line, kSockets> lines_;
  std::array<mmsghdr, kPerSocket> messages_{};
  std::array<iovec, kPerSocket> vectors_{};
  std::array<std::array<char, 4096>, kPerSocket> replies_{};
  Totals totals_;
};

}  // namespace

int main(int argc, char** argv) {
  std::optional<Options> options = parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: dns_load PORT [--name NAME]... [--names N] [--type A] [--edns BYTES] [--seconds S] "
                 "[--pid PID] [--json]\n");
    return 2;
  }
  Load load(*options);
  uint64_t before = options->pid > 0 ? cpu_ns(options->pid) : 0;
  int64_t start = monotonic_us();
  Totals totals = load.run(options->seconds);
  double seconds = static_cast<double>(monotonic_us() - start) / 1e6;
  uint64_t spent = options->pid > 0 ? cpu_ns(options->pid) - before : 0;
  double answers = static_cast<double>(totals.answers);
  double cpu_us = totals.answers > 0 ? static_cast<double>(spent) / 1e3 / answers : 0;
  double size = totals.answers > 0 ? static_cast<double>(totals.bytes) / answers : 0;
  const char* format =
      options->json
          ? "{\"qps\": %.0f, \"answers\": %lu, \"noerror\": %lu, \"lost\": %lu, \"bytes\": %.1f, \"cpu_us\": %.3f}\n"
          : "%.0f queries/s, %lu answers (%lu NOERROR), %lu lost, %.1f bytes an answer, %.3f us CPU a query\n";
  std::printf(format, answers / seconds, totals.answers, totals.noerror, totals.lost, size, cpu_us);
  return totals.answers > 0 ? 0 : 1;
}
