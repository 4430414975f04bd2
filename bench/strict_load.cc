// The strict load client: a request without its complete, right answer has failed, whatever the reason. bench/README.md
// says how to use it; the parts are in bench/strict/. One kind of load for each process, on one thread: whoever needs
// several at a time starts several.
#include <cstdio>

#include "strict/dns_load.h"
#include "strict/http_load.h"
#include "strict/options.h"
#include "strict/results.h"
#include "strict/websocket_load.h"

int main(int argc, char** argv) {
  using namespace trimaran::strict;
  auto options = parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "strict_load: %s\n%s", options.error().message.c_str(), kUsage);
    return 2;
  }
  Results results;
  if (auto opened = results.open_timeline(options->timeline); !opened) {
    std::fprintf(stderr, "strict_load: %s\n", opened.error().message.c_str());
    return 2;
  }
  Poller poller;
  switch (options->kind) {
    case Kind::http:
      HttpLoad(*options, poller, results).run();
      break;
    case Kind::websocket:
      run_websockets(*options, poller, results);
      break;
    case Kind::dns:
      DnsLoad(*options, poller, results).run();
      break;
  }
  std::printf("%s\n", results.json().c_str());
  std::fprintf(stderr, "%s\n", results.human().c_str());
  return results.failed() ? 1 : 0;
}
