// How php-fpm is run: Debian's program, with a configuration that is ours from the first to the last line, so that what
// an installation has in /etc/php/*/fpm/pool.d says nothing here (its php.ini does).
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace trimaran {

// The newest installed one; an error names the package.
Result<std::string> find_php_fpm(const std::string& folder = "/usr/sbin");

// One pool with a fixed number of processes: [app] threads. `socket`: the path that php-fpm is told of the listening
// socket that it inherits (FPM_SOCKETS).
std::string php_fpm_config(const AppConfig& app, const std::string& socket);

std::vector<std::string> php_fpm_argv(const std::string& program, const std::string& config_file);

}  // namespace trimaran
