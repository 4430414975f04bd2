// A command of [deploy]: runs once, as the application's user, in the folder of the new release. What it says goes to
// the log and to whoever deploys.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "supervisor/runtime.h"
#include "supervisor/service.h"

namespace trimaran {

struct HookCommand {
  std::string name;     // "prepare", "before_switch"
  std::string command;  // a line for the shell
  SiteConfig site;      // with `release`
  std::string database_url;
};

class Hook final : public ServiceOwner {
 public:
  using OnLine = std::function<void(std::string_view)>;
  using OnEnd = std::function<void(const Status&)>;  // from the loop, not from inside start()

  Hook(const Runtime& runtime, HookCommand command, OnLine on_line, OnEnd on_end);
  // What still runs of it, its children too, ends.
  ~Hook() override { service_.kill(); }
  void start() { service_.start(); }
  const Service& service() const { return service_; }

 private:
  Result<SpawnOptions> prepare(Service&) override;
  void on_change(Service& service) override;
  void tell_end();

  const Runtime& runtime_;
  HookCommand command_;
  OnEnd on_end_;
  Alarm end_;
  Service service_;
};

}  // namespace trimaran
