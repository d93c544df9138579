#include "options/command.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "fixtures/expect_error.h"

namespace txt2img::cli {
namespace {

Command command_of(std::vector<const char*> words) {
  words.insert(words.begin(), {"txt2img", "--config", "/dev/null"});
  return read_command(static_cast<int>(words.size()), words.data()).command;
}

TEST(Command, ExplainsItselfToWhoSaysNothing) {
  const char* const word = "txt2img";
  EXPECT_TRUE(std::holds_alternative<ExplainUsage>(read_command(1, &word).command));
}

TEST(Command, DrawsWhatHasNoOptionBeforeIt) {
  const DrawPictures draw = std::get<DrawPictures>(command_of({"a cat", "--gallery", "index.html"}));
  EXPECT_EQ(draw.run.source.prompts, (std::vector<std::string>{"a cat"}));
  EXPECT_EQ(draw.overviews.gallery, "index.html");
}

TEST(Command, StopsAtAPromptThatFailsAndGoesOnInAFile) {
  EXPECT_EQ(std::get<DrawPictures>(command_of({"a cat"})).run.drawing.on_failure, OnFailure::kStop);
  EXPECT_EQ(std::get<DrawPictures>(command_of({"-f", "p.txt"})).run.drawing.on_failure, OnFailure::kGoOn);
}

TEST(Command, AnswersAStreamInJson) {
  const DrawStream draw = std::get<DrawStream>(command_of({"--stream", "--file", "-", "--format", "jsonl"}));
  EXPECT_EQ(draw.run.purpose, Purpose::kStream);
  EXPECT_EQ(draw.run.voice.format, ResultFormat::kJson);
}

TEST(Command, LooksForThePicturesOfAFileInAFolder) {
  const VerifyTree verify = std::get<VerifyTree>(command_of({"--verify", "out", "-f", "p.txt", "--redo"}));
  EXPECT_EQ(verify.run.purpose, Purpose::kRedo);
  EXPECT_EQ(verify.run.target.output, "out/");
}

TEST(Command, DoesNothingElseWhereHelpOrTheVersionIsAskedFor) {
  EXPECT_TRUE(std::holds_alternative<PrintVersion>(command_of({"--help", "--version"})));
  EXPECT_TRUE(std::holds_alternative<PrintHelp>(command_of({"a cat", "--help"})));
}

TEST(Command, HasARunWherePicturesArePlanned) {
  Command draw = command_of({"a cat", "--dry-run"});
  Command list = command_of({"--list", "samplers"});
  EXPECT_NE(run_of(draw), nullptr);
  EXPECT_EQ(run_of(list), nullptr);
}

TEST(Command, RefusesWhatDoesNotGoTogether) {
  expect_error(ExitCode::kUsage, [] { command_of({"a cat", "--stream"}); });
  expect_error(ExitCode::kUsage, [] { command_of({"a cat", "--resume"}); });
  expect_error(ExitCode::kUsage, [] { command_of({"--show", "x.png", "--file", "p.txt"}); });
  expect_error(ExitCode::kUsage, [] { command_of({"a cat", "--redo"}); });
}

}  // namespace
}  // namespace txt2img::cli
