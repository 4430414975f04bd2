// A route that sends the client elsewhere.
#pragma once

#include <string>

#include "front/exchange.h"

namespace trimaran::front {

class Redirect final : public Handler {
 public:
  Redirect(std::string location, int status) : location_(std::move(location)), status_(status) {}
  void start(Exchange& exchange) override;

 private:
  std::string location_;
  int status_;
};

// Answers with a redirect to `location` and a page that says so.
void send_redirect(Exchange& exchange, int status, std::string location);

}  // namespace trimaran::front
