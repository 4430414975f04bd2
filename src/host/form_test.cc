#include "host/form.h"

#include <gtest/gtest.h>

namespace trimaran::host {
namespace {

TEST(Form, FieldsAreFoundByNameAndDecoded) {
  std::string_view form = "title=Ahoy+there%21&body=%C3%A4&empty=&bare";
  EXPECT_EQ(find_form_field(form, "title"), "Ahoy there!");
  EXPECT_EQ(find_form_field(form, "body"), "ä");
  EXPECT_EQ(find_form_field(form, "empty"), "");
  EXPECT_EQ(find_form_field(form, "bare"), "");
  EXPECT_EQ(find_form_field(form, "missing"), std::nullopt);
}

TEST(Form, OfAFieldThatComesTwiceTheFirstCounts) { EXPECT_EQ(find_form_field("a=1&a=2", "a"), "1"); }

TEST(Form, NamesAreDecodedToo) {
  EXPECT_EQ(find_form_field("first+name=Ann", "first name"), "Ann");
  EXPECT_EQ(find_form_field("%61=1", "a"), "1");
}

TEST(Form, WhatIsNoEscapeStays) {
  EXPECT_EQ(find_form_field("a=100%", "a"), "100%");
  EXPECT_EQ(find_form_field("a=%4", "a"), "%4");
  EXPECT_EQ(find_form_field("a=%zz%41", "a"), "%zzA");
}

TEST(Form, OddSeparatorsAreNoFields) {
  EXPECT_EQ(find_form_field("&&a=1&&b=x=y&", "a"), "1");
  EXPECT_EQ(find_form_field("&&a=1&&b=x=y&", "b"), "x=y");
  EXPECT_EQ(find_form_field("", "a"), std::nullopt);
}

TEST(Cookie, IsFoundAmongOthers) {
  EXPECT_EQ(find_cookie("a=1; session=abc=; b=2", "session"), "abc=");
  EXPECT_EQ(find_cookie("a=1;b=2", "b"), "2");
  EXPECT_EQ(find_cookie("a=1; a=2", "a"), "1");
  EXPECT_EQ(find_cookie("lonely; a=1", "lonely"), std::nullopt);
  EXPECT_EQ(find_cookie("A=1", "a"), std::nullopt);  // names of cookies do not ignore case
}

TEST(MediaType, IgnoresCaseAndParameters) {
  EXPECT_TRUE(is_media_type("Application/X-WWW-Form-Urlencoded ; charset=utf-8", "application/x-www-form-urlencoded"));
  EXPECT_FALSE(is_media_type("application/x-www-form-urlencoded2", "application/x-www-form-urlencoded"));
  EXPECT_FALSE(is_media_type("", "text/html"));
}

}  // namespace
}  // namespace trimaran::host
