#include "cli/verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/diagnostic.h"
#include "cli/check.h"
#include "cli/init.h"
#include "cli/options.h"
#include "control/version.h"

namespace trimaran {
namespace {

std::string help_text(std::span<const Verb> verbs) {
  std::string out =
      "Trimaran runs a whole website: name server, web server, application server and database.\n\n"
      "usage: trimaran VERB [options]      (trimaran VERB --help says more)\n\n";
  for (const Verb& verb : verbs) {
    if (!verb.help.empty()) out += fmt::format("  {:<10}{}\n", verb.name, verb.help);
  }
  return out;
}

}  // namespace

int run_verb(std::span<const Verb> verbs, int argc, char** argv) {
  std::string_view wanted = argc > 1 ? argv[1] : "";
  if (wanted == "--version" || wanted == "-V") wanted = "version";
  for (const Verb& verb : verbs) {
    if (verb.name == wanted) return verb.run(argc - 1, argv + 1);
  }
  bool asked = wanted == "--help" || wanted == "-h" || wanted == "help";
  if (asked || wanted.empty()) {
    std::fputs(help_text(verbs).c_str(), asked ? stdout : stderr);
    return asked ? kExitDone : kExitUsage;
  }
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs) {
    if (!verb.help.empty()) names.push_back(verb.name);
  }
  std::string_view near = nearest_word(wanted, names);
  fmt::print(stderr, "error: there is no verb \"{}\"{}; see trimaran --help\n", wanted,
             near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  return kExitUsage;
}

int verb_init(int argc, char** argv) {
  std::string folder;
  Options options("init", "Writes a small working site into a folder.");
  options.text("folder", folder, "the folder, made if it is missing", true);
  if (auto code = options.parse(argc, argv)) return *code;
  return run_init(folder);
}

int verb_check(int argc, char** argv) {
  std::string config;
  bool json = false;
  Options options("check", "Reads the site file and says what is wrong with it.");
  options.site_file(config).flag("--json", json, "as JSON");
  if (auto code = options.parse(argc, argv)) return *code;
  std::string file = find_site_file(config);
  return file.empty() ? kExitUsage : run_check(file, json);
}

int verb_version(int, char**) {
  fmt::print("trimaran {}\n", version());
  return kExitDone;
}

}  // namespace trimaran
