#include "host/statement_cache.h"

#include <gtest/gtest.h>

namespace trimaran::host {
namespace {

TEST(StatementCache, PreparesOnceAndKeepsTheLastUsed) {
  StatementCache<std::string> cache;
  int prepared = 0;
  auto get = [&](const std::string& sql) { return cache.get(sql, [&] { return ++prepared, "[" + sql + "]"; }); };
  EXPECT_EQ(get("first"), "[first]");
  EXPECT_EQ(get("first"), "[first]");
  EXPECT_EQ(prepared, 1);
  for (size_t i = 1; i < Database::kStatementsMax; ++i) get(std::to_string(i));
  EXPECT_EQ(cache.size(), Database::kStatementsMax);
  get("first");  // used again: the oldest is "1" now
  get("one too many");
  EXPECT_EQ(cache.size(), Database::kStatementsMax);
  int before = prepared;
  get("first");
  EXPECT_EQ(prepared, before);
  get("1");
  EXPECT_EQ(prepared, before + 1);
}

TEST(StatementCache, WhatCannotBePreparedIsNotKept) {
  StatementCache<std::string> cache;
  EXPECT_THROW(cache.get("bad", []() -> std::string { throw DatabaseError("no"); }), DatabaseError);
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace trimaran::host
