#include "control/version.h"

namespace trimaran {

std::string_view version() { return TRIMARAN_VERSION; }

}  // namespace trimaran
