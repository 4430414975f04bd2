// What all workers of all sites share: who starts them, who is told of them, and the numbers that are given once.
#pragma once

#include <functional>
#include <string>

#include "config/config.h"
#include "supervisor/front_line.h"
#include "supervisor/runtime.h"
#include "supervisor/upstream.h"

namespace trimaran {

struct Fleet {
  const Runtime& runtime;
  FrontLine front;
  std::function<void()> changed;  // something happened: Site::advance() is called after this round
  std::string run_dir;            // of sockets
  PortRange ports{0};             // for programs that listen
  int workers = 0;                // the last number that a worker got; unique in a supervisor's life
  int generations = 0;            // the last number that a generation got; likewise
};

// What one generation runs.
struct Generation {
  int number = 0;
  SiteConfig site;
  std::string database_url;
};

}  // namespace trimaran
