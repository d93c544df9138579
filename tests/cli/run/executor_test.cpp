#include "run/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fixtures/expect_error.h"
#include "fixtures/toy_plan.h"

namespace txt2img::cli {
namespace {

constexpr std::chrono::minutes kForever{1};  // that only a test waits which is about to fail

// An engine whose pictures are black squares of a pixel, if `work` does not throw.
class FakeEngine final : public Engine {
 public:
  using Work = std::function<void(std::span<const PictureInput>, const Observer&)>;
  explicit FakeEngine(Work work) : work_(std::move(work)) {}

  void draw(std::span<const PictureInput> pictures, const Observer& observer) override {
    work_(pictures, observer);
    for (std::size_t i = 0; i < pictures.size(); ++i) observer.on_picture(i, picture());
  }
  [[nodiscard]] EngineFacts facts() const override { return {.device = {.name = "cpu", .description = {}}}; }

  static Picture picture() { return {.image = {.width = 1, .height = 1, .rgb = {0, 0, 0}}}; }

 private:
  Work work_;
};

void do_nothing(std::span<const PictureInput> /*pictures*/, const Observer& /*observer*/) {}

// Prompts that are drawn, and where they end: written, or told of.
class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() { options_.voice.progress = ProgressStyle::kNone; }

  void draw(std::vector<FakeEngine::Work> engines, PictureWriter::Write write) {
    std::vector<std::unique_ptr<Engine>> opened;
    for (FakeEngine::Work& work : engines) opened.push_back(std::make_unique<FakeEngine>(std::move(work)));
    Reporter reporter(options_, console_, plan_);
    reporter.set_range(0, plan_.jobs.size(), plan_.jobs.size());
    Executor executor(options_, console_, plan_, reporter, std::move(opened), std::move(write));
    executor.draw(all_jobs(plan_));
  }

  // What is written, in its order.
  PictureWriter::Write collect() {
    return [this](const DrawnPicture& drawn) {
      const bool is_retried = !drawn.picture.retries.empty();
      written_ += plan_.items[drawn.job->item].prompt + (is_retried ? "! " : " ");
      return std::filesystem::path();
    };
  }

  RunOptions options_;
  Console console_{Verbosity::kQuiet, Colour::kNever};
  Plan plan_ = toy_plan({"a", "b", "c", "d"});
  std::string written_;
};

TEST_F(ExecutorTest, WritesPicturesInTheirOrder) {
  draw({do_nothing}, collect());
  EXPECT_EQ(written_, "a b c d ");
}

TEST_F(ExecutorTest, TriesHalvesOfABatchThatRunsOutOfMemory) {
  options_.drawing.batch_size = 4;
  std::vector<std::size_t> sizes;
  const auto two_at_most = [&sizes](std::span<const PictureInput> pictures, const Observer&) {
    sizes.push_back(pictures.size());
    if (pictures.size() > 2) throw Error(ExitCode::kUnavailable, "out of memory");
  };
  draw({two_at_most}, collect());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 2, 2}));
  EXPECT_EQ(written_, "a! b! c! d! ");
}

TEST_F(ExecutorTest, GoesOnAfterAPictureThatFailsWhereItIsToldTo) {
  options_.drawing.on_failure = OnFailure::kGoOn;
  testing::internal::CaptureStderr();
  const auto not_b = [](std::span<const PictureInput> pictures, const Observer&) {
    if (pictures[0].settings.prompt == "b") throw Error(ExitCode::kInternal, "NaN");
  };
  draw({not_b}, collect());
  EXPECT_EQ(written_, "a c d ");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "txt2img: error: -: NaN\n");
}

TEST_F(ExecutorTest, EndsWithAPictureThatFailsElse) {
  const auto not_b = [](std::span<const PictureInput> pictures, const Observer&) {
    if (pictures[0].settings.prompt == "b") throw Error(ExitCode::kInternal, "NaN");
  };
  expect_error(ExitCode::kInternal, [&] { draw({not_b}, collect()); });
  EXPECT_EQ(written_, "a ");
}

TEST_F(ExecutorTest, EndsWithAFileThatCannotBeWritten) {
  options_.drawing.on_failure = OnFailure::kGoOn;
  const auto full = [](const DrawnPicture&) -> std::optional<std::filesystem::path> {
    throw Error(ExitCode::kIo, "no space left on device");
  };
  expect_error(ExitCode::kIo, [&] { draw({do_nothing}, full); });
}

// One device has more pictures ready than the writer takes, whose disk does not answer. The other one still steps, and
// still asks whether it is cancelled.
TEST_F(ExecutorTest, LetsADeviceStepWhileTheDiskHoldsUpAnother) {
  plan_ = toy_plan(std::vector<std::string>(16, "a"));
  options_.drawing.batch_size = 8;
  std::promise<void> is_full;
  std::promise<void> has_stepped;
  const std::shared_future<void> disk = has_stepped.get_future().share();
  std::atomic<int> drawn = 0;
  const auto quick = [&](std::span<const PictureInput> pictures, const Observer& observer) {
    for (std::size_t i = 0; i < pictures.size() - 1; ++i) {
      if (++drawn == 6) is_full.set_value();  // one is being written, four wait: this one finds no room
      observer.on_picture(i, FakeEngine::picture());
    }
  };
  const auto slow = [&](std::span<const PictureInput> /*pictures*/, const Observer& observer) {
    ASSERT_EQ(is_full.get_future().wait_for(kForever), std::future_status::ready);
    for (int step = 0; step < 1000; ++step) {
      observer.on_step(step, 1000);
      EXPECT_FALSE(observer.is_cancelled());
      std::this_thread::yield();
    }
    has_stepped.set_value();
  };
  bool has_waited_in_vain = false;
  const auto write = [&](const DrawnPicture& /*drawn*/) {
    has_waited_in_vain = has_waited_in_vain || disk.wait_for(kForever) != std::future_status::ready;
    return std::filesystem::path();
  };
  std::atomic<int> device = 0;
  const auto either = [&](std::span<const PictureInput> pictures, const Observer& observer) {
    ++device == 1 ? quick(pictures, observer) : slow(pictures, observer);
  };
  draw({either, either}, write);
  EXPECT_FALSE(has_waited_in_vain);
}

}  // namespace
}  // namespace txt2img::cli
