// Proves that a program which knows nothing of us serves: somebody listens, and the health path is answered. The asking
// is done by a child (front/probe.h), because the supervisor parses no byte of what an application says.
#pragma once

#include <functional>
#include <string>

#include "supervisor/runtime.h"
#include "supervisor/service.h"
#include "supervisor/upstream.h"

namespace trimaran {

class Proof final : public ServiceOwner {
 public:
  // One of the two is called once for each ask(), from the loop.
  struct Answers {
    std::function<void()> serves;
    std::function<void(std::string_view reason)> fails;
  };

  Proof(const Runtime& runtime, const SiteConfig& site, const std::string& name, Answers answers);
  void ask(const Upstream& upstream);
  void forget();  // no answer is wanted any more

 private:
  // Of [app] start_timeout, in percent: the probe gives up first, because it knows why.
  static constexpr int kShare = 90;

  Result<SpawnOptions> prepare(Service&) override;
  void on_change(Service&) override;

  const Runtime& runtime_;
  const SiteConfig& site_;
  const Answers answers_;
  const Upstream* upstream_ = nullptr;  // while an answer is wanted
  std::unique_ptr<Service> service_;
};

}  // namespace trimaran
