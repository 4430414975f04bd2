#include "front/test_client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <charconv>

#include "base/strings.h"

namespace trimaran::front {

std::string TestResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (iequals(key, name)) return value;
  }
  return "";
}

TestClient::TestClient(const Address& address, int receive_buffer)
    : fd_(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0) ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  EXPECT_EQ(::connect(fd_.get(), address.get(), address.length), 0);
}

void TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // the server has closed; what it said before is what the test looks at
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void TestClient::half_close() { ::shutdown(fd_.get(), SHUT_WR); }

bool TestClient::fill() {
  pollfd wait{fd_.get(), POLLIN, 0};
  if (::poll(&wait, 1, kWaitMs) != 1) {
    ADD_FAILURE() << "nothing came in time";
    return false;
  }
  char bytes[64 * 1024];
  ssize_t n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(n));
  return true;
}

std::string TestClient::take(size_t n) {
  while (buffer_.size() < n && fill()) {
  }
  std::string out = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return out;
}

std::string TestClient::read_some(size_t bytes_max) {
  if (buffer_.empty() && !fill()) return "";
  return take(std::min(bytes_max, buffer_.size()));
}

bool TestClient::at_end() { return buffer_.empty() && !fill() && buffer_.empty(); }

TestResponse TestClient::read_response(bool head) {
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  std::string text = take(end + 4);
  TestResponse response;
  auto lines = split(std::string_view(text).substr(0, end), '\n');
  response.status = static_cast<int>(parse_u64(lines[0].substr(9, 3)).value_or(0));
  for (size_t i = 1; i < lines.size(); ++i) {
    size_t colon = lines[i].find(':');
    response.headers.emplace_back(lines[i].substr(0, colon), trim(lines[i].substr(colon + 1)));
  }
  if (head || response.status == 304 || response.status == 204 || response.status < 200) return response;
  if (response.header("transfer-encoding") == "chunked") {
    for (;;) {
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!fill()) return response;
      }
      std::string line = take(end + 2);
      size_t size = 0;
      std::from_chars(line.data(), line.data() + line.size(), size, 16);
      response.body += take(size);
      take(2);
      if (size == 0) return response;
    }
  }
  if (auto length = parse_u64(response.header("content-length"))) {
    response.body = take(*length);
  } else {
    while (fill()) {
    }
    response.body = std::move(buffer_);
    buffer_.clear();
  }
  return response;
}

}  // namespace trimaran::front
