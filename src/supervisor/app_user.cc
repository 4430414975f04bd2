#include "supervisor/app_user.h"

#include <unistd.h>

namespace trimaran {

Result<AppUser> find_app_user(const Runtime& runtime, const SiteConfig& site) {
  if (::geteuid() != 0 || !site.app || site.app->user.empty()) return AppUser{runtime.app_user, runtime.drop};
  auto user = find_user(site.app->user);
  if (!user) return std::unexpected(std::move(user.error()).with_context("[app] user of " + site.domain));
  AppUser out{*user, *user};
  if (user->uid == 0) out.drop.reset();
  return out;
}

std::string app_user_name(const Runtime& runtime, const SiteConfig& site) {
  auto user = find_app_user(runtime, site);
  return user ? user->who.name : runtime.app_user.name;
}

}  // namespace trimaran
