#include "host/serve.h"

#include <fmt/format.h>

#include <thread>

#include "base/log.h"
#include "base/strings.h"
#include "host/exchange.h"

namespace trimaran::host {

namespace {

constexpr size_t kHeadersMax = 256;          // lines of one response; the frame of a head holds 1024
constexpr size_t kHeadBytesMax = 64 * 1024;  // of all names and values; no client accepts more

// The text of the page that is sent when the application has none of its own.
std::string_view plain_page(int status) {
  switch (status) {
    case 400:
      return "Bad request\n";
    case 404:
      return "Not found\n";
    case 405:
      return "Method not allowed\n";
    case 413:
      return "Too large\n";
    case 415:
      return "Unsupported media type\n";
    default:
      return status >= 500 ? "The application failed\n" : "The request cannot be answered\n";
  }
}

void log_failure(const Exchange& exchange, std::string_view what) {
  log_error(fmt::format("{} {}: {}", exchange.head().method, exchange.head().path, what));
}

void check_size(const Response& response) {
  size_t bytes = 0;
  for (const auto& [name, value] : response.headers()) bytes += name.size() + value.size();
  if (response.headers().size() > kHeadersMax || bytes > kHeadBytesMax) {
    throw std::length_error(fmt::format("a response has at most {} headers of {} bytes", kHeadersMax, kHeadBytesMax));
  }
}

// Runs `make`; whatever it throws becomes a status for the error page, and 500s are logged.
template <class Make>
std::optional<Response> guarded(const Exchange& exchange, int& status, Make make) {
  try {
    Response response = make();
    check_size(response);
    return response;
  } catch (const HttpError& error) {
    status = error.status() >= 400 && error.status() <= 599 ? error.status() : 500;
    if (status >= 500) log_failure(exchange, error.what());
  } catch (const ClientGone&) {
    throw;
  } catch (const std::exception& error) {
    status = 500;
    log_failure(exchange, error.what());
  } catch (...) {
    status = 500;
    log_failure(exchange, "the handler threw something that is no std::exception");
  }
  return std::nullopt;
}

Response error_page(Exchange& exchange, Request& request, const Application& application, int status) {
  if (application.error_page) {
    int failed = 0;
    auto page = guarded(exchange, failed, [&] { return application.error_page(request, status); });
    if (page && !page->wants_error_page()) return std::move(page->status(status));
  }
  return Response::text(std::string(plain_page(status)), status);
}

Response respond(Exchange& exchange, const Application& application) {
  Request request(exchange);
  auto match = application.router.find(exchange.head().method, exchange.head().path);
  int status = 404;
  switch (match.kind) {
    case Router::Match::Kind::found: {
      auto response = guarded(exchange, status, [&] { return match.handler->call(request, match.values); });
      if (response && !response->wants_error_page()) return std::move(*response);
      break;
    }
    case Router::Match::Kind::not_found:
      break;
    case Router::Match::Kind::bad_path:
      status = 400;
      break;
    case Router::Match::Kind::method_not_allowed:
      status = 405;
      break;
  }
  Response page = error_page(exchange, request, application, status);
  if (!match.allow.empty()) page.header("Allow", match.allow);  // RFC 9110 section 15.5.6
  return page;
}

// Remembers whether the client left, and keeps an application from sending more than it announced.
class BodyWriter final : public Writer {
 public:
  BodyWriter(worker::Request& request, int64_t announced) : request_(request), left_(announced) {}
  bool write(std::string_view bytes) override {
    if (left_ >= 0 && static_cast<int64_t>(bytes.size()) > left_) {
      throw std::length_error("the body is longer than its Content-Length");
    }
    if (left_ >= 0) left_ -= static_cast<int64_t>(bytes.size());
    if (!gone_ && !bytes.empty()) gone_ = !request_.send_body(bytes);
    return !gone_;
  }
  bool complete() const { return left_ <= 0; }
  bool gone() const { return gone_; }

 private:
  worker::Request& request_;
  int64_t left_;  // -1: not announced
  bool gone_ = false;
};

// RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: these have no body.
bool has_body(int status) { return status != 204 && status != 205 && status != 304; }

void send(worker::Request& request, Exchange& exchange, const Response& response) {
  worker::ResponseHeadView head;
  head.status = static_cast<uint16_t>(response.status());
  if (!response.stream()) head.content_length = static_cast<int64_t>(response.body().size());
  for (const auto& [name, value] : response.headers()) {
    if (!iequals(name, "content-length")) {
      head.headers.emplace_back(name, value);
    } else if (auto length = parse_u64(value); length && *length <= INT64_MAX && response.stream()) {
      head.content_length = static_cast<int64_t>(*length);
    }
  }
  if (!has_body(response.status())) head.content_length = 0;
  if (!worker::fits_frame(head)) throw std::length_error("the response has too many headers, or too long ones");
  request.send_head(head);
  if (exchange.head().method == "HEAD" || !has_body(response.status())) return request.finish();
  if (!response.stream()) return request.finish_for_good(response.body());
  BodyWriter writer(request, head.content_length);
  response.stream()(writer);
  if (writer.gone()) return request.fail("the client is gone");
  if (!writer.complete()) throw std::length_error("the body is shorter than its Content-Length");
  request.finish();
}

}  // namespace

void answer(worker::Request& request, const Application& application, Database& database) {
  Exchange exchange(request, application, database);
  try {
    Response response = respond(exchange, application);
    send(request, exchange, response);
  } catch (const ClientGone& gone) {
    request.fail(gone.what());
  } catch (const std::exception& error) {
    log_failure(exchange, error.what());
    request.fail(error.what());
  } catch (...) {
    log_failure(exchange, "the stream threw something that is no std::exception");
    request.fail("the application failed");
  }
}

void serve(worker::Worker& worker, const Application& application, int threads) {
  auto work = [&] {
    Database database(application.database_url);
    while (auto request = worker.next_request()) answer(*request, application, database);
  };
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(work);
  work();
}

}  // namespace trimaran::host
