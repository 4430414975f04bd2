// DATABASE_URL as SQLAlchemy, Django's dj-database-url and our own C++ API read it.
#pragma once

#include <string>
#include <string_view>

namespace trimaran {

// "sqlite:////abs/site.db"
std::string sqlite_url(std::string_view file);
// "mysql://USER@localhost/DATABASE?unix_socket=/abs/db.sock"; no password: the server knows the user by the socket.
std::string mariadb_url(std::string_view user, std::string_view database, std::string_view socket);

}  // namespace trimaran
