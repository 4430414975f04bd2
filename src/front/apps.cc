#include "front/apps.h"

namespace trimaran::front {
namespace {

class NoApp final : public Handler {
 public:
  void start(Exchange& exchange) override { exchange.fail(503, "no application server"); }
};

class NoApps final : public Apps {
 public:
  std::unique_ptr<Handler> make_handler(const SiteConfig&) override { return std::make_unique<NoApp>(); }
  void on_target(Message) override {}
};

}  // namespace

std::unique_ptr<Apps> make_no_apps(EventLoop&) { return std::make_unique<NoApps>(); }

}  // namespace trimaran::front
