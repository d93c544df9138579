#include "run/reporter.h"

#include <gtest/gtest.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "fixtures/toy_plan.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;

// What a reporter of two prompts says on the two streams.
class ReporterTest : public testing::Test {
 protected:
  ReporterTest() {
    options_.voice.format = ResultFormat::kJson;
    options_.voice.progress = ProgressStyle::kJson;
    options_.source.files = {"prompts.txt"};
    options_.drawing.on_failure = OnFailure::kGoOn;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
  }

  template <typename Work>
  ExitCode run(Work work) {
    Reporter reporter(options_, console_, plan_);
    reporter.set_range(0, plan_.jobs.size(), plan_.jobs.size());
    work(reporter);
    const ExitCode code = reporter.end();
    output_ = testing::internal::GetCapturedStdout();
    errors_ = testing::internal::GetCapturedStderr();
    return code;
  }

  [[nodiscard]] json last_event() const {
    return json::parse(errors_.substr(errors_.rfind('\n', errors_.size() - 2) + 1));
  }

  RunOptions options_;
  Console console_{Verbosity::kNormal, Colour::kNever};
  Plan plan_ = toy_plan({"a cat", "a dog"});
  std::string output_;
  std::string errors_;
};

TEST_F(ReporterTest, CountsWhatBecameOfThePictures) {
  const ExitCode code = run([this](Reporter& reporter) {
    reporter.tell({.job = plan_.jobs.data(), .path = "cat.png"});
    reporter.tell({.job = &plan_.jobs[1], .failure = Error(ExitCode::kInternal, "NaN in the latent")});
  });
  EXPECT_EQ(code, ExitCode::kSomeFailed);
  EXPECT_EQ(last_event()["done"], 1);
  EXPECT_EQ(last_event()["failed"], 1);
  EXPECT_NE(output_.find("NaN in the latent"), std::string::npos);
}

TEST_F(ReporterTest, CallsAPictureThatIsThereSkipped) {
  EXPECT_EQ(run([this](Reporter& reporter) { reporter.tell({.job = plan_.jobs.data()}); }), ExitCode::kDone);
  EXPECT_EQ(last_event()["skipped"], 1);
  EXPECT_EQ(json::parse(output_)["status"], "skipped");
}

TEST_F(ReporterTest, GivesTheTimeOfLoadingToTheFirstPictureOnly) {
  run([this](Reporter& reporter) {
    reporter.end_loading(3.5);
    for (const Job& job : plan_.jobs) reporter.tell({.job = &job, .path = "x.png"});
  });
  const std::size_t second = output_.find('\n') + 1;
  EXPECT_EQ(json::parse(output_.substr(0, second))["seconds"]["load"], 3.5);
  EXPECT_EQ(json::parse(output_.substr(second))["seconds"]["load"], 0);
}

TEST_F(ReporterTest, NumbersPicturesByTheirPlaceInTheRun) {
  run([this](Reporter& reporter) {
    reporter.set_range(10, 20, 20);
    const std::vector<const Job*> batch = all_jobs(plan_);
    const BatchStart start = reporter.start(0, batch);
    EXPECT_EQ(start.first, 11U);
    EXPECT_EQ(start.last, 12U);
    EXPECT_EQ(start.prompt, "a cat");
  });
}

TEST_F(ReporterTest, SaysWhatIsKeptWhenARunEndsEarly) {
  run([this](Reporter& reporter) {
    reporter.tell({.job = plan_.jobs.data(), .path = "cat.png"});
    reporter.remark_kept();
  });
  EXPECT_NE(errors_.find("1 of 2 pictures was written and is kept"), std::string::npos);
}

}  // namespace
}  // namespace txt2img::cli
