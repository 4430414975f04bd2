// Which Trimaran this is; the number is CMake's project version.
#pragma once

#include <string_view>

namespace trimaran {

std::string_view version();

}  // namespace trimaran
