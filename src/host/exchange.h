// One request under way: what trimaran::Request shows of it to the application.
#pragma once

#include <optional>
#include <string>

#include "host/application.h"
#include "host/form.h"
#include "worker/worker.h"

namespace trimaran::host {

class Exchange {
 public:
  Exchange(worker::Request& request, const Application& application, Database& database)
      : request_(request), application_(application), database_(database) {}

  const worker::RequestHeadView& head() const { return request_.head(); }
  Database& database() { return database_; }

  const std::string& path();
  const std::string& form();  // the body, once it is known to be a form
  const std::string& body();
  size_t read(std::span<char> out);

 private:
  worker::Request& request_;
  const Application& application_;
  Database& database_;
  std::optional<std::string> path_, body_;
};

// All lines of that name joined with `separator`.
std::optional<std::string> find_header(const worker::RequestHeadView& head, std::string_view name,
                                       std::string_view separator);

}  // namespace trimaran::host
