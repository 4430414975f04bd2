#include "host/health.h"

#include <fmt/format.h>

#include "host/serve.h"

namespace trimaran::host {

namespace {

// A request of the worker protocol that came from nobody; only its status is kept.
class HealthRequest final : public worker::Request {
 public:
  HealthRequest(std::string_view path, std::string_view site) {
    size_t mark = path.find('?');
    head_.method = "GET";
    head_.path = path.substr(0, mark);
    if (mark != std::string_view::npos) head_.query = path.substr(mark + 1);
    head_.protocol = "HTTP/1.1";
    head_.scheme = "http";
    head_.client_address = "127.0.0.1";
    head_.server_name = site;
    head_.headers = {{"Host", site}, {"User-Agent", "trimaran-health"}};
  }

  int status() const { return status_; }  // 0: no whole answer
  const std::string& failure() const { return failure_; }

  const worker::RequestHeadView& head() const override { return head_; }
  int64_t read_body(char*, size_t) override { return 0; }
  bool aborted() const override { return false; }
  void send_head(const worker::ResponseHeadView& head) override { begun_ = head.status; }
  bool send_body(std::string_view) override { return true; }
  void finish(std::string_view) override { status_ = begun_; }
  void send_file(const worker::ResponseHeadView& head, const Fd&, const worker::FileView&) override {
    status_ = head.status;
  }
  void fail(std::string_view reason) override { failure_ = reason; }

 private:
  worker::RequestHeadView head_;
  int begun_ = 0, status_ = 0;
  std::string failure_;
};

}  // namespace

Status check_health(const Application& application, std::string_view path, std::string_view site) {
  HealthRequest request(path, site);
  Database database(application.database_url);
  answer(request, application, database);
  if (request.status() == 0) return make_error(fmt::format("the health check {} failed: {}", path, request.failure()));
  if (request.status() >= 400)
    return make_error(fmt::format("the health check {} answered {}", path, request.status()));
  return {};
}

}  // namespace trimaran::host
