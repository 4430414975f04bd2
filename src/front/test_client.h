// A client for tests: raw bytes out, responses in, with a deadline on everything.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "os/socket.h"

namespace trimaran::front {

struct TestResponse {
  int status = 0;  // 0: none came
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string header(std::string_view name) const;  // the first, or ""
};

class TestClient {
 public:
  static constexpr int kWaitMs = 60'000;  // for what comes in a moment on a machine that is not busy

  explicit TestClient(const Address& address, int receive_buffer = 0);
  void send(std::string_view bytes);
  // `head`: the response to a HEAD request, which has no body.
  TestResponse read_response(bool head = false);
  std::string read(size_t n) { return take(n); }  // less at the end
  // Whether the server closes without another byte.
  bool at_end();
  std::string read_some(size_t bytes_max = 64 * 1024);  // "" at the end
  int fd() const { return fd_.get(); }
  void half_close();

 private:
  bool fill();
  std::string take(size_t n);

  Fd fd_;
  std::string buffer_;
};

}  // namespace trimaran::front
