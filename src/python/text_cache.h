// Python objects for texts that come again and again: header names, methods, the server's address.
//
// Each text has one place, by its length and three of its bytes; another text with the same place takes it over. So a
// client that invents names displaces some that are known, and the cache never grows.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "python/ref.h"

namespace trimaran::python {

class TextCache {
 public:
  static constexpr size_t kEntries = 256;
  static constexpr size_t kTextBytesMax = 64;  // longer ones are made each time

  // The object that `make(text)` makes, or made before. Null: a Python error is set.
  template <class Make>
  Ref get(std::string_view text, Make make) {
    if (text.empty() || text.size() > kTextBytesMax) return make(text);
    Entry& entry = entries_[place(text)];
    if (entry.text == text) return Ref::borrow(entry.object.get());
    Ref made = make(text);
    if (made) entry = {std::string(text), Ref::borrow(made.get())};
    return made;
  }

 private:
  struct Entry {
    std::string text;
    Ref object;
  };
  static size_t place(std::string_view text) {
    auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(text[i])); };
    return (text.size() * 7 + byte(0) * 31 + byte(text.size() / 2) * 17 + byte(text.size() - 1)) % kEntries;
  }

  std::array<Entry, kEntries> entries_;
};

}  // namespace trimaran::python
