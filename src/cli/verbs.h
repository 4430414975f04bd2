// The verbs of the command, each a function of its own arguments (argv[0] is the verb), and their exit codes.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace trimaran {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;    // it failed, and the old state still serves
constexpr int kExitUsage = 2;     // usage or configuration
constexpr int kExitNoDaemon = 3;  // nothing runs for this site file
constexpr int kExitDegraded = 4;  // it runs, and something does not serve

struct Verb {
  std::string_view name;
  std::string_view help;  // "": not for people; left out of the help
  int (*run)(int argc, char** argv);
};

int verb_init(int argc, char** argv);
int verb_check(int argc, char** argv);
int verb_run(int argc, char** argv);
int verb_reload(int argc, char** argv);
int verb_deploy(int argc, char** argv);
int verb_releases(int argc, char** argv);
int verb_rollback(int argc, char** argv);
int verb_promote(int argc, char** argv);
int verb_upgrade(int argc, char** argv);
int verb_pause(int argc, char** argv);
int verb_resume(int argc, char** argv);
int verb_stop(int argc, char** argv);
int verb_status(int argc, char** argv);
int verb_db(int argc, char** argv);
int verb_dns(int argc, char** argv);
int verb_version(int argc, char** argv);

// `trimaran db restart`, once its arguments are read.
int restart_database(const std::string& config);

// Runs the verb that argv[1] names; without one, or with --help, prints what there is.
int run_verb(std::span<const Verb> verbs, int argc, char** argv);

}  // namespace trimaran
