// The releases of one site on the disk, below STATE/DOMAIN/releases:
//   20261122-140501-1a2b/      what was deployed
//   20261122-140501-1a2b.card  written when it has proved itself: a folder without one is what a killed deploy left
//   current                    the name of the one that serves, below it those that a rollback goes back to, one a
//                              line; no file while the site runs from its own folder
//   incoming/                  a copy under way
// Blocking code (design rule 7): the supervisor calls it on a thread. Not for two threads at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "release/tree.h"

namespace trimaran::release {

struct Release {
  std::string id;
  std::string folder;   // absolute
  std::string source;   // the folder or archive it was made of
  int64_t made_at = 0;  // seconds since 1970
  uint64_t files = 0, bytes = 0;
  bool current = false;
};

struct Added {
  Release release;
  std::vector<std::string> skipped;  // sockets and pipes that were left out
};

class ReleaseStore {
 public:
  // `site_folder` is STATE/DOMAIN, which exists; the store keeps to itself below it.
  explicit ReleaseStore(const std::string& site_folder) : folder_(site_folder + "/releases") {}

  const std::string& folder() const { return folder_; }
  std::string folder_of(const std::string& id) const { return folder_ + "/" + id; }

  // A new release of a folder or an archive: copied, checked, on the disk, without a card. `apart`: folders that are no
  // part of it. Removes what killed deploys left. After an error nothing of it is there.
  Result<Added> add(const std::string& source, const std::vector<std::string>& apart, const TreeJob& job) const;
  // It has proved itself.
  Status write_card(const Release& release) const;
  // The release that a start shall serve; "": the site's own folder. A new one is put before the one that served; one
  // that served before takes those after it away, so that two rollbacks go back two deploys.
  Status set_current(const std::string& id) const;

  // What `current` says, "" for none. An error: it is damaged.
  Result<std::string> current() const;
  // What a rollback goes back to; "": the site's own folder.
  std::string previous() const;
  // Those with a card and a folder, the newest first.
  std::vector<Release> list() const;

  Status remove(const std::string& id) const;
  // Keeps the newest `keep`, the current one and those in `used`. Returns how many it removed.
  Result<int> prune(int keep, const std::set<std::string>& used) const;

 private:
  static constexpr size_t kHistoryMax = 100;  // as many as [deploy] keep may be

  std::vector<std::string> history() const;
  bool is_good(const std::string& id) const;
  Result<Fd> open() const;
  Result<TreeSize> fill(int incoming, const std::string& source, const std::vector<std::string>& apart,
                        const TreeJob& job) const;
  Status clean(int folder) const;

  std::string folder_;
};

}  // namespace trimaran::release
