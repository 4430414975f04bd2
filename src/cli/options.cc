#include "cli/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "cli/verbs.h"

namespace trimaran {
namespace {

constexpr const char* kSystemFile = "/etc/trimaran/trimaran.toml";

}  // namespace

struct Options::Impl {
  CLI::App app;
};

Options::Options(std::string_view verb, std::string_view help) : impl_(std::make_unique<Impl>()) {
  impl_->app.name("trimaran " + std::string(verb));
  impl_->app.description(std::string(help));
}

Options::~Options() = default;

Options& Options::flag(const std::string& names, bool& target, const std::string& help) {
  impl_->app.add_flag(names, target, help);
  return *this;
}

Options& Options::text(const std::string& names, std::string& target, const std::string& help, bool required) {
  impl_->app.add_option(names, target, help)->required(required);
  return *this;
}

Options& Options::site_file(std::string& target) {
  return text("-c,--config", target, "the site file (default: ./trimaran.toml, then /etc/trimaran/trimaran.toml)");
}

std::optional<int> Options::parse(int argc, char** argv) {
  try {
    impl_->app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return impl_->app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
}

bool Options::given(const std::string& name) const { return impl_->app.count(name) > 0; }

std::string find_site_file(const std::string& option) {
  if (!option.empty()) return std::filesystem::absolute(option).lexically_normal().string();
  for (const char* candidate : {"trimaran.toml", kSystemFile}) {
    if (::access(candidate, F_OK) == 0) return std::filesystem::absolute(candidate).string();
  }
  std::fprintf(stderr,
               "error: there is no trimaran.toml here and no %s; name the site file with -c FILE, "
               "or write a new site with: trimaran init DIR\n",
               kSystemFile);
  return "";
}

}  // namespace trimaran
