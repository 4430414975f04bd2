// Route patterns, checked while the application is compiled: "/users/{id:int}" must fit the handler's parameters, as a
// format string must fit its arguments. Nothing here is called by applications; app.h includes it.
//
// Rejected: checking at start (a mistake would be found on the server, not on the desk); macros or a code generator;
// patterns as template arguments, which read worse and give no better message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "trimaran/request.h"
#include "trimaran/response.h"

namespace trimaran::detail {

// What one parameter of a path gave: `number` for {name:int}, `text` (percent-decoded) for {name} and {name:path}.
struct PathValue {
  std::string text;
  int64_t number = 0;
};
using PathValues = std::vector<PathValue>;

// A handler without its type, as the host keeps it. Called from several threads at once.
class AnyHandler {
 public:
  virtual ~AnyHandler() = default;
  virtual Response call(Request& request, const PathValues& values) const = 0;
};

enum class ParameterKind : unsigned char { integer, text };

template <class T>
constexpr ParameterKind kind_of() {
  using Plain = std::remove_cvref_t<T>;
  constexpr bool integer = std::is_same_v<Plain, int64_t>;
  constexpr bool text = std::is_same_v<Plain, std::string> || std::is_same_v<Plain, std::string_view>;
  static_assert(integer || text,
                "a handler's parameters after Request& are int64_t (for {x:int}) or std::string, std::string_view "
                "(for {x} and {x:path})");
  static_assert(!std::is_lvalue_reference_v<T> || std::is_const_v<std::remove_reference_t<T>>,
                "a handler takes its path parameters by value or by const reference");
  return integer ? ParameterKind::integer : ParameterKind::text;
}

// The names of these functions are the compiler's error messages: a constant expression must not call them.
void a_pattern_must_start_with_a_slash();
void a_parameter_must_be_a_whole_segment_in_braces();
void a_parameter_must_be_name_or_name_int_or_name_path();
void a_path_parameter_must_be_the_last_segment();
void the_handler_has_too_few_parameters_for_the_pattern();
void the_handler_has_too_many_parameters_for_the_pattern();
void the_handler_parameter_has_not_the_type_of_the_pattern();

constexpr bool is_parameter_name(std::string_view name) {
  for (char c : name) {
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return !name.empty();
}

constexpr void check_pattern(std::string_view rest, const ParameterKind* kinds, size_t count) {
  if (rest.empty() || rest.front() != '/') a_pattern_must_start_with_a_slash();
  size_t used = 0;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (segment.find_first_of("{}") == std::string_view::npos) continue;
    if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') {
      a_parameter_must_be_a_whole_segment_in_braces();
    }
    segment = segment.substr(1, segment.size() - 2);
    size_t colon = segment.find(':');
    std::string_view type = colon == std::string_view::npos ? std::string_view() : segment.substr(colon);
    if (!is_parameter_name(segment.substr(0, colon)) || (!type.empty() && type != ":int" && type != ":path")) {
      a_parameter_must_be_name_or_name_int_or_name_path();
    }
    if (type == ":path" && !rest.empty()) a_path_parameter_must_be_the_last_segment();
    if (used == count) the_handler_has_too_few_parameters_for_the_pattern();
    if ((type == ":int") != (kinds[used] == ParameterKind::integer)) {
      the_handler_parameter_has_not_the_type_of_the_pattern();
    }
    ++used;
  }
  if (used != count) the_handler_has_too_many_parameters_for_the_pattern();
}

template <class... Parameters>
class Pattern {
 public:
  consteval Pattern(const char* text) : text_(text) {
    constexpr ParameterKind kinds[] = {kind_of<Parameters>()..., ParameterKind::text};
    check_pattern(text, kinds, sizeof...(Parameters));
  }
  constexpr std::string_view text() const { return text_; }

 private:
  const char* text_;
};

// The parameters of a handler: Response f(Request&, P...), as a function or as an object whose call operator is const.
template <class Handler>
struct Signature {
  static_assert(
      requires { &Handler::operator(); },
      "a handler is a function or a lambda whose parameter types are written out (no auto)");
  using Match = typename Signature<decltype(&Handler::operator())>::Match;
  template <class Of>
  using Caller = typename Signature<decltype(&Handler::operator())>::template Caller<Of>;
};

template <class Handler, class... P>
class TypedHandler final : public AnyHandler {
 public:
  explicit TypedHandler(Handler handler) : handler_(std::move(handler)) {}
  Response call(Request& request, const PathValues& values) const override {
    return call_with(request, values, std::index_sequence_for<P...>());
  }

 private:
  template <class T>
  static decltype(auto) value(const PathValue& value) {
    if constexpr (kind_of<T>() == ParameterKind::integer) {
      return (value.number);
    } else {
      return (value.text);
    }
  }
  template <size_t... I>
  Response call_with(Request& request, const PathValues& values, std::index_sequence<I...>) const {
    return handler_(request, value<P>(values[I])...);
  }
  Handler handler_;
};

template <class... P>
struct SignatureOf {
  using Match = Pattern<P...>;
  template <class Of>
  using Caller = TypedHandler<Of, P...>;
};

template <class R, class... P>
struct Signature<R (*)(Request&, P...)> : SignatureOf<P...> {};
template <class R, class... P>
struct Signature<R (*)(Request&, P...) noexcept> : SignatureOf<P...> {};
template <class C, class R, class... P>
struct Signature<R (C::*)(Request&, P...) const> : SignatureOf<P...> {};
template <class C, class R, class... P>
struct Signature<R (C::*)(Request&, P...) const noexcept> : SignatureOf<P...> {};
template <class C, class R, class... P>
struct Signature<R (C::*)(Request&, P...)> {
  static_assert(!sizeof(C), "a handler runs in several threads at once: it must not be mutable");
};

template <class Handler>
using PatternFor = typename Signature<std::decay_t<Handler>>::Match;

template <class Handler>
std::unique_ptr<AnyHandler> erase(Handler&& handler) {
  using Plain = std::decay_t<Handler>;
  return std::make_unique<typename Signature<Plain>::template Caller<Plain>>(std::forward<Handler>(handler));
}

}  // namespace trimaran::detail
