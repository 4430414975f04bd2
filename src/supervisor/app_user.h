// Whom the processes of a site run as: [app] user, else [server] user; always who we are when we are not root.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "supervisor/runtime.h"

namespace trimaran {

struct AppUser {
  Credentials who;
  std::optional<Credentials> drop;  // `who` when we must become him; nothing when we are him
};

// An error names the user that does not exist.
Result<AppUser> find_app_user(const Runtime& runtime, const SiteConfig& site);
// For where the user was found before (reach.h).
std::string app_user_name(const Runtime& runtime, const SiteConfig& site);

}  // namespace trimaran
