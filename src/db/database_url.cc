#include "db/database_url.h"

#include "base/strings.h"

namespace trimaran {
// Not encoded: the readers of sqlite URLs take the rest of the text as the file name.
std::string sqlite_url(std::string_view file) { return "sqlite:///" + std::string(file); }

std::string mariadb_url(std::string_view user, std::string_view database, std::string_view socket) {
  return "mysql://" + percent_encode(user) + "@localhost/" + percent_encode(database) +
         "?unix_socket=" + percent_encode(socket);
}

}  // namespace trimaran
