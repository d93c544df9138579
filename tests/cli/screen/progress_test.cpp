#include "screen/progress.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "screen/console.h"

namespace txt2img::cli {
namespace {

// What a log has of the first picture of a model of that size, before it is finished.
std::string log_of(std::uint64_t bytes) {
  testing::internal::CaptureStderr();
  Console console(Verbosity::kNormal, Colour::kNever);
  const auto progress = make_progress(ProgressStyle::kPlain, Skipped::kOneByOne, console);
  const BatchStart batch{.total = 2, .prompt = "a cat"};
  progress->start_loading("large", bytes);
  progress->start(batch);
  for (int done = 0; done <= 3; ++done) progress->step(batch, done, 3);
  return testing::internal::GetCapturedStderr();
}

TEST(Progress, TellsInALogThatALargeModelIsLoadedAndItsFirstStepDone) {
  EXPECT_EQ(log_of(std::uint64_t{4} << 30),
            "txt2img: loading large, 4096 MiB\n1/2 a cat: step 0 of 3\n1/2 a cat: step 1 of 3\n");
}

TEST(Progress, IsABarOnATerminalAndLinesInALog) {
  EXPECT_EQ(choose_style(std::nullopt, Verbosity::kNormal, /*is_terminal=*/true), ProgressStyle::kBar);
  EXPECT_EQ(choose_style(ProgressStyle::kAuto, Verbosity::kVerbose, /*is_terminal=*/false), ProgressStyle::kPlain);
}

TEST(Progress, IsNotShownInAQuietRunUnlessAStyleIsAskedFor) {
  EXPECT_EQ(choose_style(ProgressStyle::kAuto, Verbosity::kQuiet, /*is_terminal=*/true), ProgressStyle::kNone);
  EXPECT_EQ(choose_style(ProgressStyle::kJson, Verbosity::kQuiet, /*is_terminal=*/true), ProgressStyle::kJson);
}

TEST(Progress, SaysNothingInALogOfAModelThatDrawsAtOnce) { EXPECT_EQ(log_of(std::uint64_t{30} << 20), ""); }

}  // namespace
}  // namespace txt2img::cli
