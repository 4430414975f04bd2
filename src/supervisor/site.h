// Everything that runs for one site, in generations. One is *current*. A change makes a *next* one beside it: its first
// worker proves that the application can be loaded, then all its workers start, then it gets a share of the requests (a
// canary) or all of them. The one that it replaced may stay *warm*, with its workers and without requests, for an
// instant way back; what is left of older ones only finishes what it has.
//
// Who gets the requests is one message to the front, so a switch, a canary and a rollback are never half done.
//
//   begin() -> proven() -> start_all() -> complete() -> [set_canary()] -> promote() -> [roll_back()]
//        \________\______________\_______________\______-> abandon(), or failed() by itself
//
// Called in the loop's thread only. Nothing here waits. advance() is called after each round in which something
// happened. No callback comes from within another call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "supervisor/app.h"
#include "supervisor/fleet.h"
#include "supervisor/jobs.h"

namespace trimaran {

// How a generation that was begun gets on. Each may call the site again.
struct GenerationCallbacks {
  // Its first worker serves and is healthy. The others wait for start_all(): this is the place for migrations. Without
  // this callback they start at once.
  std::function<void()> proven;
  // All its workers serve. It gets no request before set_canary() or promote(). Without this callback it is promoted,
  // and the old one is not kept warm.
  std::function<void()> complete;
  // It was thrown away, and what served before still serves. Also for a canary; after promote() nothing is called.
  // Not called for an abandon() of the caller's own.
  std::function<void(const GenerationFailure&)> failed;
};

class Site {
 public:
  enum class PausedBy { user = 1, database = 2 };

  // Of a generation that was warm, whatever part of [deploy] drain has passed: what it still gets to finish.
  static constexpr Millis kDrainLeastMs = 15'000;

  Site(Fleet& fleet, std::string domain);

  const std::string& domain() const { return domain_; }
  const App* current() const { return current_.get(); }
  const App* next() const { return next_.get(); }
  const App* warm() const { return warm_.get(); }

  // The first generation, or one that replaces what does not serve: nothing is there that a proof could protect.
  void replace(SiteConfig config, std::string database_url);
  // A new generation beside the current one; one that is still on its way fails. Its number.
  int begin(SiteConfig config, std::string database_url, GenerationCallbacks callbacks);
  void start_all();
  // The next generation, whose workers all serve, gets `percent` (1..99) of the requests.
  void set_canary(int percent);
  int canary() const { return canary_; }  // percent; 0: none
  // The next generation gets all requests, now. The old one is kept for `warm_ms` (0: it drains at once).
  void promote(Millis warm_ms);
  // The next generation is thrown away. No effect without one.
  void abandon();
  // The warm generation gets all requests, now, and the current one becomes the warm one for `warm_ms`. False: nothing
  // is warm, or it does not serve.
  bool roll_back(Millis warm_ms);

  // The same processes with other settings: worker counts, limits that we watch, times. Whether more were started.
  bool change(const SiteConfig& config);

  // While anybody holds it paused, requests wait in the front, and those under way go on.
  void pause(PausedBy who);
  void resume(PausedBy who);
  bool paused() const { return paused_ != 0; }

  // starting, serving, paused, broken: what the front knows.
  std::string_view state() const;
  std::string reason() const;  // of broken
  // In dev mode: what the worker that failed wrote last. Otherwise "", for it is not for visitors.
  std::string log() const;
  // Percent of the requests by generation, as in the message: "7=90 8=10".
  std::string shares() const;
  int share_of(const App& app) const;

  // Everything ends: what is under way has `limit_ms`.
  void drain(Millis limit_ms);
  // The same after the last front has ended; whoever is still there at the limit is killed.
  void end(Millis limit_ms);
  void kill();
  bool gone() const;

  const Jobs& jobs() const { return jobs_; }
  // The generations that have not ended: current, next, warm, then those that only finish.
  std::vector<App*> generations() const;
  // "current", "canary", "next", "warm", "finishing".
  std::string_view part_of(const App& app) const;

  // The front is a new process: it is told everything.
  void front_started();
  // The front's messages about this site.
  void on_hung(const std::string& worker, const std::string& reason);
  void on_load(const SiteLoad& load);
  // What follows from what happened.
  void advance();

  // Through an upgrade of the program (site_state.cc). `generation_of` makes what a generation runs from the release of
  // its record.
  using GenerationOf = std::function<Generation(const StateRecord&)>;
  void save(State& state) const;
  Status adopt(const StateRecord& record, const State& state, const GenerationOf& generation_of);

 private:
  std::unique_ptr<App> make_app(SiteConfig config, std::string database_url);
  void finish(std::unique_ptr<App>& app, Millis limit_ms);
  void cool_down(std::unique_ptr<App> app, Millis warm_ms);
  void cool();  // the end of the warm time
  void advance_next();
  using OnFailed = std::function<void(const GenerationFailure&)>;
  OnFailed drop_next();
  void fail_next(std::string reason);
  void tell_front();

  Fleet& fleet_;
  std::string domain_;
  std::unique_ptr<App> current_, next_, warm_;
  std::vector<std::unique_ptr<App>> finishing_;
  GenerationCallbacks callbacks_;  // of next_
  bool told_proven_ = false, told_complete_ = false;
  int canary_ = 0;
  unsigned paused_ = 0;                   // PausedBy bits
  std::string told_state_, told_shares_;  // what the front was told last
  Millis warm_since_ = 0;
  Alarm warm_until_;
  Jobs jobs_;
};

}  // namespace trimaran
