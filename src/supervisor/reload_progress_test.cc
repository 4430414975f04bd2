#include "supervisor/reload_progress.h"

#include <gtest/gtest.h>

namespace trimaran {
namespace {

TEST(ReloadProgress, SaysThatNothingWasRestartedOnlyWhereSomethingCouldHaveBeen) {
  ReloadProgress progress;
  progress.begin(2, false);
  EXPECT_TRUE(progress.done());
  EXPECT_EQ(progress.outcome().text, "configuration 2 is in force");
  progress.begin(3, true);
  EXPECT_EQ(progress.outcome().exit_code, 0);
  EXPECT_EQ(progress.outcome().text,
            "configuration 3 is in force; no worker was restarted (no setting that needs it has changed)");
}

TEST(ReloadProgress, IsDoneWhenEachApplicationServesOrHasFailed) {
  ReloadProgress progress;
  progress.begin(2, true);
  progress.restarts("a.com");
  progress.restarts("b.com");
  progress.serves("a.com");
  EXPECT_FALSE(progress.done());
  EXPECT_EQ(progress.outcome().text, "the new workers of b.com do not serve yet");
  progress.serves("b.com");
  EXPECT_TRUE(progress.done());
  EXPECT_EQ(progress.outcome().text, "configuration 2 is in force; the new workers of a.com, b.com serve");
}

TEST(ReloadProgress, DoesNotCallInForceWhatIsNotServed) {
  ReloadProgress progress;
  progress.begin(2, false);
  progress.unapplied();
  EXPECT_EQ(progress.outcome().exit_code, 1);
  EXPECT_EQ(progress.outcome().text, "front or name server do not answer; the old configuration may still be served");
}

TEST(ReloadProgress, OneFailureIsTheOutcome) {
  ReloadProgress progress;
  progress.begin(2, true);
  for (const char* domain : {"a.com", "b.com", "c.com"}) progress.restarts(domain);
  progress.serves("a.com");
  progress.failed("b.com", "cannot import wsgi", true);
  progress.failed("b.com", "once more", true);  // it is over for b.com
  progress.failed("c.com", "no database", false);
  EXPECT_TRUE(progress.done());
  EXPECT_EQ(progress.outcome().exit_code, 1);
  EXPECT_TRUE(progress.outcome().in_force);
  EXPECT_EQ(progress.outcome().text,
            "the new workers of b.com failed (cannot import wsgi); the old ones still serve\n"
            "the new workers of c.com failed (no database); they are tried again");
}

TEST(ReloadProgress, ANewerReloadStartsAfresh) {
  ReloadProgress progress;
  progress.begin(2, true);
  progress.restarts("a.com");
  progress.failed("a.com", "broken", true);
  progress.begin(3, true);
  progress.restarts("a.com");
  progress.forget("a.com");
  EXPECT_EQ(progress.outcome().exit_code, 0);
}

}  // namespace
}  // namespace trimaran
