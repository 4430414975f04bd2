#include "front/app_handler.h"

namespace trimaran::front {

void AppHandler::start(Exchange& exchange) {
  auto call = std::make_unique<AppCall>(exchange, app_, limits_);
  AppCall& started = *call;
  exchange.set_responder(std::move(call));
  started.begin();
}

}  // namespace trimaran::front
