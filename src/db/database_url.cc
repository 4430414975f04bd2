#include "db/database_url.h"

#include "base/strings.h"

namespace trimaran {
namespace {

// RFC 3986 section 2.3, and the slash, which stands for itself in a path and in a query.
std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    char lower = ascii_lower(c);
    if ((lower >= 'a' && lower <= 'z') || is_digit(c) || std::string_view("-._~/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

}  // namespace

// Not encoded: the readers of sqlite URLs take the rest of the text as the file name.
std::string sqlite_url(std::string_view file) { return "sqlite:///" + std::string(file); }

std::string mariadb_url(std::string_view user, std::string_view database, std::string_view socket) {
  return "mysql://" + percent_encode(user) + "@localhost/" + percent_encode(database) +
         "?unix_socket=" + percent_encode(socket);
}

}  // namespace trimaran
