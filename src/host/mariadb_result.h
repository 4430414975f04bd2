// Values on their way into and out of a prepared statement of MariaDB Connector/C.
#pragma once

#include <mysql.h>

#include <span>
#include <vector>

#include "trimaran/database.h"

namespace trimaran::host {

// The parameters of one execution. They are borrowed, as the Parameters are.
class ParameterBinds {
 public:
  explicit ParameterBinds(std::span<const Parameter> parameters);
  MYSQL_BIND* data() { return binds_.data(); }

 private:
  std::vector<MYSQL_BIND> binds_;
};

// All rows of an executed statement; none when it has no result. Throws DatabaseError.
Rows read_rows(MYSQL_STMT* statement);

}  // namespace trimaran::host
