// The words of the command line as typed values. No CLI11 here: the client is built beside the server, and a dozen
// `--name value` pairs need no library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/socket.h"
#include "strict/expectation.h"

namespace trimaran::strict {

enum class Kind { http, websocket, dns };

struct Options {
  static constexpr int kConnectionsMax = 20'000;
  static constexpr int kPipelineMax = 1000;
  static constexpr size_t kBodyBytesMax = 64 << 20;
  static constexpr double kSecondsMax = 7200;
  static constexpr double kRateMax = 1e6;

  Kind kind = Kind::http;
  Address server;
  std::string name = "foobar.com";  // the Host, or the name that is asked for
  double rate = 0;                  // requests a second over all connections; 0: closed loop
  double seconds = 10;              // how long requests are begun; their answers may come later
  uint64_t requests = 0;            // at most so many; 0: no limit
  int connections = 64;
  double timeout_s = 10;  // from the time a request was due
  std::string timeline;   // a file for one line a request; "" for none

  bool new_connections = false;  // one request on each connection, which it announces with "Connection: close"
  int pipeline = 1;              // requests sent at once on a connection
  std::string method = "GET";
  std::string path = "/";
  std::vector<std::string> headers;  // whole lines: "Accept: text/html"
  std::string body;                  // of each request; {id} is filled in
  size_t body_bytes = 0;             // the body is filled up to this length
  double upload_rate = 0;            // bytes a second on each connection; 0: as fast as it goes
  double read_rate = 0;              // likewise, of the response
  int receive_buffer = 0;            // SO_RCVBUF; 0: the system's choice
  Expectation expect;

  double interval_s = 1;  // websocket: between two messages of a connection
};

Result<Options> parse_options(int argc, char** argv);
extern const char kUsage[];

}  // namespace trimaran::strict
