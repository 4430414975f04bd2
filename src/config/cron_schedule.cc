#include "config/cron_schedule.h"

#include <array>
#include <cstdint>
#include <vector>

#include "base/strings.h"

namespace trimaran {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Shorthand {
  std::string_view word, fields;
};
constexpr Shorthand kShorthands[] = {{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
                                     {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
                                     {"@hourly", "0 * * * *"}};

struct Field {
  std::string_view name;
  int min, max;
};
constexpr std::array<Field, 5> kFields = {
    {{"minute", 0, 59}, {"hour", 0, 23}, {"day of the month", 1, 31}, {"month", 1, 12}, {"day of the week", 0, 7}}};

std::optional<int> number_in(std::string_view text, const Field& field) {
  if (field.name == "month") {
    for (size_t i = 0; i < kMonths.size(); ++i) {
      if (iequals(text, kMonths[i])) return static_cast<int>(i) + 1;
    }
  }
  if (field.name == "day of the week") {
    for (size_t i = 0; i < kWeekdays.size(); ++i) {
      if (iequals(text, kWeekdays[i])) return static_cast<int>(i);
    }
  }
  std::optional<uint64_t> value = parse_u64(text);
  if (!value || *value < static_cast<uint64_t>(field.min) || *value > static_cast<uint64_t>(field.max)) return {};
  return static_cast<int>(*value);
}

// One item of a list: "*", "5", "1-5", and each with "/2".
template <class Bits>
bool add_item(std::string_view item, const Field& field, Bits& bits) {
  uint64_t step = 1;
  if (size_t slash = item.find('/'); slash != std::string_view::npos) {
    std::optional<uint64_t> given = parse_u64(item.substr(slash + 1));
    if (!given || *given == 0 || *given > static_cast<uint64_t>(field.max)) return false;
    step = *given;
    item = item.substr(0, slash);
    if (item != "*" && item.find('-') == std::string_view::npos) return false;  // "5/2": nobody agrees what it means
  }
  int first = field.min, last = field.max;
  if (item != "*") {
    size_t dash = item.find('-');
    std::optional<int> from = number_in(item.substr(0, dash), field);
    std::optional<int> to = dash == std::string_view::npos ? from : number_in(item.substr(dash + 1), field);
    if (!from || !to || *from > *to) return false;
    first = *from;
    last = *to;
  }
  for (int value = first; value <= last; value += static_cast<int>(step)) {
    bits.set(static_cast<size_t>(field.name == "day of the week" ? value % 7 : value));  // 7 is Sunday too
  }
  return true;
}

template <class Bits>
bool read_field(std::string_view text, const Field& field, Bits& bits, std::string& why) {
  for (std::string_view item : split(text, ',')) {
    if (add_item(item, field, bits)) continue;
    why = "\"" + std::string(text) + "\" is no " + std::string(field.name) + " (" + std::to_string(field.min) + " to " +
          std::to_string(field.max) + ")";
    return false;
  }
  return true;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while ((at = text.find_first_not_of(" \t", at)) != std::string_view::npos) {
    size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace

std::optional<CronSchedule> parse_cron_schedule(std::string_view text, std::string& why) {
  for (const Shorthand& shorthand : kShorthands) {
    if (text == shorthand.word) text = shorthand.fields;
  }
  std::vector<std::string_view> words = words_of(text);
  if (words.size() != kFields.size()) {
    why = "\"" + std::string(text) + "\" has " + std::to_string(words.size()) + " of five fields";
    return {};
  }
  CronSchedule out;
  bool good = read_field(words[0], kFields[0], out.minutes_, why) &&
              read_field(words[1], kFields[1], out.hours_, why) && read_field(words[2], kFields[2], out.days_, why) &&
              read_field(words[3], kFields[3], out.months_, why) &&
              read_field(words[4], kFields[4], out.weekdays_, why);
  if (!good) return {};
  out.any_day_ = words[2].starts_with('*');
  out.any_weekday_ = words[4].starts_with('*');
  return out;
}

// When both days are restricted, either may match (crontab(5)).
bool CronSchedule::day_matches(const std::tm& local) const {
  bool day = days_[static_cast<size_t>(local.tm_mday)], weekday = weekdays_[static_cast<size_t>(local.tm_wday)];
  return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

bool CronSchedule::matches(const std::tm& local) const {
  return minutes_[static_cast<size_t>(local.tm_min)] && hours_[static_cast<size_t>(local.tm_hour)] &&
         months_[static_cast<size_t>(local.tm_mon + 1)] && day_matches(local);
}

std::optional<std::time_t> CronSchedule::next_after(std::time_t time) const {
  std::time_t end = time + std::time_t{kYearsMax} * 366 * 86'400;
  for (time = time - time % 60 + 60; time < end;) {
    std::tm local{};
    localtime_r(&time, &local);
    if (matches(local)) return time;
    if (months_[static_cast<size_t>(local.tm_mon + 1)] && day_matches(local)) {
      time += hours_[static_cast<size_t>(local.tm_hour)] ? 60 : 60 * (60 - local.tm_min);
      continue;
    }
    // The next local midnight, which mktime() finds whatever the clocks do.
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    ++local.tm_mday;
    local.tm_isdst = -1;
    std::time_t midnight = std::mktime(&local);
    time = midnight > time ? midnight : time + 3600;
  }
  return {};
}

}  // namespace trimaran
