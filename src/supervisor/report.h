// What the supervisor knows about itself, as plain values: `status` and the control socket print it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace trimaran {

struct ServiceReport {
  std::string name, kind;
  int pid = 0;                     // 0: no process now
  std::string state;               // starting, serving, draining, stopped, back-off
  std::optional<int64_t> since_s;  // seconds in this state; nothing: it was never started
  int restarts = 0;
  std::string reason;  // of the last failure; "" once it serves again
};

struct GenerationReport {
  int number = 0;
  std::string part;     // current, canary, next, warm, finishing
  std::string state;    // starting, serving, broken
  std::string release;  // its folder, "" when nothing was deployed
  int share = 0;        // percent of the requests
  int workers = 0;
};

struct SiteReport {
  std::string domain;
  std::string app_state;  // "" without [app]; starting, serving, paused, broken
  std::string app_reason;
  std::string app_target;
  std::vector<GenerationReport> generations;
  std::string engine;    // sqlite, mariadb
  std::string database;  // the URL that the application is given
};

struct ListenerReport {
  std::string kind, address;
};

struct Report {
  std::string state;  // starting, serving, degraded, stopping
  int pid = 0;
  int64_t uptime_s = 0;
  std::string site_file;
  int generation = 0;  // of the configuration; 1 at the start, one more with each reload
  std::vector<ServiceReport> services;
  std::vector<ListenerReport> listeners;
  std::vector<SiteReport> sites;
  std::string front_json, nameserver_json;  // their counters, JSON objects
};

}  // namespace trimaran
