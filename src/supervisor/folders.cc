#include "supervisor/folders.h"

#include <sys/stat.h>
#include <unistd.h>

#include "db/database_url.h"
#include "db/mariadb.h"
#include "db/sqlite.h"
#include "supervisor/app_user.h"
#include "supervisor/log_files.h"

namespace trimaran {
namespace {

constexpr unsigned kSiteFolderMode = 0750;  // what the visitors of a site entrusted to it is no other user's business

// A database that another user made ([app] user has changed) cannot be written. Rejected: to give it to the new user
// ourselves. The folder is the application's, who could put a link to any file there.
Status check_owner(const std::string& file, const Credentials& owner) {
  struct stat st {};
  if (::lstat(file.c_str(), &st) != 0 || st.st_uid == owner.uid || (st.st_mode & S_IWOTH) != 0) return {};
  return make_error(owner.name + " cannot write the database " + file +
                    ", which another user owns; stop the site and give it to him (chown " + owner.name + ": " + file +
                    "*), or set [app] user back");
}

}  // namespace

Status prepare_folders(const Config& config) {
  for (const std::string& folder : {config.state_dir, config.run_dir}) {
    if (Status made = make_directories(folder); !made) return made;
    if (::access(folder.c_str(), W_OK | X_OK) != 0) return errno_error("cannot write to the folder " + folder);
  }
  return {};
}

Status prepare_site(const SiteConfig& site, const Runtime& runtime) {
  auto user = find_app_user(runtime, site);
  if (!user) return std::unexpected(user.error());
  const auto& owner = user->drop;
  bool uses_sqlite = site.app && site.database.engine == Engine::sqlite;
  // Before the folder has another owner: who serves now may go on when this is refused.
  if (owner && uses_sqlite) {
    if (Status writable = check_owner(sqlite_file(site.state_dir), *owner); !writable) return writable;
  }
  if (Status opened = open_output(runtime, site); !opened) return opened;
  if (Status made = make_directories(site.state_dir, kSiteFolderMode); !made) return made;
  // One that is older, or whose owner opened it further to his group or himself, keeps all but the rights of others.
  struct stat st {};
  if (::stat(site.state_dir.c_str(), &st) != 0) return errno_error("cannot look at " + site.state_dir);
  if ((st.st_mode & S_IRWXO) != 0 && ::chmod(site.state_dir.c_str(), st.st_mode & 07770) != 0) {
    return errno_error("cannot change the mode of " + site.state_dir);
  }
  // The group of the front, which serves files of the releases in it.
  if (owner && ::lchown(site.state_dir.c_str(), owner->uid, runtime.app_user.gid) != 0) {
    return errno_error("cannot give the folder " + site.state_dir + " to " + owner->name);
  }
  return uses_sqlite ? prepare_sqlite(sqlite_file(site.state_dir), owner) : Status();
}

std::string database_url(const Config& config, const SiteConfig& site, const Runtime& runtime) {
  if (site.database.engine == Engine::sqlite) return sqlite_url(sqlite_file(site.state_dir));
  return mariadb_url(app_user_name(runtime, site), mariadb_database_name(site.domain),
                     MariadbPaths::in(config.state_dir, config.run_dir).socket);
}

}  // namespace trimaran
