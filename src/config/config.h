// trimaran.toml as typed values: every default filled in, every relative path made absolute. Data only; whoever holds a
// `const Config&` needs no lock, because a reload makes a new one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/result.h"
#include "base/time.h"
#include "os/socket.h"

namespace trimaran {

enum class AppKind { wsgi, asgi, native, http, php };
std::string_view to_string(AppKind kind);  // "wsgi"
enum class Engine { sqlite, mariadb };

// [app]: the site's code. Relative paths start from the site file's folder or, once something was deployed, from the
// release (SourceBundle::releases).
struct AppConfig {
  AppKind kind = AppKind::wsgi;
  // wsgi, asgi: "module:callable"; native: the absolute path of the .so; http: a command line for the shell, "" for the
  // Procfile's `web:`; php: the absolute folder of the site's scripts.
  std::string target;
  std::string directory;    // absolute working directory, also first on Python's path; default: the folder above
  std::string interpreter;  // wsgi, asgi: absolute path; "" until find_interpreter() has chosen one
  int workers = 2;          // processes, 1..256
  int workers_max = 2;      // more than `workers`: as many as the load needs, in between
  int threads = 1;          // per worker, 1..256
  int concurrency = 1;      // requests at a time in one worker: wsgi, native: threads; asgi, http: 256; php: threads
  bool listen_fd = false;   // http: the program is given a listening socket as descriptor 3 (LISTEN_FDS), not PORT
  bool preload = false;     // wsgi, asgi: import once, then fork
  bool dev = false;         // reload on change, traceback in the browser
  std::string user;         // whom its processes run as when we are root; "": [server] user
  std::string log;          // absolute path of a log of its own, "": with the rest
  std::string health;       // path of the health check, "" for none
  std::vector<std::string> env_files;  // absolute paths of KEY=value lines; a later one wins
  int queue_max = 1024;                // requests that may wait for a worker; more get 503
  Millis queue_wait_ms = 10'000;       // how long one may wait; then 503
  Millis timeout_ms = 60'000;          // from dispatch to the first byte of the response; then 504, and a new worker
  Millis start_timeout_ms = 60'000;    // from the start of a worker to its readiness
  int64_t max_requests = 0;            // a worker is replaced after about so many; 0: never
  Millis max_lifetime_ms = 0;          // and after about so long; 0: never
  uint64_t memory_soft_bytes = 0;      // resident: replaced in order above it; 0: off
  uint64_t memory_hard_bytes = 0;      // resident: killed above it, its successor is started first; 0: off
};

// [deploy]: how a new release takes over.
struct DeployConfig {
  std::string prepare;        // command run in the new release's folder first, e.g. installs dependencies; "" for none
  std::string before_switch;  // command run when the new release is healthy, e.g. migrations; "" for none
  Millis hook_timeout_ms = 600'000;  // of each of the two
  int keep = 5;                      // releases on the disk, 2..100
  Millis warm_ms = 600'000;          // how long the old workers are kept for an instant rollback; 0: not
  Millis drain_ms = 3'600'000;       // how long a long response or WebSocket keeps an old worker or front alive
};

// [[process]]: a program beside the web workers that belongs to the release: a queue's consumer.
struct ProcessConfig {
  std::string name;
  std::string run;  // command line for the shell

  bool operator==(const ProcessConfig&) const = default;
};

// [[cron]]: a command at set times. Runs once at a time, in the release that serves.
struct CronConfig {
  std::string name;
  std::string schedule;  // five fields as in crontab(5), local time
  std::string run;       // command line for the shell

  bool operator==(const CronConfig&) const = default;
};

// [database]
struct DatabaseConfig {
  Engine engine = Engine::sqlite;
};

// [[route]]: the longest path prefix wins.
struct RouteConfig {
  enum class Kind { files, redirect, app };
  std::string path = "/";  // starts with "/"
  Kind kind = Kind::app;
  std::string files;           // absolute folder, Kind::files
  std::string redirect;        // target URL or path, Kind::redirect
  int status = 308;            // of the redirect: 301, 302, 303, 307, 308
  int64_t cache_seconds = -1;  // Cache-Control: max-age; -1 sends none
  bool internal = false;       // files: only for X-Accel-Redirect; 404 for clients
};

// [dns]: what the zone has beyond the records that follow from the site itself.
struct DnsConfig {
  uint32_t ttl = 3600;                   // seconds, of every generated record
  std::string email;                     // SOA RNAME as a mail address; default hostmaster@DOMAIN
  std::vector<std::string> nameservers;  // NS names; default ns1.DOMAIN
  std::string records;                   // zone-file text, origin DOMAIN
  std::string records_file;              // where `records` came from, for diagnostics
  int records_line = 1;                  // the line of the file at which `records` starts
};

struct SiteConfig {
  std::string file;                    // the site file this came from
  std::string folder;                  // its folder, absolute
  std::string domain;                  // lower case, without a final dot
  std::vector<std::string> aliases;    // other host names served alike; default www.DOMAIN
  std::vector<std::string> addresses;  // A and AAAA of the apex, as text
  std::string root;                    // absolute folder of static files, "" for none
  std::optional<AppConfig> app;
  DeployConfig deploy;
  std::vector<ProcessConfig> processes;
  std::vector<CronConfig> cron;
  std::string release;  // its folder, absolute; "" while nothing was deployed
  // Nothing was deployed, and what its paths name is not in the site's own folder: the first release may have it.
  bool awaits_release = false;
  // Why no release of it can be made: all that it serves has absolute paths, each named here.
  Diagnostics undeployable;
  DatabaseConfig database;
  std::vector<RouteConfig> routes;
  DnsConfig dns;
  uint32_t serial = 1;  // SOA serial: SourceBundle::newest(), for a zone has records of other sites too

