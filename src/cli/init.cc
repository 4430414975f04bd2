#include "cli/init.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "base/strings.h"
#include "cli/init_files.h"
#include "config/names.h"
#include "os/fd.h"
#include "os/process.h"

namespace trimaran {
namespace {

namespace fs = std::filesystem;

constexpr int kDone = 0;
constexpr int kFailed = 1;

int fail(const std::string& message) {
  fmt::print(stderr, "trimaran init: {}\n", message);
  return kFailed;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

// The first of our files that is there already, or "". Other files in the folder do no harm.
std::string existing_file(const fs::path& folder) {
  for (const InitFile& file : init_files()) {
    fs::path path = folder / file.path;
    if (!file.may_exist && is_there(path)) return path.string();
  }
  return "";
}

// Of its folder's name, because the domain names the site's state: two sites of one machine must not share theirs.
std::string domain_for(const fs::path& folder) {
  std::error_code error;
  fs::path whole = fs::weakly_canonical(folder, error);
  std::string name = to_lower((error ? folder : whole).filename().string()), why;
  for (char& c : name) {
    bool plain = (c >= 'a' && c <= 'z') || is_digit(c) || c == '.';
    if (!plain) c = '-';
  }
  std::string domain = name.contains('.') ? name : name + ".test";  // RFC 6761: .test is nobody's
  return parse_host_name(domain, why).value_or(std::string(kInitDomain));
}

std::string with_domain(std::string_view text, std::string_view domain) {
  std::string out(text);
  for (size_t at = 0; (at = out.find(kInitDomain, at)) != std::string::npos; at += domain.size()) {
    out.replace(at, kInitDomain.size(), domain);
  }
  return out;
}

Status write_files(const fs::path& folder) {
  const std::string domain = domain_for(folder);
  for (const InitFile& file : init_files()) {
    fs::path path = folder / file.path;
    if (file.may_exist && is_there(path)) continue;
    if (Status made = make_directories(path.parent_path().string()); !made) return made;
    if (Status written = write_file(path.string(), with_domain(file.text, domain)); !written) return written;
  }
  return {};
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:@%";
  if (word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

int run_init(const std::string& folder) {
  if (folder.empty()) return fail("no folder was given");
  fs::path target = fs::path(folder).lexically_normal();
  if (std::string existing = existing_file(target); !existing.empty()) {
    return fail(fmt::format("{} is there already; nothing was written", existing));
  }
  if (Status written = write_files(target); !written) return fail(written.error().message);
  // The program by its path: it need not be in PATH, and another trimaran may be.
  fmt::print("A small working site is in {}. Start it, and look at it from another terminal:\n\n", folder);
  fmt::print("  cd {} && {} run\n", shell_quoted(folder), shell_quoted(own_executable()));
  fmt::print("  curl http://localhost:8080/hello\n");
  return kDone;
}

}  // namespace trimaran
