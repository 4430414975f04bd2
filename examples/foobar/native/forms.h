// The forms of the site: what was typed, what is wrong with it, and what is stored. PAGES.md holds the rules.
#pragma once

#include <trimaran/app.h>

#include <cstdint>
#include <string>
#include <vector>

namespace foobar {

enum class Rule { none, price, email };

struct Field {
  std::string name, label;
  size_t length_max = 200;  // in Unicode code points
  Rule rule = Rule::none;
};

struct Entry {
  std::vector<std::string> values;  // one for each field, as the form shows them again
  std::vector<std::string> errors;  // in the order of the fields; empty: it may be stored
};

Entry read_entry(trimaran::Request& request, const std::vector<Field>& fields);

// "12.5" as 1250. Only for what the price rule has let through.
int64_t cents_of(const std::string& price);

}  // namespace foobar
