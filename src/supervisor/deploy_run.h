// One release on its way to the visitors, step by step:
//
//   copy -> prepare hook -> configuration -> one worker, healthy -> before_switch hook -> all workers -> card
//        -> [canary, until promote()] -> `current` -> front -> all requests -> prune
//
// Whatever fails before `current` is written: the new workers end, the new folder goes, the old release never noticed.
// A crash in between finds either the old `current` or a new one whose release has proved itself; both serve.
// A rollback to a release that has no workers any more is the same way without copy and hooks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "release/release_store.h"
#include "supervisor/background.h"
#include "supervisor/hook.h"
#include "supervisor/runtime.h"
#include "supervisor/site.h"

namespace trimaran {

struct DeployOutcome {
  int exit_code = 0;  // 0 done; 1 failed, and what served before still serves
  std::string text;   // one sentence
};

// Whoever asked; may have gone away, which changes nothing.
struct DeployListener {
  std::function<void(std::string_view)> say;       // a line about each step, and what hooks and workers said
  std::function<void(const DeployOutcome&)> done;  // once
};

// What a deploy needs of the supervisor.
class DeployHost {
 public:
  virtual ~DeployHost() = default;
  virtual const Config& config() const = 0;
  // Nothing when the site has no application.
  virtual Site* site(const std::string& domain) = 0;
  virtual std::string database_of(const SiteConfig& site) const = 0;
  // An error when a release would change nothing: nothing that the site serves would come from it.
  virtual Status may_deploy(const SiteConfig& site) const = 0;
  // The configuration in force, with this release of the site ("": its own folder), checked like any other.
  virtual Result<Config> config_with(const std::string& domain, const std::string& release_folder) const = 0;
  // Makes it the one in force, for the front too.
  virtual Status put_in_force(const std::string& domain, const std::string& release_folder) = 0;
  // Calls `done` when the front serves everything that it was told so far.
  virtual void when_applied(std::function<void()> done) = 0;
  // Calls `done` when the front goes by the shares that it was told so far, which it does not acknowledge.
  virtual void when_shared(std::function<void()> done) = 0;
  // Whom the site's processes run as.
  virtual Result<release::Ownership> owner_of(const SiteConfig& site) const = 0;
};

// The id of the release that a site is configured with; "": its own folder.
std::string release_id_of(const SiteConfig& site);

class DeployRun {
 public:
  struct Plan {
    std::string domain;
    std::string source;       // of a deploy
    release::Release target;  // of a rollback: a release on the disk; its id is "" for the site's own folder
    bool copies = true;
    int canary = 0;  // percent; 0: all at once
  };

  DeployRun(const Runtime& runtime, DeployHost& host, Plan plan, DeployListener listener);

  void start();
  // The canary gets all requests; its listener is this one now.
  void promote(DeployListener listener);
  // The canary ends. Not an error, so nobody hears of it but the caller.
  void abandon();
  // The supervisor stops: a copy or a hook ends here.
  void stop();
  // The site may have gone with a reload.
  void advance();

  bool finished() const { return finished_; }
  // Nothing of it is left to do: it may be forgotten.
  bool over() const { return finished_ && !background_.busy() && !applying_; }
  int canary() const { return waits_ ? plan_.canary : 0; }  // percent, while it waits for promote()
  const std::string& release_id() const { return target_.id; }
  // Where it stands, for whoever is refused because of it.
  const std::string& step() const { return step_; }

 private:
  // Back to workers that still live: milliseconds.
  bool roll_back_to_warm();
  // In the order in which they happen.
  void copy();
  void copied(release::Added added);
  void prepare();
  void begin();
  void before_switch();
  void complete();
  void begin_canary();
  void write_current();
  void switch_over();
  void wait_for_front(std::function<void()> next);
  void prune();

  void run_hook(const std::string& name, const std::string& command, std::function<void()> next);
  Site* site_with_ours();
  void in_background(std::function<Status(std::stop_token)> blocking, std::function<void()> next);
  bool failed_meanwhile();
  std::string what_is_still_true();
  void say(std::string_view text);
  void fail(const GenerationFailure& failure);
  void fail(std::string reason) { fail(GenerationFailure{std::move(reason), {}}); }
  void finish(int exit_code, std::string text);

  const Runtime& runtime_;
  DeployHost& host_;
  Plan plan_;
  DeployListener listener_;
  SiteConfig old_;  // as it was when we began: the folder, the hooks
  release::ReleaseStore store_;
  release::Release target_;
  std::string step_;
  bool has_app_ = false;
  bool began_ = false;     // the site has a generation of ours
  bool proved_ = false;    // the card is written
  bool waits_ = false;     // a canary
  bool applying_ = false;  // the front has been told, and has not answered yet
  bool finished_ = false;
  std::optional<GenerationFailure> meanwhile_;  // it failed while the thread was at work
  std::unique_ptr<Hook> hook_;
  Alarm later_;
  Background background_;
};

}  // namespace trimaran