  // Folder for what the site keeps: <state>/<domain>.
  std::string state_dir;
};

// [limits]: named after what they protect. Durations in milliseconds, sizes in bytes.
struct LimitsConfig {
  uint32_t request_line_bytes = 8 * 1024;     // then 414
  uint32_t header_bytes = 32 * 1024;          // all header lines together; then 431
  uint32_t header_count = 100;                // then 431
  uint64_t body_bytes = 16ull * 1024 * 1024;  // then 413
  Millis head_timeout_ms = 15'000;            // from the first byte of a request to the end of its head; then 408
  Millis idle_timeout_ms = 75'000;            // between requests
  Millis body_timeout_ms = 30'000;            // longest pause in a request body; then 408
  Millis send_timeout_ms = 30'000;            // longest time in which a client takes nothing of a response
  Millis tunnel_timeout_ms = 3'600'000;       // longest silence of a WebSocket or other upgraded connection
  uint32_t body_rate_bytes =
      240;  // bytes a second that an upload or a download must keep up after a grace of 10 s; 0: off
  uint32_t connections = 20'000;            // per front
  uint32_t connections_per_client = 2'000;  // per client address
  uint32_t requests_per_connection = 1'000'000;
};

struct Config {
  std::string file;  // absolute path of the main file

  // [server]
  std::string user;       // whom the children run as when we are root; "" otherwise
  std::string state_dir;  // absolute: databases, logs
  std::string run_dir;    // absolute: sockets, locks
  int threads = 1;        // front and nameserver threads; default: one per core, at most 16

  // [listen]
  std::vector<Address> http;  // TCP
  std::vector<Address> dns;   // UDP and TCP

  // [log]
  std::string access_log;  // absolute path, "-" (stderr of the front) or "off"; default <state>/access.log

  LimitsConfig limits;
  std::vector<SiteConfig> sites;

  std::string control_socket() const { return run_dir + "/control.sock"; }
  std::string groups_file() const { return run_dir + "/groups"; }
};

// The text of every file that makes up a configuration, so that a child of the supervisor reads exactly what the
// supervisor has checked, and not what a file says a moment later.
struct SourceBundle {
  struct File {
    std::string path;  // absolute
    std::string text;
    int64_t mtime = 0;     // seconds since 1970
    bool is_zone = false;  // zone text named by [dns] zone; otherwise a site file
  };
  std::vector<File> files;  // the main file first
  bool as_root = false;     // decides the default ports and folders
  // Whom the children run as when root starts us and [server] user is not set. Of interest to the supervisor only, so
  // it does not travel to the children.
  std::string default_user = "www-data";
  // Addresses of this machine's interfaces, without loopback and link-local ones: what a wildcard listener means.
  std::vector<std::string> interfaces;
  // The folder of the release that serves, by domain: relative paths of [site] root, [app] and [[route]] start there
  // instead of the site file's folder (env_file does not: secrets are no part of a release). "": the site awaits its
  // first release, for those who do not look at files.
  std::map<std::string, std::string> releases;
  // Whether parse_config() looks for the files and folders that are named. Not in a decoded bundle: the supervisor has
  // looked, and a child under another user, a moment later, must come to the same result.
  bool look_at_files = true;

  // The releases of `config`, which was made of this, with the sites that have none and await one.
  void note_awaited(const Config& config);
  // The newest time of all files.
  int64_t newest() const;
  // Takes the place of `former`. SOA serials must grow with each change (RFC 1982; until 2106), also when an older file
  // came back, when two changes are of one second, or when only an interface's address is another one.
  void follow(const SourceBundle& former);
  const File* find(std::string_view path) const;  // nullptr when it is not there
  std::string encode() const;
  static Result<SourceBundle> decode(std::string_view bytes);
};

// Reads FILE, the sites/*.toml beside it and the zone files they name. An error when a site file cannot be read; a zone
// file that cannot be read is left out, and parse_config() says so where it is named.
Result<SourceBundle> read_sources(const std::string& file, bool as_root);
Result<SourceBundle> read_sources(const std::string& file);  // as_root: whether we are

// Either a whole configuration or every mistake in it; never half of one. Looks at the file system only for the
// existence of the files and folders that are named (see look_at_files).
struct ParsedConfig {
  Config config;
  Diagnostics diagnostics;  // empty: `config` is good
  Diagnostics warnings;     // why sites with [deploy] await their first release
};
ParsedConfig parse_config(const SourceBundle& sources);

// All diagnostics as text with their source lines, ready for the terminal.
std::string format_diagnostics(const Diagnostics& diagnostics, const SourceBundle& sources);

}  // namespace trimaran
