// Prepared statements by their text: the last used Database::kStatementsMax of one connection. An application that
// builds its SQL from values (it should not) must not fill the server with statements.
#pragma once

#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "trimaran/database.h"

namespace trimaran::host {

template <class Statement>
class StatementCache {
 public:
  // The statement for `sql`, made by `prepare()` when it is not there. Stays valid until the next call.
  template <class Prepare>
  Statement& get(std::string_view sql, Prepare prepare) {
    auto found = by_text_.find(sql);
    if (found != by_text_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return entries_.front().second;
    }
    Statement statement = prepare();
    if (entries_.size() == Database::kStatementsMax) {
      by_text_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(std::string(sql), std::move(statement));
    by_text_.emplace(entries_.front().first, entries_.begin());
    return entries_.front().second;
  }

  void clear() {
    by_text_.clear();
    entries_.clear();
  }
  size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<const std::string, Statement>>;  // the last used first
  Entries entries_;
  std::map<std::string_view, typename Entries::iterator> by_text_;  // into the entries' keys
};

}  // namespace trimaran::host
