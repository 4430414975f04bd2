// The border between the worker protocol and the application: routing, the host's own error pages, and the one place
// where what an application throws is caught.
#pragma once

#include "host/application.h"
#include "worker/worker.h"

namespace trimaran::host {

// Answers one request, whatever happens.
void answer(worker::Request& request, const Application& application, Database& database);

// Runs `threads` threads, this one among them, until the worker drains. Each has its own connection to the database.
void serve(worker::Worker& worker, const Application& application, int threads);

}  // namespace trimaran::host
