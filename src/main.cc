// The table of contents.
#include "cli/verbs.h"
#include "front/front_main.h"
#include "front/probe.h"
#include "nameserver/nameserver.h"
#include "supervisor/self_check.h"

namespace {

using namespace trimaran;

constexpr Verb kVerbs[] = {
    {"init", "writes a new site into a folder", verb_init},
    {"check", "says what is wrong with the site file", verb_check},
    {"run", "runs the site", verb_run},
    {"reload", "puts the changed site file in force", verb_reload},
    {"deploy", "makes a release of a folder or an archive and switches to it", verb_deploy},
    {"releases", "lists the releases", verb_releases},
    {"rollback", "switches back to an earlier release", verb_rollback},
    {"promote", "gives a canary all requests", verb_promote},
    {"upgrade", "becomes another version of trimaran in place", verb_upgrade},
    {"pause", "lets requests for the application wait", verb_pause},
    {"resume", "lets them go on", verb_resume},
    {"stop", "ends the site in order", verb_stop},
    {"status", "shows what runs", verb_status},
    {"db", "db shell opens the site's database, db restart restarts its server", verb_db},
    {"dns", "dns show prints the site's zones", verb_dns},
    {"version", "says which Trimaran this is", verb_version},
    // The supervisor's children (supervisor/network_role.cc); all they know comes through descriptor 3 (role/role.h).
    {"front", "", [](int, char**) { return front::front_main(); }},
    {"check-upgrade", "", [](int, char**) { return check_upgrade_main(); }},
    {"nameserver", "", [](int, char**) { return nameserver_main(); }},
    {"probe", "", front::probe_main},
};

}  // namespace

int main(int argc, char** argv) { return run_verb(kVerbs, argc, argv); }
