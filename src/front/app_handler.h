// The handler of everything that an application answers: each request becomes an AppCall (app_call.h).
#pragma once

#include "config/config.h"
#include "front/app_call.h"
#include "front/site_app.h"

namespace trimaran::front {

class AppHandler final : public Handler {
 public:
  AppHandler(SiteApp& app, const AppConfig& config)
      : app_(app),
        limits_{.timeout_ms = config.timeout_ms,
                .queue_wait_ms = config.queue_wait_ms,
                .tunnels = config.kind == AppKind::asgi || config.kind == AppKind::http,
                .ends_with_client = config.kind == AppKind::asgi,
                .shows_reason = config.dev} {}
  void start(Exchange& exchange) override;

 private:
  SiteApp& app_;
  const AppCall::Limits limits_;
};

}  // namespace trimaran::front
