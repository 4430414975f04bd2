// What the control socket can be asked, without the socket: method and path in, status and JSON out.
//   GET /status    the report
//   POST /reload   answered when the new workers serve or have failed. 200 done; 409 refused, nothing changed; 422 the
//                  configuration is wrong (the diagnostics are in "message"); 503 it is in force, but the new workers
//                  of an application do not serve
//   POST /upgrade[?binary=/percent/encoded/path]
//                  answered by the new program when its front and name server serve: 200; 400 a path that is none; 409
//                  nothing came of it, or something of the old still serves ("message" says what)
//   POST /stop     202; the daemon ends when everything it runs has ended
//   POST /pause, /pause/SITE, /resume, /resume/SITE
//                  200; 409 there is no such application
//   POST /database/restart
//                  answered when the server serves again: 200; 409 it was not begun; 503 it does not serve
//   and what is about releases: deploy_api.h
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "supervisor/report.h"
#include "supervisor/supervisor.h"

namespace trimaran {

struct ControlAnswer {
  int status = 200;
  std::string json;
};

// The supervisor as the API sees it; a test gives functions of its own.
struct ControlActions {
  std::function<Report()> report;
  std::function<ReloadOutcome()> reload;
  std::function<void()> stop;
  std::function<ReloadOutcome(const std::string& site, bool paused)> pause;
};

class ControlApi {
 public:
  explicit ControlApi(ControlActions actions) : actions_(std::move(actions)) {}
  // 404 or 405, or nothing: the path is one of ours and takes this method.
  static std::optional<ControlAnswer> refuse(http::Method method, std::string_view path);
  // All but /database/restart, which only has an answer later.
  // Of a reload: whether it is in force. The caller waits for its outcome before it answers 200.
  ControlAnswer handle(http::Method method, std::string_view path);

 private:
  ControlActions actions_;
};

ControlAnswer outcome_answer(const ReloadOutcome& outcome);
// The path in the query of an upgrade: absolute, or "" for the program that runs already.
Result<std::string> upgrade_binary(std::string_view query);
// The request's target for it.
std::string upgrade_target(std::string_view binary);

// {"message": TEXT}
std::string message_json(std::string_view text);
// The "message" of such an answer; the whole text when it is none.
std::string json_message(std::string_view json);

}  // namespace trimaran
