#include "front/probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "base/strings.h"
#include "base/time.h"
#include "os/socket.h"
#include "pool/fastcgi_codec.h"
#include "pool/http_codec.h"

namespace trimaran::front {
namespace {

using Kind = pool::UpstreamCodec::Step::Kind;

constexpr int kPauseMs = 20;            // between two attempts
constexpr Millis kUnhealthyMs = 5'000;  // an application that answers but is not healthy may still be warming up
constexpr size_t kAnswerBytesMax = 1 << 20;

struct Question {
  std::string protocol, address, host, path, root;
};

bool wait_for(const Fd& socket, short events, Millis deadline) {
  pollfd entry{socket.get(), events, 0};
  return ::poll(&entry, 1, static_cast<int>(std::max<Millis>(0, deadline - monotonic_ms()))) > 0;
}

Result<Fd> connect_by(const std::string& address, Millis deadline) {
  auto socket = begin_connect(address);
  if (!socket) return socket;
  if (!wait_for(*socket, POLLOUT, deadline)) return make_error("cannot connect to " + address + ": no answer");
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket->get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return errno_error("cannot connect to " + address, error);
  return socket;
}

std::unique_ptr<pool::UpstreamCodec> make_codec(const Question& question, const pool::PhpScripts& scripts) {
  if (question.protocol == "fastcgi") return std::make_unique<pool::FastCgiCodec>(scripts);
  return std::make_unique<pool::HttpCodec>();
}

std::string request_bytes(pool::UpstreamCodec& codec, const Question& question) {
  worker::RequestHeadView head;
  head.method = "GET";
  head.path = question.path;
  head.path = head.path.substr(0, head.path.find('?'));
  if (head.path.size() < question.path.size())
    head.query = std::string_view(question.path).substr(head.path.size() + 1);
  head.protocol = "HTTP/1.1";
  head.scheme = "http";
  head.client_address = "127.0.0.1";
  head.server_name = question.host;
  head.server_port = 80;
  head.headers = {{"Host", question.host}, {"User-Agent", "trimaran-health"}};
  std::string out;
  codec.start(head, worker::kEnd, out);
  return out;
}

// The status of the answer to GET PATH.
Result<int> ask(const Fd& socket, const Question& question, Millis deadline) {
  pool::PhpScripts scripts(question.root);
  auto codec = make_codec(question, scripts);
  std::string out = request_bytes(*codec, question), in;
  size_t sent = 0;
  while (sent < out.size()) {
    ssize_t n = ::send(socket.get(), out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n > 0)
      sent += static_cast<size_t>(n);
    else if (!wait_for(socket, POLLOUT, deadline))
      return make_error("GET " + question.path + " is not taken");
  }
  while (in.size() < kAnswerBytesMax) {
    if (!wait_for(socket, POLLIN, deadline)) return make_error("GET " + question.path + " is not answered");
    char buffer[16 * 1024];
    ssize_t n = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return make_error("GET " + question.path + ": the connection was closed without an answer");
    in.append(buffer, static_cast<size_t>(n));
    pool::UpstreamCodec::Step step;
    do {
      step = codec->next(in);
      in.erase(0, step.kind == Kind::head ? 0 : step.consumed);
    } while (step.kind == Kind::log);
    if (step.kind == Kind::head) return codec->head().status;
    if (step.kind != Kind::need_more) {
      return make_error("GET " + question.path + ": the answer is malformed: " + std::string(step.bytes));
    }
  }
  return make_error("GET " + question.path + ": the head of the answer is too large");
}

int probe(const Question& question, Millis timeout_ms) {
  Millis deadline = monotonic_ms() + timeout_ms;
  Millis unhealthy_until = 0;  // once it has answered
  std::string reason;
  do {
    auto socket = connect_by(question.address, deadline);
    if (socket && question.path.empty()) return 0;
    if (!socket) {
      reason = "nobody listens: " + socket.error().message;
    } else {
      auto status = ask(*socket, question, deadline);
      if (status && *status < 400) return 0;
      reason =
          status ? "GET " + question.path + " is answered with " + std::to_string(*status) : status.error().message;
      if (status && unhealthy_until == 0) unhealthy_until = monotonic_ms() + kUnhealthyMs;
    }
    if (unhealthy_until > 0 && monotonic_ms() >= unhealthy_until) break;
    ::poll(nullptr, 0, kPauseMs);
  } while (monotonic_ms() < deadline);
  std::printf("%s\n", reason.c_str());
  return 1;
}

}  // namespace

int probe_main(int argc, char** argv) {
  auto argument = [&](int i) { return std::string(i < argc ? argv[i] : ""); };
  auto timeout_ms = parse_u64(argument(3));
  if (argc < 5 || !timeout_ms || *timeout_ms > 3'600'000) {
    std::puts("usage: trimaran probe PROTOCOL ADDRESS TIMEOUT_MS HOST [PATH [ROOT]]");
    return 2;
  }
  return probe({argument(1), argument(2), argument(4), argument(5), argument(6)}, static_cast<Millis>(*timeout_ms));
}

}  // namespace trimaran::front
