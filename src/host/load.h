// Brings an application's .so into this process.
#pragma once

#include <string>

#include "host/application.h"

namespace trimaran::host {

// Loads the library and calls its trimaran_app. It is never unloaded: a new release is a new process. The error is one
// sentence for the person who deploys it.
Status load_application(const std::string& path, Application& application);

}  // namespace trimaran::host
