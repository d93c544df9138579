#include "run/batch_queue.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "fixtures/toy_plan.h"

namespace txt2img::cli {
namespace {

// Which items the batches hold, one after the other: "02 1".
std::string batches_of(const Plan& plan, std::size_t batch_max) {
  BatchQueue queue(plan, all_jobs(plan));
  std::string text;
  for (std::vector<const Job*> batch = queue.take(batch_max); !batch.empty(); batch = queue.take(batch_max)) {
    text += text.empty() ? "" : " ";
    for (const Job* job : batch) text += std::to_string(job->item);
  }
  return text;
}

TEST(BatchQueue, FillsBatchesInTheirOrder) { EXPECT_EQ(batches_of(toy_plan({"a", "b", "c", "d", "e"}), 2), "01 23 4"); }

TEST(BatchQueue, DrawsTogetherWhatDiffersInPromptAndSeedOnly) {
  Plan plan = toy_plan({"a", "b", "c", "d"});
  plan.styles.push_back(Settings{.prompt = {}, .negative = {}, .width = 128, .height = 64});
  plan.items[1].style = plan.items[3].style = 1;
  EXPECT_EQ(batches_of(plan, 4), "02 13");
}

TEST(BatchQueue, LooksNoFurtherThanSixteenBatches) {
  Plan plan = toy_plan(std::vector<std::string>(40, "a"));
  plan.styles.push_back(Settings{.prompt = {}, .negative = {}, .width = 128, .height = 64});
  for (std::size_t item = 1; item < 35; ++item) plan.items[item].style = 1;
  BatchQueue queue(plan, all_jobs(plan));
  EXPECT_EQ(queue.take(2).size(), 1U);  // 32 pictures behind it are of another size
}

TEST(BatchSize, IsHalvedForGoodWhenMemoryRunsOut) {
  BatchSize size(8);
  EXPECT_TRUE(size.halve(8, ExitCode::kUnavailable));
  EXPECT_EQ(size.max(), 4U);
  EXPECT_FALSE(size.halve(8, ExitCode::kUnavailable));
  EXPECT_EQ(size.max(), 4U);
}

TEST(BatchSize, StaysAfterAnyOtherFailure) {
  BatchSize size(8);
  EXPECT_FALSE(size.halve(8, ExitCode::kInternal));
  EXPECT_EQ(size.max(), 8U);
}

}  // namespace
}  // namespace txt2img::cli
