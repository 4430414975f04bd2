// One connection to the database of one engine: what trimaran::Database is made of. Every function throws
// DatabaseError; connecting is done on first use. A Transaction that the engine or the connection has lost stays lost
// until roll_back(), so that its later statements cannot run, and be kept, by themselves.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "trimaran/database.h"

namespace trimaran::host {

class Connection {
 public:
  virtual ~Connection() = default;
  virtual Engine engine() const = 0;
  virtual Rows query(std::string_view sql, std::span<const Parameter> parameters) = 0;
  virtual Execution execute(std::string_view sql, std::span<const Parameter> parameters) = 0;
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void roll_back() noexcept = 0;
};

std::unique_ptr<Connection> make_sqlite(std::string path);

struct MariadbPlace {
  std::string socket, user, database;
};
std::unique_ptr<Connection> make_mariadb(MariadbPlace place);

// For a DATABASE_URL; throws DatabaseError for anything else.
std::unique_ptr<Connection> make_connection(std::string_view url);

// Adds up what a result holds and throws once it is more than Database::kResultBytesMax.
class ResultBudget {
 public:
  void add(size_t bytes);

 private:
  size_t used_ = 0;
};

}  // namespace trimaran::host
