// The supervisor with children that speak the link and do nothing else (fake_role.py), for the tests of this room.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "supervisor/log_pump.h"
#include "supervisor/supervisor.h"

namespace trimaran {

constexpr Millis kDeadlineMs = 60'000;  // of every wait; a healthy one takes milliseconds

// A folder with the programs bin/trimaran and bin/trimaran-host.
inline std::string make_test_folder() {
  char path[] = "/tmp/trimaran-supervisor-XXXXXX";
  std::string folder = ::mkdtemp(path);
  std::filesystem::create_directories(folder + "/bin");
  for (const char* name : {"trimaran", "trimaran-host"})
    std::filesystem::create_symlink(TRIMARAN_FAKE_ROLE, folder + "/bin/" + name);
  // The children are somebody else when root runs this test.
  std::filesystem::permissions(folder, std::filesystem::perms(0755));
  return folder;
}

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = make_test_folder();
    log_ = Fd(::memfd_create("log", MFD_CLOEXEC));
    sink_ = std::make_unique<LogSink>(log_.get());
    write_app("good");
    write_site("run = \"native:app.so\"\nworkers = 2");
  }
  void TearDown() override {
    if (supervisor_ && !stopped_) {
      supervisor_->stop();
      supervisor_->stop();
      wait_until("stopped", [&] { return stopped_; });
    }
    supervisor_.reset();
    std::filesystem::remove_all(folder_);
    if (HasFailure()) std::fprintf(stderr, "%s", log_text().c_str());
  }

  void write_app(const std::string& text) { ASSERT_TRUE(write_file(folder_ + "/app.so", text)); }
  void write_site(const std::string& app, const std::string& more = "") {
    std::string text =
        "[site]\ndomain = \"foobar.com\"\naddress = [\"127.0.0.1\"]\n[server]\nthreads = 2\n[listen]\n"
        "http = \"127.0.0.1:0\"\ndns = \"127.0.0.1:0\"\n[log]\naccess = \"off\"\n";
    if (!app.empty()) text += "[app]\n" + app + "\n";
    ASSERT_TRUE(write_file(site_file(), text + more));
  }
  std::string site_file() const { return folder_ + "/trimaran.toml"; }
  std::string log_text() const {
    std::string text(1 << 20, '\0');
    ssize_t n = ::pread(log_.get(), text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }

  Status start() {
    auto sources = read_sources(site_file(), false);
    if (!sources) return std::unexpected(sources.error());
    ParsedConfig parsed = parse_config(*sources);
    if (!parsed.diagnostics.empty()) return make_error(format_diagnostics(parsed.diagnostics, *sources));
    Runtime runtime{loop_, *sink_, folder_ + "/bin/trimaran", current_user(), std::nullopt};
    supervisor_ = std::make_unique<Supervisor>(runtime, Notifier(""), std::move(*sources), std::move(parsed.config));
    stopped_ = false;
    supervisor_->on_stopped([&] { stopped_ = true; });
    return supervisor_->start();
  }

  // "" when it started: what an assertion can show.
  std::string start_error() {
    Status started = start();
    return started ? "" : started.error().message;
  }

  template <class Condition>
  void wait_until(const char* what, Condition condition) {
    Millis end = monotonic_ms() + kDeadlineMs;
    while (!condition()) {
      ASSERT_LT(monotonic_ms(), end) << "waited in vain until " << what;
      loop_.run_once(20);
    }
  }
  void wait_for_state(const std::string& state) {
    wait_until(state.c_str(), [&] { return supervisor_->report().state == state; });
  }
  ReloadOutcome reload_and_wait() {
    ReloadOutcome outcome = supervisor_->reload();
    if (!outcome.in_force) return outcome;
    bool done = false;
    supervisor_->when_reloaded([&](const ReloadOutcome& last) {
      outcome = last;
      done = true;
    });
    wait_until("the reload was over", [&] { return done; });
    return outcome;
  }
  ServiceReport service(const std::string& name) {
    for (const ServiceReport& s : supervisor_->report().services) {
      if (s.name == name) return s;
    }
    return {};
  }
  bool all_serving() {
    for (const ServiceReport& s : supervisor_->report().services) {
      if (s.state != "serving") return false;
    }
    return true;
  }
  // The front's own account of what it was told. Asked for again when it has not answered in the time that `status`
  // gives it: those would be older ones.
  std::string front_counters() {
    for (Millis end = monotonic_ms() + kDeadlineMs, began = 0; (began = monotonic_ms()) < end;) {
      bool done = false;
      supervisor_->refresh_counters([&] { done = true; });
      wait_until("the counters came", [&] { return done; });
      if (monotonic_ms() - began < Supervisor::kCountersMs) return supervisor_->report().front_json;
    }
    return "the front does not answer";
  }
  void kill_and_wait(const std::string& name) {
    ServiceReport before = service(name);
    ASSERT_GT(before.pid, 1);
    ::kill(before.pid, SIGKILL);
    wait_until("it serves again", [&] {
      ServiceReport now = service(name);
      return now.state == "serving" && now.pid != before.pid;
    });
  }

  // The next thing that the front says to the supervisor.
  void front_says(const std::string& message) {
    ASSERT_TRUE(write_file(folder_ + "/say", message));
    ::kill(service("front").pid, SIGUSR1);
  }

  std::string folder_;
  EventLoop loop_;
  Fd log_;
  std::unique_ptr<LogSink> sink_;
  std::unique_ptr<Supervisor> supervisor_;
  bool stopped_ = false;
};

}  // namespace trimaran
