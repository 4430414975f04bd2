#include "strict/options.h"

#include <cstdlib>

#include "base/strings.h"
#include "os/fd.h"

namespace trimaran::strict {

const char kUsage[] =
    "usage: strict_load http|websocket|dns --port N [--address IP] [--name HOST]\n"
    "         [--rate PER_SECOND] [--seconds S] [--requests N] [--connections N] [--timeout S] [--timeline FILE]\n"
    "  http:  [--new] [--pipeline DEPTH] [--method M] [--path /p?id={id}] [--header LINE]... [--body TEXT]\n"
    "         [--body-bytes N] [--upload-rate BYTES_PER_S] [--read-rate BYTES_PER_S] [--receive-buffer BYTES]\n"
    "         [--expect-status N,N] [--expect-body TEXT | --expect-file FILE | --expect-prefix TEXT]\n"
    "         [--expect-regex RE] [--expect-length N]\n"
    "  websocket: [--path /p] [--header LINE]... [--interval S] [--expect-body TEXT]\n"
    "{id}, {length} and {crc32} stand for the request's number and its body's; without --rate each connection sends\n"
    "its next request when it has the answer. SIGTERM and SIGINT end the load in order. Exit code: 0 none failed, 1\n"
    "some did, 2 usage.\n";

namespace {

constexpr size_t kExpectFileMax = 64 << 20;

Result<double> number(const std::string& text, double low, double high) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= low && value <= high)) {
    char range[80];
    std::snprintf(range, sizeof range, " is not a number from %g to %g", low, high);
    return make_error("\"" + text + "\"" + range);
  }
  return value;
}

template <class T>
Status set(T& out, const std::string& text, double low, double high) {
  auto value = number(text, low, high);
  if (!value) return std::unexpected(value.error());
  out = static_cast<T>(*value);
  return {};
}

Status set_statuses(std::vector<int>& out, const std::string& text) {
  out.clear();
  for (std::string_view part : split(text, ',')) {
    int status = 0;
    if (auto done = set(status, std::string(part), 100, 599); !done) return done;
    out.push_back(status);
  }
  return {};
}

Status set_expect_regex(Options& o, const std::string& value) {
  try {
    o.expect.pattern = std::regex(value);
  } catch (const std::regex_error& error) {
    return make_error("\"" + value + "\" is no regular expression: " + error.what());
  }
  return {};
}

Status set_text(std::string& out, const std::string& value) {
  out = value;
  return {};
}

// What is common to all kinds; an unknown name is for the next table.
Result<bool> set_common(Options& o, std::string_view name, const std::string& value) {
  Status done;
  if (name == "--rate")
    done = set(o.rate, value, 0, Options::kRateMax);
  else if (name == "--seconds")
    done = set(o.seconds, value, 0, Options::kSecondsMax);
  else if (name == "--requests")
    done = set(o.requests, value, 1, 1e9);
  else if (name == "--connections")
    done = set(o.connections, value, 1, Options::kConnectionsMax);
  else if (name == "--timeout")
    done = set(o.timeout_s, value, 0.001, 3600);
  else if (name == "--timeline")
    done = set_text(o.timeline, value);
  else if (name == "--name")
    done = set_text(o.name, value);
  else
    return false;
  if (!done) return std::unexpected(done.error());
  return true;
}

Result<bool> set_expectation(Options& o, std::string_view name, const std::string& value) {
  Status done;
  if (name == "--expect-status") {
    done = set_statuses(o.expect.statuses, value);
  } else if (name == "--expect-body") {
    o.expect.body = value;
  } else if (name == "--expect-prefix") {
    o.expect.prefix = value;
  } else if (name == "--expect-regex") {
    done = set_expect_regex(o, value);
  } else if (name == "--expect-length") {
    o.expect.length.emplace();
    done = set(*o.expect.length, value, 0, 1e12);
  } else if (name == "--expect-file") {
    auto text = read_file(value, kExpectFileMax);
    if (!text) return std::unexpected(text.error());
    o.expect.body = *text;
  } else {
    return false;
  }
  if (!done) return std::unexpected(done.error());
  return true;
}

Status set_http(Options& o, std::string_view name, const std::string& value) {
  if (name == "--pipeline") return set(o.pipeline, value, 1, Options::kPipelineMax);
  if (name == "--method") return set_text(o.method, value);
  if (name == "--path") return set_text(o.path, value);
  if (name == "--body") return set_text(o.body, value);
  if (name == "--body-bytes") return set(o.body_bytes, value, 0, Options::kBodyBytesMax);
  if (name == "--upload-rate") return set(o.upload_rate, value, 1, 1e12);
  if (name == "--read-rate") return set(o.read_rate, value, 1, 1e12);
  if (name == "--receive-buffer") return set(o.receive_buffer, value, 1, 1 << 30);
  if (name == "--interval") return set(o.interval_s, value, 0.001, 3600);
  if (name != "--header") return make_error("unknown option " + std::string(name));
  o.headers.push_back(value);
  return {};
}

Status set_option(Options& o, const std::string& name, const std::string& value) {
  for (auto* table : {set_common, set_expectation}) {
    auto known = table(o, name, value);
    if (!known) return std::unexpected(std::move(known.error()).with_context(name));
    if (*known) return {};
  }
  if (auto done = set_http(o, name, value); !done) return std::unexpected(std::move(done.error()).with_context(name));
  return {};
}

}  // namespace

Result<Options> parse_options(int argc, char** argv) {
  Options o;
  if (argc < 2) return make_error("which kind of load?");
  std::string_view kind = argv[1];
  if (kind != "http" && kind != "websocket" && kind != "dns") return make_error("unknown kind " + std::string(kind));
  o.kind = kind == "http" ? Kind::http : kind == "websocket" ? Kind::websocket : Kind::dns;
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  for (int i = 2; i < argc; ++i) {
    std::string name = argv[i];
    if (name == "--new") {
      o.new_connections = true;
      continue;
    }
    if (++i == argc) return make_error(name + " needs a value");
    Status done;
    if (name == "--port")
      done = set(port, argv[i], 1, 65535);
    else if (name == "--address")
      address = argv[i];
    else
      done = set_option(o, name, argv[i]);
    if (!done) return std::unexpected(done.error());
  }
  if (port == 0) return make_error("--port is missing");
  auto server = parse_ip(address, port);
  if (!server) return make_error(address + " is no IP address");
  o.server = *server;
  if (o.expect.body && o.expect.prefix) return make_error("either a whole body or a prefix is expected");
  if (o.new_connections && o.pipeline > 1) return make_error("--new and --pipeline contradict each other");
  if (o.kind == Kind::dns && o.rate == 0) return make_error("a DNS load needs --rate");
  return o;
}

}  // namespace trimaran::strict
