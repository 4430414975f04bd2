// File names to media types, built in: /etc/mime.types differs from machine to machine, and the same site must give the
// same headers everywhere.
#pragma once

#include <string_view>

namespace trimaran::front {

// By the extension, without case; text types carry charset=utf-8. "application/octet-stream" when it is not known.
std::string_view mime_type(std::string_view path);

}  // namespace trimaran::front
