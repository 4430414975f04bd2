#include "front/redirect.h"

#include "front/error_page.h"

namespace trimaran::front {

void send_redirect(Exchange& exchange, int status, std::string location) {
  std::string page = error_page(status, "This page is at " + location + ".");
  http::ResponseHead head;
  head.status = status;
  head.content_length = static_cast<int64_t>(page.size());
  head.headers = {{"Content-Type", "text/html; charset=utf-8"}, {"Location", std::move(location)}};
  exchange.send_head(std::move(head));
  exchange.send_body(page);
  exchange.finish();
}

void Redirect::start(Exchange& exchange) { send_redirect(exchange, status_, location_); }

}  // namespace trimaran::front
