#include "db/sqlite.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "os/acting_as.h"

namespace trimaran {
namespace {

// SQLite asks for 0644; the files beside the database (-wal, -shm) get the mode that it has.
constexpr mode_t kMask = 0027;  // so 0640

Status create(const std::string& file) {
  sqlite3* raw = nullptr;
  int rc = ::sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<sqlite3, decltype(&::sqlite3_close)> db(raw, &::sqlite3_close);
  if (rc == SQLITE_OK) rc = ::sqlite3_exec(raw, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
  if (rc == SQLITE_OK) return {};
  return make_error("cannot create the database " + file + ": " + (raw ? ::sqlite3_errmsg(raw) : "out of memory"));
}

}  // namespace

std::string sqlite_file(const std::string& site_state_dir) { return site_state_dir + "/site.db"; }

Status prepare_sqlite(const std::string& file, const std::optional<Credentials>& owner) {
  struct stat st {};
  if (::lstat(file.c_str(), &st) == 0) return {};
  // The folder is the user's: no link there can point us elsewhere.
  ActingAs user(owner);
  if (!user.good()) return errno_error("cannot act as the user " + owner->name);
  mode_t before = ::umask(kMask);
  Status created = create(file);
  ::umask(before);
  return created;
}

}  // namespace trimaran
