#include "worker/head_memory.h"

#include <gtest/gtest.h>

namespace trimaran::worker {
namespace {

TEST(HeadMemoryPool, GivesBackWhatItWasGivenEmptied) {
  HeadMemoryPool pool;
  HeadMemory memory;
  memory.response.assign(1000, 'x');
  memory.headers.resize(10);
  pool.give(std::move(memory));
  memory = pool.take();
  EXPECT_GE(memory.response.capacity(), 1000u);
  EXPECT_TRUE(memory.response.empty());
  EXPECT_GE(memory.headers.capacity(), 10u);
  EXPECT_TRUE(memory.headers.empty());
  EXPECT_EQ(pool.take().headers.capacity(), 0u);
}

TEST(HeadMemoryPool, DoesNotKeepALargeHead) {
  HeadMemoryPool pool;
  HeadMemory memory;
  memory.request.assign(HeadMemoryPool::kKeptBytesMax + 1, 'x');
  memory.headers.resize(10);
  pool.give(std::move(memory));
  EXPECT_EQ(pool.take().headers.capacity(), 0u);
}

}  // namespace
}  // namespace trimaran::worker
