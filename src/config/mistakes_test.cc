// What a user reads for each mistake, word for word. The wording is the interface here: a change of it is a decision.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/config.h"
#include "config/test_files.h"

namespace trimaran {
namespace {

// "LINE:COL: MESSAGE; HINT", one line each.
std::string mistakes_in(const SourceBundle& sources) {
  std::string out;
  for (const Diagnostic& d : parse_config(sources).diagnostics) {
    out += fmt::format("{}:{}: {}{}{}\n", d.line, d.column, d.message, d.hint.empty() ? "" : "; ", d.hint);
  }
  return out;
}

// A good [site], so that a case shows only its own mistake; its lines are 1 to 3.
const std::string kSite = "[site]\ndomain = \"a.test\"\nroot = \"public\"\n";

struct Case {
  std::string text;      // the file
  std::string expected;  // without the final newline
};

void expect_mistakes(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(mistakes_in(sources_of(c.text)), c.expected + "\n") << c.text;
}

TEST(Mistakes, OfTheLanguage) {
  expect_mistakes({
      {"[site]\ndomain = ", "2:10: encountered end-of-file (in a key-value pair)"},
      {"[site]\ndomain = \"a\ntest\"",
       "2:12: unescaped control characters other than TAB (U+0009) are explicitly "
       "prohibited (in a string)"},
      {"[site]\ndomain = yes", "2:10: could not determine value type (in a value)"},
      {"[site]\n[site]\n", "2:1: cannot redefine existing table 'site' (in a table header)"},
      {"[site]\nx = 1\nx = 2\n", "3:5: cannot redefine existing integer 'x' (in a key-value pair)"},
      {"[site\n", "1:6: expected ']', saw '\\n' (in a table header)"},
      // toml++ 3.3 has an assertion here, which ended the process.
      {"[!x]\n", "1:2: expected bare key starting character or string delimiter, saw '!' (in a key)"},
      // And undefined behaviour here.
      {"[site]\ngröße = 1\n", "2:3: expected '=', saw 'ö' (in a key-value pair)"},
      {std::string(1001, '.'), "1:1: this line has more than 1000 dots"},
  });
}

// Those of the zone text came in three turns: after the domain's, then its own lines', then what contradicts itself.
TEST(Mistakes, OfZoneTextAreToldWithAllOthers) {
  const std::string zone =
      "[dns]\nrecords = \"\"\"\nns1 A 1.2.3\nbad line here\nmail CNAME @\nmail A 192.0.2.1\nb.test. A 192.0.2.2\n"
      "@ MX 10 mail\n\"\"\"\nx = 1\n";
  const std::string lines =
      "6:7: this is not an IPv4 address\n"
      "7:5: unknown type \"line\"\n";
  const std::string contradictions =
      "8:0: mail.a.test. has a CNAME beside other records; keep one or the other\n"
      "10:0: b.test. is outside the zone a.test.\n"
      "11:0: MX points to mail.a.test., which is a CNAME; point it to the name behind the CNAME\n";
  const std::string unknown = "13:1: unknown key \"x\" in [dns]";
  const std::vector<Case> cases = {
      {"[site]\ndomain = \"a.test\"\nroot = \"/\"\n" + zone, lines + contradictions + unknown},
      {"[site]\ndomain = \"a test\"\nroot = \"/\"\n" + zone,
       "2:10: domain: \"a test\" is no host name: only letters, digits, hyphens and dots are allowed\n" + lines +
           unknown},
      {"[site]\nroot = \"/\"\n\n" + zone,
       "1:1: [site] has no domain; add a line such as domain = \"foobar.com\"\n" + lines + unknown},
  };
  for (const Case& c : cases) {
    SourceBundle sources = sources_of(c.text);
    sources.look_at_files = true;  // a child does not check zones
    EXPECT_EQ(mistakes_in(sources), c.expected + "\n") << c.text;
  }
}

TEST(Mistakes, OfKeysAndTables) {
  expect_mistakes({
      {kSite + "[app]\nrun = \"wsgi:a:b\"\npython = \"x\"\n",
       "6:1: unknown key \"python\" in [app]; did you mean \"interpreter\"?"},
      {kSite + "[app]\nrun = \"wsgi:a:b\"\nworker = 1\n",
       "6:1: unknown key \"worker\" in [app]; did you mean \"workers\"?"},
      {kSite + "[app]\nrun = \"wsgi:a:b\"\nzzzzzz = 1\n", "6:1: unknown key \"zzzzzz\" in [app]"},
      {kSite + "[sever]\n", "4:2: unknown table [sever]; did you mean [server]?"},
      {kSite + "[something]\n", "4:2: unknown table [something]"},
      {"stray = 1\n" + kSite, "1:1: key \"stray\" stands outside of every table; write it below a line such as [site]"},
      {"app = \"wsgi:a:b\"\n" + kSite,
       "1:1: app: expected a table, found a string; write [app] on a line of its own, and its keys below it"},
      {kSite + "[app.env]\nX = 1\n",
       "4:1: [app] has no run; add a line such as run = \"wsgi:wsgi:application\"\n"
       "4:6: unknown key \"env\" in [app]; did you mean \"env_file\"?"},
      {kSite + "[route]\npath = \"/\"\n", "4:1: a route is a table of its own; write [[route]] with two brackets"},
  });
}

TEST(Mistakes, OfTypesAndRanges) {
  expect_mistakes({
      {kSite + "[server]\nthreads = \"two\"\n", "5:11: threads: expected a whole number, found a string"},
      {kSite + "[server]\nthreads = 1.5\n", "5:11: threads: expected a whole number, found a number with a fraction"},
      {kSite + "[server]\nthreads = 0\n", "5:11: threads: expected 1 to 64, found 0"},
      {kSite + "[server]\nstate = 1\n", "5:9: state: expected a string, found a whole number"},
      {kSite + "[server]\nstate = \"\"\n", "5:9: state must not be empty"},
      {kSite + "[server]\nstate = \"\\u0007\"\n", "5:9: state must not contain control characters"},
      {kSite + "[limits]\nidle_timeout = \"5 minutes\"\n",
       "5:16: idle_timeout: expected a duration; write whole seconds, or \"500ms\", \"2s\", \"5m\", \"1h\", \"1y\""},
      {kSite + "[limits]\nidle_timeout = -1\n",
       "5:16: idle_timeout: expected a duration; write whole seconds, or \"500ms\", \"2s\", \"5m\", \"1h\", \"1y\""},
      {kSite + "[limits]\nidle_timeout = \"2d\"\n", "5:16: idle_timeout: expected 100ms to 1d, found 2d"},
      {kSite + "[limits]\nbody = \"16 MB\"\n", "5:8: body: expected a size; write bytes, or \"64k\", \"16M\", \"1G\""},
      {kSite + "[limits]\nheaders = \"2M\"\n", "5:11: headers: expected 1k to 1M, found 2M"},
      {kSite + "[limits]\nheader_count = 1001\n", "5:16: header_count: expected 1 to 1000, found 1001"},
  });
}

TEST(Mistakes, OfListeners) {
  expect_mistakes({
      {kSite + "[listen]\nhttp = 70000\n", "5:8: http: expected 1 to 65535, found 70000"},
      {kSite + "[listen]\nhttp = 0\n", "5:8: http: expected 1 to 65535, found 0"},
      {kSite + "[listen]\nhttp = []\n", "5:8: http: expected at least one address"},
      {kSite + "[listen]\nhttp = \"localhost:80\"\n",
       "5:8: http: \"localhost:80\" is no address; write a port, \"ADDRESS:PORT\", or an array of them"},
      {kSite + "[listen]\ndns = [5353, \"0.0.0.0:5353\"]\n", "5:14: dns: 0.0.0.0:5353 is given twice"},
      {kSite + "[listen]\ndns = true\n",
       "5:7: dns: expected a port, found true or false; write a port, \"ADDRESS:PORT\", or an array of them"},
      {kSite + "[listen]\nhtp = 1\n", "5:1: unknown key \"htp\" in [listen]; did you mean \"http\"?"},
  });
}

TEST(Mistakes, OfTheSite) {
  const std::string rest = "root = \"public\"\n";
  expect_mistakes({
      {"",
       "0:0: there is no site; add [site] and a line such as domain = \"foobar.com\", or sites/*.toml beside this "
       "file"},
      {"[app]\nrun = \"wsgi:a:b\"\n",
       "1:2: [app] without a [site]; add [site] and a line such as domain = \"foobar.com\""},
      {"[site]\n" + rest, "1:1: [site] has no domain; add a line such as domain = \"foobar.com\""},
      {"[site]\ndomain = \"a.test\"\n",
       "1:2: the site serves nothing; set root in [site], or add [app] or a [[route]]"},
      {"[site]\ndomain = \"8.8.8.8\"\n" + rest, "2:10: domain: \"8.8.8.8\" is no host name: it is an IP address"},
      {"[site]\ndomain = \"foo_bar.com\"\n" + rest,
       "2:10: domain: \"foo_bar.com\" is no host name: only letters, digits, hyphens and dots are allowed"},
      {"[site]\ndomain = \"größe.de\"\n" + rest,
       "2:10: domain: \"größe.de\" is no host name: write it in its ASCII form (xn--...)"},
      {"[site]\ndomain = \"-a.test\"\n" + rest,
       "2:10: domain: \"-a.test\" is no host name: a label must not begin or end with a hyphen"},
      {"[site]\ndomain = \"a..test\"\n" + rest, "2:10: domain: \"a..test\" is no host name: it has an empty label"},
      {"[site]\ndomain = \"1.2.3\"\n" + rest,
       "2:10: domain: \"1.2.3\" is no host name: its last label must not be a number"},
      {kSite + "aliases = [\"*.a.test\"]\n",
       "4:12: aliases: \"*.a.test\" is no host name: wildcards are not supported here"},
      {kSite + "aliases = [\"a.test\"]\n", "4:12: aliases: a.test is taken already; see /site/trimaran.toml:2:10"},
      {kSite + "aliases = [\"b.test\", 1]\n", "4:22: aliases: expected a string, found a whole number"},
      // The names beside it were not looked at.
      {kSite + "aliases = [\"*.a.test\", 1]\n",
       "4:12: aliases: \"*.a.test\" is no host name: wildcards are not supported here\n"
       "4:24: aliases: expected a string, found a whole number"},
      {kSite + "[dns]\nnameservers = [1]\n", "5:16: nameservers: expected a string, found a whole number"},
      {kSite + "address = [\"8.8.8.8\", \"8.8.8\"]\n", "4:23: address: \"8.8.8\" is no IP address"},
      {kSite + "address = []\n", "4:11: address: expected 1 to 64 addresses, found 0"},
  });
}

TEST(Mistakes, OfAnApplicationsProcesses) {
  auto app = [](const std::string& line) { return kSite + "[app]\n" + line + "\n"; };
  const std::string run = "run = \"wsgi:a:b\"\n";
  expect_mistakes({
      {app(run + "workers = 4\nworkers_max = 3"), "7:15: workers_max: less than workers, which is 4"},
      {app("run = \"asgi:a:b\"\nthreads = 2"),
       "6:11: threads: a \"asgi:\" application has its own way to do many things at once; set concurrency, the "
       "requests "
       "that one worker gets at a time"},
      {app(run + "concurrency = 2"),
       "6:15: concurrency: a worker of a \"wsgi:\" application runs one request in each of its threads; set threads"},
      {app("run = \"php:\"\nmax_requests = 5"),
       "6:16: max_requests: only \"wsgi:\", \"asgi:\" and \"native:\" workers count"},
      {app(run + "memory_soft = \"2G\"\nmemory_hard = \"1G\""), "6:15: memory_soft: more than memory_hard"},
      {app(run + "memory_hard = 4096"), "6:15: memory_hard: expected 16M to 1T, found 4k"},
      {app("run = \"http:./server\"\npreload = true"),
       "6:11: preload: only a \"wsgi:\" or \"asgi:\" application can be preloaded"},
      {app(run + "listen_fd = true"), "6:13: listen_fd: only an \"http:\" application listens"},
      {app(run + "[[route]]\npath = \"/x\"\napp = true\ninternal = true"),
       "9:12: internal: only a route with files can be internal"},
  });
}

TEST(Mistakes, OfReleases) {
  const std::string app = kSite + "[app]\nrun = \"wsgi:a:b\"\n";
  expect_mistakes({
      {app + "[deploy]\nkeep = 1", "7:8: keep: expected 2 to 100, found 1"},
      {app + "[deploy]\nmigrate = \"x\"", "7:1: unknown key \"migrate\" in [deploy]; did you mean \"before_switch\"?"},
      {app + "[process]\nname = \"jobs\"", "6:1: process: expected tables; write [[process]] with two brackets"},
      {app + "[[process]]\nname = \"my jobs\"",
       "6:1: [[process]] has no run; add a line such as run = \"python3 jobs.py\"\n"
       "7:8: name: expected at most 32 letters, digits and hyphens"},
      {app + "[[cron]]\nname = \"a\"\nrun = \"x\"\nschedule = \"daily\"",
       "9:12: schedule: \"daily\" has 1 of five fields; write minute, hour, day of the month, month, day of the week, "
       "such as \"30 4 * * 1-5\""},
      {kSite + "[[cron]]\nname = \"a\"\nrun = \"x\"\nschedule = \"@daily\"",
       "4:1: [[cron]] without an [app]; they belong to its releases"},
  });
}

TEST(Mistakes, OfTheApplication) {
  auto app = [](const std::string& line) { return kSite + "[app]\n" + line + "\n"; };
  const std::string run = "run = \"wsgi:a:b\"\n";
  expect_mistakes({
      {app("run = \"asgi:chat\""),
       "5:7: run: \"asgi:chat\" names no callable in a module; did you mean \"asgi:chat:app\"?"},
      {app("run = \"wsgi:app\""),
       "5:7: run: \"wsgi:app\" names no callable in a module; did you mean \"wsgi:app:application\"?"},
      {app("run = \"wsgi:application\""),
       "5:7: run: \"wsgi:application\" names no callable in a module; write \"wsgi:MODULE:CALLABLE\", such as "
       "\"wsgi:wsgi:application\""},
      {app("run = \"wsgi:app.py:x\\ny\""),
       "5:7: run: \"wsgi:app.py:x\ny\" names no callable in a module; write \"wsgi:MODULE:CALLABLE\", such as "
       "\"wsgi:wsgi:application\""},
      {app("run = \"app:application\""),
       "5:7: run: \"app:application\" does not say what kind of application it is; did you mean "
       "\"wsgi:app:application\"?"},
      {app("run = \"lib/app.so\""),
       "5:7: run: \"lib/app.so\" does not say what kind of application it is; did you mean \"native:lib/app.so\"?"},
      {app("run = \"gunicorn app\""),
       "5:7: run: \"gunicorn app\" does not say what kind of application it is; write "
       "\"wsgi:MODULE:CALLABLE\", \"asgi:MODULE:CALLABLE\", \"native:PATH.so\", \"http:COMMAND\" or \"php:FOLDER\""},
      {app("run = \"native:\""), "5:7: run: \"native:\" names no file; write \"native:PATH.so\""},
      {app(run + "workers = 257"), "6:11: workers: expected 1 to 256, found 257"},
      {app(run + "health = \"healthz\""), "6:10: health: expected a path that starts with \"/\""},
      {app(run + "interpreter = \"python3\""),
       "6:15: interpreter: \"python3\" is no path; write a path such as \"/usr/bin/python3\" or \".venv/bin/python\""},
      {app("run = \"native:a.so\"\ninterpreter = \"/usr/bin/python3\""),
       "6:15: interpreter: only a \"wsgi:\" or \"asgi:\" application has one"},
      {kSite + "[database]\nengine = \"galera\"\n",
       "5:10: engine: \"galera\" is not supported yet by this version; use \"sqlite\" or \"mariadb\""},
      {kSite + "[database]\nengine = \"mysql\"\n",
       "5:10: engine: \"mysql\" is not one of \"sqlite\", \"mariadb\"; did you mean \"mariadb\"?"},
  });
}

TEST(Mistakes, OfRoutes) {
  auto route = [](const std::string& lines) { return kSite + "[[route]]\n" + lines + "\n"; };
  expect_mistakes({
      {route("files = \"public\""), "4:1: [[route]] has no path; add a line such as path = \"/static/\""},
      {route("path = \"x\"\nfiles = \"public\""), "5:8: path: expected a path that starts with \"/\""},
      {route("path = \"/x?y\"\nfiles = \"public\""), "5:8: path: expected a path without spaces, \"?\" and \"#\""},
      {route("path = \"/\""),
       "4:1: [[route]] has none of files, redirect and app; give exactly one: files = \"FOLDER\", redirect = \"URL\" "
       "or "
       "app = true"},
      {route("path = \"/\"\nfiles = \"public\"\nredirect = \"/\""),
       "4:1: [[route]] has more than one of files, redirect and app; give exactly one: files = \"FOLDER\", redirect = "
       "\"URL\" or app = true"},
      {route("path = \"/\"\napp = true"), "6:7: app: the site has no [app]"},
      {route("path = \"/\"\napp = false"), "6:7: app: expected true; leave the route out"},
      {route("path = \"/\"\nredirect = \"foobar.net\""),
       "6:12: redirect: expected a path or a URL; start it with \"/\", \"http://\" or \"https://\""},
      {route("path = \"/\"\nredirect = \"/a b\""), "6:12: redirect: expected a path or a URL without spaces"},
      {route("path = \"/\"\nredirect = \"/a\"\nstatus = 200"),
       "7:10: status: expected 301, 302, 303, 307 or 308, found 200"},
      {route("path = \"/\"\nfiles = \"public\"\nstatus = 301"), "7:10: status: only a redirect has one"},
      {route("path = \"/\"\nfiles = \"public\"\n[[route]]\npath = \"/\"\nfiles = \"public\""),
       "8:8: path: another [[route]] has \"/\" already"},
      // The same prefix: which of the two answered was a matter of their order.
      {route("path = \"/a\"\nfiles = \"public\"\n[[route]]\npath = \"/a/\"\nfiles = \"public\""),
       "8:8: path: another [[route]] has \"/a\" already"},
      {route("path = \"/\"\napp = true\ncache = \"1h\"\n[app]\nrun = \"wsgi:a:b\""),
       "7:9: cache: the application says itself how long its pages may be kept"},
  });
}

TEST(Mistakes, OfTheZone) {
  auto dns = [](const std::string& line) { return kSite + "[dns]\n" + line + "\n"; };
  expect_mistakes({
      {dns("ttl = \"8d\""), "5:7: ttl: expected 0s to 1w, found 8d"},
      {dns("email = \"foobar.com\""), "5:9: email: \"foobar.com\" is no mail address"},
      {dns("email = \"a;b@a.test\""), "5:9: email: \"a;b@a.test\" is no mail address"},  // it began a comment
      {dns("nameservers = [\"ns_1\"]"),
       "5:16: nameservers: \"ns_1\" is no host name: only letters, digits, hyphens and dots are allowed"},
      {dns("nameservers = []"), "5:15: nameservers: expected 1 to 13 names, found 0"},
      {dns("records = 1"), "5:11: records: expected a string, found a whole number"},
      {dns("zone = \"a.zone\""), "5:8: zone: /site/a.zone cannot be read"},
  });
}

// The zone's own messages are dns/'s; what counts here is that they point into the right line of the right file.
TEST(Mistakes, InZoneTextHaveTheirPlaceInTheFileTheyStandIn) {
  TestFiles files;
  files.add("trimaran.toml", kSite + "[dns]\nrecords = \"\"\"\nmail A 192.0.2.1\nmail A nonsense\n\"\"\"\n");
  files.add("public/");
  Diagnostics inside = parse_config(*read_sources(files.path("trimaran.toml"), false)).diagnostics;
  ASSERT_EQ(inside.size(), 1u);
  EXPECT_EQ(inside[0].file, files.path("trimaran.toml"));
  EXPECT_EQ(inside[0].line, 7);

  files.add("trimaran.toml", kSite + "[dns]\nzone = \"a.zone\"\n");
  files.add("a.zone", "mail A 192.0.2.1\nmail A nonsense\n");
  SourceBundle sources = *read_sources(files.path("trimaran.toml"), false);
  Diagnostics outside = parse_config(sources).diagnostics;
  ASSERT_EQ(outside.size(), 1u);
  EXPECT_EQ(outside[0].file, files.path("a.zone"));
  EXPECT_EQ(outside[0].line, 2);
  EXPECT_NE(format_diagnostics(outside, sources).find("    2 | mail A nonsense\n"), std::string::npos);
}

TEST(Mistakes, OfPathsThatDoNotExist) {
  TestFiles files;
  files.add("file", "");
  files.add("folder/");
  files.add("trimaran.toml",
            "[site]\ndomain = \"a.test\"\nroot = \"file\"\n[app]\nrun = \"native:a.so\"\ndirectory = \"nowhere\"\n"
            "env_file = [\"folder\", \"pipe\"]\n[[route]]\npath = \"/\"\nfiles = \"file/x\"\n[dns]\nzone = \"pipe\"\n"
            "[server]\nsites = \"nowhere\"\n");
  ASSERT_EQ(::mkfifo(files.path("pipe").c_str(), 0600), 0);  // its open would wait for a writer
  std::string at = files.path("");
  EXPECT_EQ(mistakes_in(*read_sources(files.path("trimaran.toml"), false)),
            fmt::format("3:8: root: {0}file is not a folder\n"
                        "5:7: run: {0}a.so does not exist; build the application first\n"
                        "6:13: directory: {0}nowhere does not exist\n"
                        "7:13: env_file: {0}folder is a folder\n"
                        "7:23: env_file: {0}pipe is a pipe\n"
                        "10:9: files: {0}file/x does not exist\n"
                        "12:8: zone: {0}pipe is a pipe\n"
                        "14:9: sites: {0}nowhere does not exist\n",
                        at));
}

// [deploy] excuses only what a release can bring.
TEST(Mistakes, OfPathsThatNoReleaseBrings) {
  TestFiles files;
  files.add("file", "");
  files.add("trimaran.toml",
            "[site]\ndomain = \"a.test\"\nroot = \"file\"\n[app]\nrun = \"php:/nowhere/of/ours\"\n"
            "env_file = \"secrets\"\n[deploy]\n");
  std::string at = files.path("");
  EXPECT_EQ(mistakes_in(*read_sources(files.path("trimaran.toml"), false)),
            fmt::format("3:8: root: {0}file is not a folder\n"
                        "5:7: run: /nowhere/of/ours does not exist; write \"php:FOLDER\", such as \"php:public\"\n"
                        "6:12: env_file: {0}secrets does not exist\n",
                        at));
}

TEST(Mistakes, AnUnknownUserIsFoundWhenItMatters) {
  SourceBundle sources =
      sources_of("[server]\nuser = \"nobody-of-that-name\"\n[site]\ndomain = \"a.test\"\nroot = \"/\"\n");
  sources.look_at_files = true;
  EXPECT_EQ(mistakes_in(sources), "");
  sources.as_root = true;
  EXPECT_EQ(mistakes_in(sources), "2:8: there is no user nobody-of-that-name on this system; set user in [server]\n");
}

// A unix socket's path has at most 107 bytes; bind() would say so only at the start, and for one socket after another.
TEST(Mistakes, ARunFolderTooLongForASocket) {
  std::string fits = "/" + std::string(107 - 1 - 13, 'r'), too_long = fits + "r";
  EXPECT_EQ(mistakes_in(sources_of(kSite + "[server]\nrun = \"" + fits + "\"\n")), "");
  EXPECT_EQ(
      mistakes_in(sources_of(kSite + "[server]\nrun = \"" + too_long + "\"\n")),
      fmt::format("5:7: the run folder {0} is too long: a socket's path has at most 107 bytes, {0}/control.sock has "
                  "108; set run in [server] to a shorter folder\n",
                  too_long));
}

TEST(Mistakes, AcrossSites) {
  TestFiles files;
  files.add("trimaran.toml", "[site]\ndomain = \"a.test\"\nroot = \".\"\naliases = [\"b.test\"]\n");
  files.add("sites/b.toml", "[server]\nthreads = 0\n[site]\ndomain = \"B.test\"\nroot = \".\"\n[limits]\n");
  files.add("sites/c.toml", "[app]\nrun = \"wsgi:a:b\"\n");
  SourceBundle sources = *read_sources(files.path("trimaran.toml"), false);
  EXPECT_EQ(format_diagnostics(parse_config(sources).diagnostics, sources),
            fmt::format("{0}trimaran.toml:4:12: error: aliases: b.test is taken already; see {0}sites/b.toml:4:10\n"
                        "    4 | aliases = [\"b.test\"]\n"
                        "      |            ^\n"
                        "{0}sites/b.toml:1:2: error: [server] belongs in the main file; move it to {0}trimaran.toml\n"
                        "    1 | [server]\n"
                        "      |  ^\n"
                        "{0}sites/b.toml:6:2: error: [limits] belongs in the main file; move it to {0}trimaran.toml\n"
                        "    6 | [limits]\n"
                        "      |  ^\n"
                        "{0}sites/c.toml: error: this file has no [site]; add [site] and a line such as domain = "
                        "\"foobar.com\"\n",
                        files.path("")));
}

TEST(Mistakes, AMainFileThatIsNoTomlDoesNotHideTheSites) {
  TestFiles files;
  files.add("trimaran.toml", "[listen\n");
  files.add("sites/b.toml", "[site]\ndomain = \"b.test\"\nroot = \".\"\nrot = 1\n");
  EXPECT_EQ(mistakes_in(*read_sources(files.path("trimaran.toml"), false)),
            "1:8: expected ']', saw '\\n' (in a table header)\n"
            "4:1: unknown key \"rot\" in [site]; did you mean \"root\"?\n");
}

// A hint that names a module which is there: people write the callable alone.
TEST(Mistakes, OfTheModuleAreRepairedWithOneThatExists) {
  TestFiles files;
  auto hint = [&](const std::string& run, const std::string& more = "") {
    files.add("trimaran.toml", kSite + "[app]\nrun = \"" + run + "\"\n" + more);
    std::string said = mistakes_in(*read_sources(files.path("trimaran.toml"), false));
    return said.substr(said.find("; ") + 2);
  };
  files.add("shop/main.py");
  files.add("main.py");
  EXPECT_EQ(hint("wsgi:application"), "did you mean \"wsgi:main:application\"?\n");
  files.add("app.py");
  EXPECT_EQ(hint("wsgi:application"), "did you mean \"wsgi:app:application\"?\n");
  files.add("wsgi.py");
  EXPECT_EQ(hint("wsgi:application"), "did you mean \"wsgi:wsgi:application\"?\n");
  EXPECT_EQ(hint("wsgi:main"), "did you mean \"wsgi:main:application\"?\n");
  EXPECT_EQ(hint("wsgi:shop.main"), "did you mean \"wsgi:shop.main:application\"?\n");
  EXPECT_EQ(hint("wsgi:application", "directory = \"shop\"\n"), "did you mean \"wsgi:main:application\"?\n");
}

TEST(Mistakes, AreShownWithTheirLineAndOnlyTheFirstFifty) {
  std::string text = kSite + "[app]\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("zzzzzzzz{} = 1\n", i);
  SourceBundle sources = sources_of(text);
  std::string shown = format_diagnostics(parse_config(sources).diagnostics, sources);
  EXPECT_TRUE(
      shown.starts_with("/site/trimaran.toml:4:1: error: [app] has no run; add a line such as run = "
                        "\"wsgi:wsgi:application\"\n    4 | [app]\n      | ^\n"))
      << shown;
  EXPECT_TRUE(shown.ends_with("^\n... and 11 more\n")) << shown;
}

}  // namespace
}  // namespace trimaran
