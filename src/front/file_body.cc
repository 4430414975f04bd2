#include "front/file_body.h"

namespace trimaran::front {
namespace {

// Large files only: the exchange lasts, for its deadline and its log line, until the client has taken them.
class LargeFile final : public Responder {
 public:
  explicit LargeFile(Exchange& exchange) : exchange_(exchange) {}
  void on_writable() override { exchange_.finish(); }

 private:
  Exchange& exchange_;
};

}  // namespace

void send_file(Exchange& exchange, http::ResponseHead head, const PinnedFile& file, int64_t offset, int64_t length) {
  exchange.send_head(std::move(head));
  if (exchange.request().method == http::Method::head || exchange.send_file_part(file, offset, length))
    return exchange.finish();
  exchange.set_responder(std::make_unique<LargeFile>(exchange));
}

}  // namespace trimaran::front
