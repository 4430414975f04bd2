// An application that was compiled for another version of the API, and needs a function that is no longer there.
#include <cstdint>

namespace trimaran {
class App;
void function_of_long_ago(App&);
}  // namespace trimaran

extern "C" void trimaran_app(trimaran::App& app) { trimaran::function_of_long_ago(app); }
extern "C" uint32_t trimaran_abi_version() { return 999; }
