// An application that cannot start.
#include <trimaran/app.h>

#include <stdexcept>

void trimaran_app(trimaran::App&) { throw std::runtime_error("the configuration of the shop is missing"); }
