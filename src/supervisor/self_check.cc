#include "supervisor/self_check.h"

#include <poll.h>

#include <cstdlib>

#include "role/role.h"

namespace trimaran {
namespace {

// What the child says to this message is its answer.
constexpr const char* kQuestion = "state";
constexpr int kQuestionMs = 10'000;
constexpr Millis kEndMs = 5'000;  // from the answer to the end of the child

Status wait_readable(const MessageSocket& link) {
  pollfd wait{link.fd(), POLLIN, 0};
  return ::poll(&wait, 1, kQuestionMs) == 1 ? Status() : make_error("nobody asks: check-upgrade is no verb for people");
}

Status answer_question(const MessageSocket& link) {
  if (Status asked = wait_readable(link); !asked) return asked;
  auto question = link.receive();
  if (!question) return std::unexpected(question.error());
  if (!*question || (*question)->verb != kQuestion || (*question)->fds.empty()) return make_error("not a question");
  auto heritage = read_heritage((*question)->fds[0]);
  return heritage ? Status() : std::unexpected(heritage.error());
}

}  // namespace

Result<Heritage> read_heritage(const Fd& memfd) {
  auto bytes = read_memfd(memfd);
  if (!bytes) return std::unexpected(std::move(bytes.error()).with_context("cannot read the state"));
  auto state = State::decode(*bytes);
  if (!state) return std::unexpected(state.error());
  auto record = state->one("supervisor");
  if (!record) return std::unexpected(record.error());
  auto sources = SourceBundle::decode((*record)->text("sources"));
  if (!sources) return std::unexpected(sources.error());
  sources->default_user = (*record)->text("default_user");
  ParsedConfig parsed = parse_config(*sources);
  if (!parsed.diagnostics.empty()) {
    return make_error("it does not accept the configuration in force:\n" +
                      format_diagnostics(parsed.diagnostics, *sources));
  }
  return Heritage{std::move(*state), std::move(*sources), std::move(parsed.config)};
}

SelfCheck::SelfCheck(const Runtime& runtime, std::string binary, Fd state, std::function<void(const Status&)> done)
    : runtime_(runtime),
      binary_(std::move(binary)),
      state_(std::move(state)),
      done_(std::move(done)),
      service_(runtime.loop, runtime.log, *this,
               {.name = "check-upgrade", .kind = "check", .start_ms = kAnswerMs, .drain_ms = kEndMs}) {
  service_.start();
}

Result<SpawnOptions> SelfCheck::prepare(Service&) {
  SpawnOptions options;
  options.argv = {binary_, "check-upgrade"};
  for (const char* key : {"PATH", "LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(key)) options.environment.push_back(std::string(key) + "=" + value);
  }
  options.directory = "/";
  return options;
}

void SelfCheck::on_started(Service&) {
  Message question{kQuestion, {}, {}};
  question.fds.push_back(std::move(state_));
  service_.send(question);
}

void SelfCheck::on_change(Service&) {
  if (service_.serving()) {
    service_.drain();
  } else if (service_.state() == ServiceState::back_off) {
    outcome_ = make_error(service_.machine().reason());
    service_.drain();  // no second try
  } else if (service_.gone() && done_) {
    runtime_.loop.defer([done = std::exchange(done_, nullptr), outcome = outcome_] { done(outcome); });
  }
}

int check_upgrade_main() {
  MessageSocket link = inherited_link();
  Status outcome = answer_question(link);
  if (!outcome) {
    (void)link.send({"failed", {{"reason", field_text(outcome.error().message)}}, {}});
    return 1;
  }
  (void)link.send({"ready", {}, {}});
  (void)wait_readable(link);  // until we have been heard
  return 0;
}

}  // namespace trimaran
