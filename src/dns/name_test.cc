#include "dns/name.h"

#include <gtest/gtest.h>

namespace trimaran::dns {
namespace {

std::string round_trip(std::string_view text) {
  auto name = Name::from_text(text);
  return name ? name->to_text() : "error: " + std::string(name.error());
}

TEST(Name, KeepsItsPresentationForm) {
  EXPECT_EQ(round_trip("www.Foobar.com."), "www.Foobar.com.");
  EXPECT_EQ(round_trip("."), ".");
  EXPECT_EQ(round_trip("com"), "com.");
  EXPECT_EQ(round_trip("a\\.b.com."), "a\\.b.com.");
  EXPECT_EQ(round_trip("\\000\\255.com."), "\\000\\255.com.");
  EXPECT_EQ(round_trip("a\\ b.com."), "a\\032b.com.");
  EXPECT_EQ(round_trip("\\097.com."), "a.com.");
  EXPECT_EQ(round_trip("\\@\\;\\(.com."), "\\@\\;\\(.com.");
}

TEST(Name, RefusesWhatCannotBeAName) {
  EXPECT_EQ(round_trip(""), "error: a name must not be empty");
  for (auto text : {"..", ".com", "a..b"}) EXPECT_EQ(round_trip(text), "error: a name must not have an empty label");
  for (auto text : {"\\", "\\25", "\\256.", "\\2x5"}) {
    EXPECT_EQ(round_trip(text), "error: broken escape; use \\DDD (000-255) or \\X") << text;
  }
}

TEST(Name, HasTheLimitsOfRfc1035) {
  std::string label(63, 'a');
  EXPECT_EQ(round_trip(label + "."), label + ".");
  EXPECT_EQ(round_trip(label + "a"), "error: label is longer than 63 bytes");
  // 3 * 64 + 62 bytes and the root make exactly 255.
  std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b') + ".";
  ASSERT_TRUE(Name::from_text(longest).has_value());
  EXPECT_EQ(Name::from_text(longest)->wire().size(), 255u);
  EXPECT_EQ(round_trip(longest), longest);
  std::string too_long = label + "." + label + "." + label + "." + std::string(62, 'b') + ".";
  EXPECT_EQ(round_trip(too_long), "error: name is longer than 255 bytes");
  Name origin = *Name::from_text("com.");
  EXPECT_FALSE(Name::from_text(longest.substr(0, longest.size() - 1), origin).has_value());
  std::string many;
  for (int i = 0; i < 127; ++i) many += "a.";
  EXPECT_EQ(round_trip(many), many);
  EXPECT_EQ(round_trip(many + "a"), "error: name is longer than 255 bytes");
}

TEST(Name, IsCompletedWithItsOrigin) {
  Name origin = *Name::from_text("foobar.com.");
  EXPECT_EQ(Name::from_text("www", origin)->to_text(), "www.foobar.com.");
  EXPECT_EQ(Name::from_text("www.", origin)->to_text(), "www.");
}

TEST(Name, ComparesWithoutCase) {
  Name a = *Name::from_text("WWW.Foobar.com"), b = *Name::from_text("www.foobar.COM");
  EXPECT_TRUE(same_name(a.wire(), b.wire()));
  EXPECT_NE(a, b);
  EXPECT_EQ(Name(a).lowered(), Name(b).lowered());
  EXPECT_TRUE(is_at_or_below(a.wire(), Name::from_text("FOOBAR.com")->wire()));
  EXPECT_TRUE(is_at_or_below(a.wire(), Name().wire()));
  EXPECT_FALSE(is_at_or_below(a.wire(), Name::from_text("bar.com")->wire()));
  EXPECT_FALSE(is_at_or_below(Name().wire(), a.wire()));
}

std::string header() { return std::string(12, '\0'); }

std::string read(std::string_view message, size_t offset, size_t* end = nullptr) {
  std::array<char, kMaxNameBytes> out;
  auto name = read_name(message, offset, out.data());
  if (!name) return "broken";
  if (end != nullptr) *end = name->end;
  return name_to_text({out.data(), name->size});
}

TEST(NameInMessage, FollowsPointersBackwards) {
  std::string message = header() + std::string("\3com\0\3www\xC0\x0C", 11);
  size_t end = 0;
  EXPECT_EQ(read(message, 12, &end), "com.");
  EXPECT_EQ(end, 17u);
  EXPECT_EQ(read(message, 17, &end), "www.com.");
  EXPECT_EQ(end, 23u);
}

TEST(NameInMessage, RefusesLoopsAndForwardPointers) {
  EXPECT_EQ(read(header() + std::string("\xC0\x0C", 2), 12), "broken");             // itself
  EXPECT_EQ(read(header() + std::string("\xC0\x0E\3com\0", 7), 12), "broken");      // forwards
  EXPECT_EQ(read(header() + std::string("\1a\xC0\x0C", 4), 12), "broken");          // its own label again
  EXPECT_EQ(read(header() + std::string("\xC0\x00", 2), 12), "broken");             // into the header
  EXPECT_EQ(read(header() + std::string("\1a\xC0\x0E\xC0\x0E", 6), 14), "broken");  // two that chase each other
}

TEST(NameInMessage, RefusesWhatEndsTooEarlyOrIsNoLabel) {
  for (std::string_view bytes :
       {std::string_view(""), std::string_view("\3co"), std::string_view("\3com"), std::string_view("\xC0"),
        std::string_view("\x40"
                         "a\0",
                         3),
        std::string_view("\x80\0", 2)}) {
    EXPECT_EQ(read(header() + std::string(bytes), 12), "broken");
  }
}

TEST(NameInMessage, FollowsAtMostThirtyTwoPointers) {
  std::string message = header() + std::string(1, '\0');
  for (size_t i = 0; i < kMaxPointerHops + 1; ++i) {
    size_t target = i == 0 ? 12 : message.size() - 2;
    message += {static_cast<char>(0xC0), static_cast<char>(target)};
  }
  EXPECT_EQ(read(message, message.size() - 4), ".");
  EXPECT_EQ(read(message, message.size() - 2), "broken");
}

TEST(NameInMessage, IsAtMost255BytesHoweverItIsPutTogether) {
  std::string label = "\x3f" + std::string(63, 'a');
  std::string message = header() + label + label + label + '\0';  // 193 bytes
  message += "\x3d" + std::string(61, 'b') + std::string("\xC0\x0C", 2);
  EXPECT_NE(read(message, 12 + 193), "broken");  // 255
  std::string longer = header() + label + label + label + '\0';
  longer += "\x3e" + std::string(62, 'b') + std::string("\xC0\x0C", 2);
  EXPECT_EQ(read(longer, 12 + 193), "broken");  // 256
}

}  // namespace
}  // namespace trimaran::dns
