// Good files give these values, defaults included; how the files travel to a child. Wrong files are in
// mistakes_test.cc.
#include "config/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/test_files.h"
#include "config/units.h"

namespace trimaran {
namespace {

std::vector<std::string> texts(const std::vector<Address>& addresses) {
  std::vector<std::string> out;
  for (const Address& address : addresses) out.push_back(address.to_string());
  return out;
}

using Texts = std::vector<std::string>;

TEST(Config, FillsInEveryDefault) {
  Config config = good_config("[site]\ndomain = \"foobar.com\"\nroot = \"public\"\n", {"public/"});
  EXPECT_EQ(config.user, "");
  EXPECT_TRUE(config.state_dir.ends_with("/.trimaran")) << config.state_dir;
  EXPECT_EQ(config.run_dir, config.state_dir + "/run");
  EXPECT_EQ(config.control_socket(), config.run_dir + "/control.sock");
  EXPECT_EQ(config.access_log, config.state_dir + "/access.log");
  EXPECT_GE(config.threads, 1);
  EXPECT_LE(config.threads, 16);
  EXPECT_EQ(texts(config.http), (Texts{"0.0.0.0:8080", "[::]:8080"}));
  EXPECT_EQ(texts(config.dns), (Texts{"0.0.0.0:5353", "[::]:5353"}));
  EXPECT_EQ(config.limits.header_bytes, 32u * 1024);
  ASSERT_EQ(config.sites.size(), 1u);
  const SiteConfig& site = config.sites[0];
  EXPECT_EQ(site.domain, "foobar.com");
  EXPECT_EQ(site.aliases, Texts{"www.foobar.com"});
  EXPECT_EQ(site.root, site.folder + "/public");
  EXPECT_EQ(site.state_dir, config.state_dir + "/foobar.com");
  EXPECT_FALSE(site.app);
  EXPECT_EQ(site.database.engine, Engine::sqlite);
  EXPECT_EQ(site.dns.ttl, 3600u);
  EXPECT_EQ(site.dns.email, "hostmaster@foobar.com");
  EXPECT_EQ(site.dns.nameservers, Texts{"ns1.foobar.com"});
}

TEST(Config, AsRootUsesTheSystemsPlaces) {
  SourceBundle sources = sources_of("[site]\ndomain = \"a.test\"\nroot = \".\"\n");
  sources.as_root = true;
  Config config = good_config(sources);
  EXPECT_EQ(config.user, "www-data");
  EXPECT_EQ(config.state_dir, "/var/lib/trimaran");
  EXPECT_EQ(config.run_dir, "/run/trimaran");
  EXPECT_EQ(texts(config.http), (Texts{"0.0.0.0:80", "[::]:80"}));
  EXPECT_EQ(texts(config.dns), (Texts{"0.0.0.0:53", "[::]:53"}));
}

constexpr std::string_view kEveryKey = R"(
[server]
user = "www"
state = "var"
run = "/run/x"
threads = 3
[listen]
http = [8080, "127.0.0.1:8081", "[::1]:8082"]
dns = []
[log]
access = "logs/access.log"
[limits]
request_line = "4k"
headers = 16384
header_count = 50
body = "1M"
head_timeout = "500ms"
idle_timeout = 5
body_timeout = "1m"
send_timeout = "1h"
body_rate = 0
connections = 10
connections_per_client = 2
requests_per_connection = 3
[site]
domain = "FooBar.com."
aliases = ["www.foobar.com", "foobar.net"]
address = ["8.8.8.8", "2001:DB8::1"]
root = "public"
[app]
run = "wsgi:shop.wsgi:create.app"
directory = "code"
workers = 4
threads = 8
health = "/healthz"
interpreter = ".venv/bin/python"
env_file = ["secrets.env", "more.env"]
workers_max = 9
start_timeout = "5s"
max_requests = 1000
max_lifetime = "1h"
memory_soft = "200M"
memory_hard = "1G"
preload = true
dev = true
log = "app.log"
queue_max = 10
queue_wait = "2s"
timeout = "30s"
[deploy]
prepare = "make"
before_switch = "./migrate"
hook_timeout = "1m"
keep = 3
warm = "1m"
drain = "2m"
[[process]]
name = "jobs"
run = "python3 jobs.py"
[[cron]]
name = "report"
schedule = "30 4 * * mon-fri"
run = "./report"
[database]
engine = "mariadb"
[[route]]
path = "/static/"
files = "public"
cache = "1y"
[[route]]
path = "/old"
redirect = "https://foobar.net/new"
status = 301
[[route]]
path = "/api"
app = true
[dns]
ttl = "5m"
email = "dns@foobar.net"
nameservers = ["NS.foobar.net.", "ns2.foobar.net"]
records = """
mail A 8.8.4.4
"""
)";

Config every_key() { return good_config(kEveryKey, {"public/", "code/", "secrets.env", "more.env"}); }

TEST(Config, ReadsEveryKeyOfTheMachine) {
  Config config = every_key();
  EXPECT_EQ(config.threads, 3);
  EXPECT_EQ(config.run_dir, "/run/x");
  EXPECT_EQ(texts(config.http), (Texts{"0.0.0.0:8080", "[::]:8080", "127.0.0.1:8081", "[::1]:8082"}));
  EXPECT_TRUE(config.dns.empty());
  const LimitsConfig& limits = config.limits;
  EXPECT_EQ(limits.request_line_bytes, 4096u);
  EXPECT_EQ(limits.header_bytes, 16384u);
  EXPECT_EQ(limits.header_count, 50u);
  EXPECT_EQ(limits.body_bytes, 1u << 20);
  EXPECT_EQ(limits.head_timeout_ms, 500);
  EXPECT_EQ(limits.idle_timeout_ms, 5'000);
  EXPECT_EQ(limits.body_timeout_ms, 60'000);
  EXPECT_EQ(limits.send_timeout_ms, 3'600'000);
  EXPECT_EQ(limits.body_rate_bytes, 0u);
  EXPECT_EQ(limits.connections, 10u);
  EXPECT_EQ(limits.connections_per_client, 2u);
  EXPECT_EQ(limits.requests_per_connection, 3u);
}

TEST(Config, ReadsEveryKeyOfTheSiteAndItsApplication) {
  Config config = every_key();
  const SiteConfig& site = config.sites.at(0);
  EXPECT_EQ(config.state_dir, site.folder + "/var");
  EXPECT_EQ(config.access_log, site.folder + "/logs/access.log");
  EXPECT_EQ(site.domain, "foobar.com");
  EXPECT_EQ(site.aliases, (Texts{"www.foobar.com", "foobar.net"}));
  EXPECT_EQ(site.addresses, (Texts{"8.8.8.8", "2001:db8::1"}));
  const AppConfig& app = site.app.value();
  EXPECT_EQ(app.kind, AppKind::wsgi);
  EXPECT_EQ(app.target, "shop.wsgi:create.app");
  EXPECT_EQ(app.directory, site.folder + "/code");
  EXPECT_EQ(app.workers, 4);
  EXPECT_EQ(app.threads, 8);
  EXPECT_EQ(app.health, "/healthz");
  EXPECT_EQ(app.interpreter, site.folder + "/.venv/bin/python");
  EXPECT_EQ(app.env_files, (Texts{site.folder + "/secrets.env", site.folder + "/more.env"}));
  EXPECT_EQ(app.workers_max, 9);
  EXPECT_EQ(app.concurrency, 8);
  EXPECT_EQ(app.start_timeout_ms, 5'000);
  EXPECT_EQ(app.max_requests, 1'000);
  EXPECT_EQ(app.max_lifetime_ms, 3'600'000);
  EXPECT_EQ(app.memory_soft_bytes, 200u << 20);
  EXPECT_EQ(app.memory_hard_bytes, 1u << 30);
  EXPECT_TRUE(app.preload && app.dev);
  EXPECT_EQ(app.log, site.folder + "/app.log");
  EXPECT_EQ(app.queue_max, 10);
  EXPECT_EQ(app.queue_wait_ms, 2'000);
  EXPECT_EQ(app.timeout_ms, 30'000);
  EXPECT_EQ(site.database.engine, Engine::mariadb);
}

TEST(Config, ReadsEveryKeyOfReleases) {
  const SiteConfig site = every_key().sites.at(0);
  EXPECT_EQ(site.deploy.prepare, "make");
  EXPECT_EQ(site.deploy.before_switch, "./migrate");
  EXPECT_EQ(site.deploy.hook_timeout_ms, 60'000);
  EXPECT_EQ(site.deploy.keep, 3);
  EXPECT_EQ(site.deploy.warm_ms, 60'000);
  EXPECT_EQ(site.deploy.drain_ms, 120'000);
  ASSERT_EQ(site.processes.size(), 1u);
  EXPECT_EQ(site.processes[0].name, "jobs");
  EXPECT_EQ(site.processes[0].run, "python3 jobs.py");
  ASSERT_EQ(site.cron.size(), 1u);
  EXPECT_EQ(site.cron[0].schedule, "30 4 * * mon-fri");
}

TEST(Config, PathsOfTheSiteStartInItsRelease) {
  SourceBundle sources = sources_of(
      "[site]\ndomain = \"a.test\"\nroot = \"public\"\n[app]\nrun = \"native:app.so\"\nenv_file = \"secrets.env\"\n"
      "[[route]]\npath = \"/s\"\nfiles = \"static\"\n");
  EXPECT_EQ(good_config(sources).sites.at(0).release, "");
  sources.releases["a.test"] = "/state/releases/7";
  SourceBundle sent = SourceBundle::decode(sources.encode()).value();
  const SiteConfig site = good_config(sent).sites.at(0);
  EXPECT_EQ(site.release, "/state/releases/7");
  EXPECT_EQ(site.root, "/state/releases/7/public");
  EXPECT_EQ(site.routes.at(0).files, "/state/releases/7/static");
  EXPECT_EQ(site.app->directory, "/state/releases/7");
  EXPECT_EQ(site.app->target, "/state/releases/7/app.so");
  EXPECT_EQ(site.app->env_files, Texts{"/site/secrets.env"});
}

TEST(Config, ASiteWithDeployMayAwaitWhatItsFirstReleaseBrings) {
  const std::string text =
      "[site]\ndomain = \"a.test\"\nroot = \"public\"\n[app]\nrun = \"native:app.so\"\n[deploy]\n"
      "[[route]]\npath = \"/s\"\nfiles = \"static\"\n";
  TestFiles files;
  files.add("trimaran.toml", text);
  SourceBundle sources = *read_sources(files.path("trimaran.toml"), false);
  ParsedConfig parsed = parse_config(sources);
  EXPECT_TRUE(parsed.diagnostics.empty()) << format_diagnostics(parsed.diagnostics, sources);
  EXPECT_TRUE(parsed.config.sites.at(0).awaits_release);
  ASSERT_EQ(parsed.warnings.size(), 3u);
  EXPECT_EQ(parsed.warnings[0].line, 3);
  EXPECT_NE(format_diagnostics(parsed.warnings, sources).find("3:8: warning: root: "), std::string::npos);

  // A child does not look: it is told.
  sources.note_awaited(parsed.config);
  EXPECT_TRUE(good_config(SourceBundle::decode(sources.encode()).value()).sites.at(0).awaits_release);
  EXPECT_TRUE(parse_config(sources).config.sites.at(0).awaits_release);
  for (const char* file : {"public/", "static/", "app.so"}) files.add(file);
  EXPECT_FALSE(parse_config(sources).config.sites.at(0).awaits_release);

  // What a release lacks is an error.
  files.add("release/app.so");
  files.add("release/static/");
  sources.releases["a.test"] = files.path("release");
  EXPECT_EQ(parse_config(sources).diagnostics.size(), 1u);
  files.add("release/public/");
  parsed = parse_config(sources);
  EXPECT_TRUE(parsed.diagnostics.empty() && parsed.warnings.empty());
  EXPECT_FALSE(parsed.config.sites.at(0).awaits_release);
}

TEST(Config, AReleaseOfASiteHasToBringSomething) {
  auto undeployable = [](const std::string& root, const std::string& app, const std::string& more = "") {
    std::string keys;
    const std::string site = "[site]\ndomain = \"a.test\"\n" + root + "\n[app]\n" + app + "\n" + more;
    const Config config = good_config(sources_of(site));
    for (const Diagnostic& d : config.sites.at(0).undeployable) {
      EXPECT_EQ(d.file, "/site/trimaran.toml");
      keys += std::to_string(d.line) + " " + d.message.substr(0, d.message.find(':')) + " ";
    }
    return keys;
  };
  const std::string wsgi = "run = \"wsgi:a:b\"", root = "root = \"/srv/a/public\"",
                    absolute = "\ndirectory = \"/srv/a\"";
  EXPECT_EQ(undeployable(root, wsgi + absolute), "3 root 6 directory ");
  EXPECT_EQ(undeployable("", wsgi + absolute), "6 directory ");
  EXPECT_EQ(undeployable("", "run = \"native:/srv/a/app.so\""), "5 run ");
  EXPECT_EQ(undeployable(root, "run = \"php:/srv/a\""), "3 root 5 run ");
  EXPECT_EQ(undeployable(root, "run = \"php:\"" + absolute), "3 root 6 directory ");
  EXPECT_EQ(undeployable(root, wsgi + absolute, "[[route]]\npath = \"/s\"\nfiles = \"/srv/s\""),
            "3 root 6 directory 9 files ");
  // One of them is enough.
  EXPECT_EQ(undeployable(root, wsgi), "");
  EXPECT_EQ(undeployable("root = \"public\"", wsgi + absolute), "");
  EXPECT_EQ(undeployable(root, "run = \"native:app.so\"" + absolute), "");
  EXPECT_EQ(undeployable(root, "run = \"http: ./server\""), "");
  EXPECT_EQ(undeployable(root, wsgi + absolute, "[[route]]\npath = \"/s\"\nfiles = \"static\""), "");
}

TEST(Config, EachKindHasItsOwnCapacity) {
  auto app = [](const std::string& lines) {
    return good_config(sources_of("[site]\ndomain = \"a.test\"\n[app]\n" + lines)).sites.at(0).app.value();
  };
  EXPECT_EQ(app("run = \"wsgi:a:b\"\nthreads = 4").concurrency, 4);
  EXPECT_EQ(app("run = \"asgi:a:b\"").concurrency, 256);
  EXPECT_EQ(app("run = \"http: ./server --fast\"\nconcurrency = 12").concurrency, 12);
  EXPECT_EQ(app("run = \"http: ./server --fast\"").target, "./server --fast");
  EXPECT_EQ(app("run = \"http:\"").target, "");
  EXPECT_EQ(app("run = \"php:public\"").target, "/site/public");
  EXPECT_EQ(app("run = \"php:\"").threads, 5);
}

TEST(Config, ReadsEveryRouteAndTheZone) {
  const SiteConfig site = every_key().sites.at(0);
  ASSERT_EQ(site.routes.size(), 3u);
  EXPECT_EQ(site.routes[0].kind, RouteConfig::Kind::files);
  EXPECT_EQ(site.routes[0].files, site.folder + "/public");
  EXPECT_EQ(site.routes[0].cache_seconds, 31'536'000);
  EXPECT_EQ(site.routes[1].kind, RouteConfig::Kind::redirect);
  EXPECT_EQ(site.routes[1].redirect, "https://foobar.net/new");
  EXPECT_EQ(site.routes[1].status, 301);
  EXPECT_EQ(site.routes[1].cache_seconds, -1);
  EXPECT_EQ(site.routes[2].kind, RouteConfig::Kind::app);

  EXPECT_EQ(site.dns.ttl, 300u);
  EXPECT_EQ(site.dns.email, "dns@foobar.net");
  EXPECT_EQ(site.dns.nameservers, (Texts{"ns.foobar.net", "ns2.foobar.net"}));
  EXPECT_EQ(site.dns.records, "mail A 8.8.4.4\n");
  EXPECT_EQ(site.dns.records_file, site.file);
  EXPECT_EQ(site.dns.records_line, 82);
}

TEST(Config, ANativeApplicationIsAFile) {
  Config config = good_config("[site]\ndomain = \"a.test\"\n[app]\nrun = \"native:lib/app.so\"\n", {"lib/app.so"});
  EXPECT_EQ(config.sites.at(0).app->kind, AppKind::native);
  EXPECT_EQ(config.sites[0].app->target, config.sites[0].folder + "/lib/app.so");
}

TEST(Config, AccessLogMayBeStderrOrOff) {
  for (std::string log : {"-", "off"}) {
    EXPECT_EQ(good_config("[log]\naccess = \"" + log + "\"\n[site]\ndomain = \"a.test\"\nroot = \".\"\n").access_log,
              log);
  }
}

TEST(Config, AddressesDefaultToTheListenersAndAWildcardMeansTheInterfaces) {
  auto addresses = [](const std::string& listen, Texts interfaces) {
    SourceBundle sources = sources_of("[site]\ndomain = \"a.test\"\nroot = \".\"\n[listen]\nhttp = " + listen + "\n");
    sources.interfaces = std::move(interfaces);
    return good_config(sources).sites.at(0).addresses;
  };
  EXPECT_EQ(addresses("\"192.0.2.1:80\"", {}), Texts{"192.0.2.1"});
  EXPECT_EQ(addresses("8080", {"192.0.2.7", "2001:db8::7"}), (Texts{"192.0.2.7", "2001:db8::7"}));
  EXPECT_EQ(addresses("\"0.0.0.0:80\"", {"192.0.2.7", "2001:db8::7"}), Texts{"192.0.2.7"});
  EXPECT_EQ(addresses("8080", {}), Texts{"127.0.0.1"});
}

TEST(Config, SeveralSitesAreOneFileEach) {
  TestFiles files;
  files.add("trimaran.toml", "[listen]\nhttp = 8081\n");
  files.add("sites/b.toml", "[site]\ndomain = \"b.test\"\nroot = \".\"\n");
  files.add("sites/a.toml", "[site]\ndomain = \"a.test\"\nroot = \".\"\n");
  files.add("sites/.#a.toml", "left by an editor");
  files.add("sites/notes.txt", "not a site");
  Config config = good_config(*read_sources(files.path("trimaran.toml"), false));
  ASSERT_EQ(config.sites.size(), 2u);
  EXPECT_EQ(config.sites[0].domain, "a.test");
  EXPECT_EQ(config.sites[0].root, files.path("sites"));
  EXPECT_EQ(config.sites[1].domain, "b.test");
  EXPECT_EQ(config.http[0].port(), 8081);
}

TEST(Config, TheSitesFolderMayBeElsewhere) {
  TestFiles files;
  files.add("trimaran.toml", "[server]\nsites = \"others\"\n");
  files.add("others/a.toml", "[site]\ndomain = \"a.test\"\nroot = \".\"\n");
  EXPECT_EQ(good_config(*read_sources(files.path("trimaran.toml"), false)).sites.at(0).domain, "a.test");
}

TEST(Config, ADefaultAliasGivesWayToASiteOfThatName) {
  TestFiles files;
  files.add("trimaran.toml", "[site]\ndomain = \"a.test\"\nroot = \".\"\n");
  files.add("sites/www.toml", "[site]\ndomain = \"www.a.test\"\nroot = \".\"\n");
  Config config = good_config(*read_sources(files.path("trimaran.toml"), false));
  EXPECT_EQ(config.sites.at(0).aliases, Texts{});
  EXPECT_EQ(config.sites.at(1).aliases, Texts{});  // nobody wants www.www.a.test
}

TEST(Config, AZoneFileIsReadWithTheSite) {
  TestFiles files;
  files.add("trimaran.toml", "[site]\ndomain = \"a.test\"\nroot = \".\"\n[dns]\nzone = \"a.zone\"\n");
  files.add("a.zone", "mail A 192.0.2.1\n");
  SourceBundle sources = *read_sources(files.path("trimaran.toml"), false);
  ASSERT_EQ(sources.files.size(), 2u);
  EXPECT_TRUE(sources.files[1].is_zone);
  sources.files[0].mtime = 1000;
  sources.files[1].mtime = 2000;
  SiteConfig site = good_config(sources).sites.at(0);
  EXPECT_EQ(site.dns.records, "mail A 192.0.2.1\n");
  EXPECT_EQ(site.dns.records_file, files.path("a.zone"));
  EXPECT_EQ(site.dns.records_line, 1);
  EXPECT_EQ(site.serial, 2000u);  // the newest of its files
}

// A zone file of yesterday, put back in place, had taken the serial back to yesterday.
TEST(Sources, GiveEachChangeALargerSerial) {
  SourceBundle sources = sources_of("[site]\ndomain = \"a.test\"\nroot = \".\"\n");
  sources.files.push_back({"/site/a.zone", "a A 1.1.1.1\n", 2000, true});
  sources.files[0].mtime = 1000;
  auto serial = [&] { return good_config(sources).sites.at(0).serial; };
  EXPECT_EQ(serial(), 2000u);
  auto replace = [&](const char* zone, int64_t mtime) {
    SourceBundle next = sources;
    next.files[0].mtime = 1000;
    next.files[1].text = zone;
    next.files[1].mtime = mtime;
    next.follow(sources);
    sources = next;
  };
  replace("a A 1.1.1.1\n", 2000);
  EXPECT_EQ(serial(), 2000u) << "nothing changed";
  replace("a A 1.1.1.2\n", 2000);
  EXPECT_EQ(serial(), 2001u) << "in the same second";
  replace("a A 1.1.1.1\n", 500);
  EXPECT_EQ(serial(), 2002u) << "an older file";
  replace("a A 1.1.1.1\n", 500);
  EXPECT_EQ(serial(), 2002u) << "nothing changed";
  replace("a A 1.1.1.3\n", 3000);
  EXPECT_EQ(serial(), 3000u);
  SourceBundle next = sources;
  next.interfaces = {"192.0.2.7"};
  next.follow(sources);
  sources = next;
  EXPECT_EQ(serial(), 3001u) << "another address of the machine";
}

TEST(Sources, TravelUnchangedAndAreNotCheckedAgainstTheFileSystemTwice) {
  SourceBundle sources = sources_of("[site]\ndomain = \"a.test\"\nroot = \"public\"\n");
  sources.interfaces = {"192.0.2.1", "2001:db8::1"};
  sources.files.push_back({"/x/a.zone", std::string("\0\xff", 2), -1, true});
  std::string bytes = sources.encode();
  Result<SourceBundle> decoded = SourceBundle::decode(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->encode(), bytes);
  EXPECT_EQ(decoded->files[1].text, std::string("\0\xff", 2));
  EXPECT_EQ(decoded->files[1].mtime, -1);
  EXPECT_TRUE(decoded->files[1].is_zone);
  EXPECT_TRUE(SourceBundle{}.look_at_files);
  EXPECT_FALSE(decoded->look_at_files);
  decoded->files[0].text = "[site]\ndomain = \"a.test\"\nroot = \"/nowhere\"\n";
  EXPECT_TRUE(parse_config(*decoded).diagnostics.empty());
}

TEST(Sources, ABundleCutAnywhereOrWithMoreIsRefused) {
  std::string bytes = sources_of("[site]\n").encode();
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(SourceBundle::decode(bytes.substr(0, size))) << size;
  EXPECT_FALSE(SourceBundle::decode(bytes + "x"));
  EXPECT_EQ(SourceBundle::decode("other").error().message, "the bundle of site files has another version");
  bytes.replace(bytes.find('\n') + 9, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f");  // the count of interfaces
  EXPECT_EQ(SourceBundle::decode(bytes).error().message, "the bundle of site files is damaged");
}

TEST(Sources, AFileThatCannotBeReadIsAnError) {
  TestFiles files;
  Result<SourceBundle> sources = read_sources(files.path("trimaran.toml"), false);
  ASSERT_FALSE(sources);
  EXPECT_EQ(sources.error().message, "cannot read " + files.path("trimaran.toml") + ": No such file or directory");
  EXPECT_EQ(sources.error().os_errno, ENOENT);
  files.add("sites/");
  EXPECT_EQ(read_sources(files.path("sites"), false).error().message,
            "cannot read " + files.path("sites") + ": it is a folder");
}

// A reload waited in open(2) for somebody to write to it.
TEST(Sources, APipeAmongTheSitesIsAnError) {
  TestFiles files;
  files.add("trimaran.toml", "[site]\n");
  files.add("sites/");
  ASSERT_EQ(::mkfifo(files.path("sites/b.toml").c_str(), 0600), 0);
  EXPECT_EQ(read_sources(files.path("trimaran.toml"), false).error().message,
            "cannot read " + files.path("sites/b.toml") + ": it is a pipe");
}

TEST(Sources, ASiteFileHasALimit) {
  TestFiles files;
  files.add("trimaran.toml", std::string((1 << 20) + 1, '#'));
  EXPECT_FALSE(read_sources(files.path("trimaran.toml"), false));
}

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("500ms"), 500);
  EXPECT_EQ(parse_duration("2s"), 2'000);
  EXPECT_EQ(parse_duration("5m"), 300'000);
  EXPECT_EQ(parse_duration("1h"), 3'600'000);
  EXPECT_EQ(parse_duration("2w"), 14ll * 86'400'000);
  EXPECT_EQ(parse_duration("1y"), 365ll * 86'400'000);
  for (const char* wrong :
       {"", "5", "s", "-1s", "1.5s", "1 s", "1S", "1h30m", "99999999999999999999s", "999999999999y"}) {
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
  }
  for (Millis span : {Millis(1), Millis(1'000), Millis(90'000), Millis(3'600'000)}) {
    EXPECT_EQ(parse_duration(format_duration(span)), span);
  }
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(90'000), "90s");
}

TEST(Units, Sizes) {
  EXPECT_EQ(parse_size("512"), 512u);
  EXPECT_EQ(parse_size("64k"), 65'536u);
  EXPECT_EQ(parse_size("16M"), 16u << 20);
  EXPECT_EQ(parse_size("1G"), 1u << 30);
  for (const char* wrong : {"", "k", "-1", "1.5M", "1K", "1kB", "9999999999999T"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(65'536), "64k");
}

}  // namespace
}  // namespace trimaran
