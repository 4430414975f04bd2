#include "supervisor/reload_progress.h"

namespace trimaran {

void ReloadProgress::begin(int generation, bool has_apps) {
  *this = ReloadProgress();
  generation_ = generation;
  has_apps_ = has_apps;
}

void ReloadProgress::serves(const std::string& domain) {
  if (pending_.erase(domain) > 0) served_ += (served_.empty() ? "" : ", ") + domain;
}

void ReloadProgress::failed(const std::string& domain, std::string_view reason, bool old_serve) {
  if (pending_.erase(domain) == 0) return;
  failures_ += "the new workers of " + domain + " failed (" + std::string(reason) + ")";
  failures_ += old_serve ? "; the old ones still serve\n" : "; they are tried again\n";
}

void ReloadProgress::unapplied() {
  failures_ += "front or name server do not answer; the old configuration may still be served\n";
}

ReloadOutcome ReloadProgress::outcome() const {
  std::string text = failures_;
  for (const std::string& domain : pending_) text += "the new workers of " + domain + " do not serve yet\n";
  if (!text.empty()) {
    text.pop_back();
    return {1, text, true};
  }
  text = "configuration " + std::to_string(generation_) + " is in force";
  if (!served_.empty()) return {0, text + "; the new workers of " + served_ + " serve", true};
  if (has_apps_) text += "; no worker was restarted (no setting that needs it has changed)";
  return {0, text, true};
}

}  // namespace trimaran
