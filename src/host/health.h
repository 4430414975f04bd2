// The question before the first visitor: does this worker answer its health path ([app] health)? Asked in the worker's
// own process and without a socket, because a request through the front could reach another worker.
#pragma once

#include <string>
#include <string_view>

#include "host/application.h"

namespace trimaran::host {

// GET `path`, with `site` as its Host. An error, in one sentence, unless the status is below 400.
Status check_health(const Application& application, std::string_view path, std::string_view site);

}  // namespace trimaran::host
