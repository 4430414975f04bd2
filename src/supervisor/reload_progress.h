// What has become of a reload: the configuration is in force at once, the applications that it starts anew serve, or
// fail, seconds later. Pure: the supervisor says what happens, this puts it into words for whoever asked.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace trimaran {

// How a reload ended. Not 0: `text` says why in whole lines, and something older still serves: the whole old
// configuration, or, when the new one is in force, the old workers of the applications that `text` names.
struct ReloadOutcome {
  int exit_code = 0;  // 0 done, 1 failed, 2 the configuration is wrong
  std::string text;
  bool in_force = false;
};

class ReloadProgress {
 public:
  // A newer reload replaces an older one. `has_apps`: there are applications that it could have restarted.
  void begin(int generation, bool has_apps);
  void restarts(const std::string& domain) { pending_.insert(domain); }
  void serves(const std::string& domain);
  void failed(const std::string& domain, std::string_view reason, bool old_serve);
  // Front or name server have not said in time that they serve it.
  void unapplied();
  // It is no application any more.
  void forget(const std::string& domain) { pending_.erase(domain); }

  const std::set<std::string>& pending() const { return pending_; }
  bool done() const { return pending_.empty(); }
  // Of what is known by now: what is pending has failed to serve in time.
  ReloadOutcome outcome() const;

 private:
  int generation_ = 0;
  bool has_apps_ = false;
  std::set<std::string> pending_;
  std::string served_;    // domains
  std::string failures_;  // lines
};

}  // namespace trimaran
