#include "cli/prompt_row.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "expect_error.h"

namespace txt2img::cli {
namespace {

RowSource source(ExtraKeys extra_keys) { return {.file = "x", .extra_keys = extra_keys}; }

// Name of the option and value, as the command line would have them.
std::map<std::string, std::string> settings_of(const PromptRow& row) {
  std::map<std::string, std::string> settings;
  for (const Assignment& setting : row.settings) settings[std::string(name_of(*setting.option))] = setting.value;
  return settings;
}

using Settings = std::map<std::string, std::string>;

TEST(JsonRow, HasSettingsByTheirLongNames) {
  const PromptRow row = parse_json_row(
      R"({"prompt": "a cat", "negative_prompt": "b", "cfg_scale": 7.5, "size": [64, 32], "seed": 9223372036854775807,)"
      R"( "lower_order_final": false, "sigmas": [14.5, 3, 0], "sampler": "DPM++ 2M Karras"})",
      source(ExtraKeys::kError));
  EXPECT_EQ(row.prompt, "a cat");
  EXPECT_EQ(settings_of(row), (Settings{{"negative", "b"},
                                        {"guidance", "7.5"},
                                        {"size", "64x32"},
                                        {"seed", "9223372036854775807"},
                                        {"lower-order-final", "false"},
                                        {"sigmas", "14.5,3,0"},
                                        {"sampler", "DPM++ 2M Karras"}}));
  EXPECT_EQ(row.passed, "");
}

TEST(JsonRow, PassesOnWhatIsNotForUs) {
  const PromptRow row =
      parse_json_row(R"({"tag": "color", "include": [{"class": "cup"}], "prompt": "a cup", "custom_id": 7,)"
                     R"( "metadata": {"k": [1]}})",
                     source(ExtraKeys::kPass));
  EXPECT_EQ(row.id, "7");
  EXPECT_EQ(row.passed, R"({"custom_id":7,"extra":{"include":[{"class":"cup"}],"tag":"color"},"metadata":{"k":[1]}})");
}

TEST(JsonRow, RefusesWrongTypesAndUnknownKeysWithTheNearest) {
  for (const char* line :
       {R"([])", R"({"prompt": 3})", R"({"steps": 3})", R"({"prompt": "a", "steps": "3"})",
        R"({"prompt": "a", "steps": 3.0})", R"({"prompt": "a", "seed": "7"})", R"({"prompt": "a", "guidance": true})",
        R"({"prompt": "a", "steps": null})", R"({"prompt": "a", "sampler": 3})", R"({"prompt": "a", "metadata": 3})",
        R"({"prompt": "a", "prompt": "b"})", R"({"prompt": "a", "guidance": NaN})",
        R"({"prompt": "a", "width": 8, "size": [8]} x)", R"({"prompt": "a", "negative": "b", "negative_prompt": "c"})",
        R"({"prompt": "a", "lower_order_final": "true"})", R"({"prompt": "a", "model": "sd15"})"}) {
    expect_error(ExitCode::kBadData, [line] { parse_json_row(line, source(ExtraKeys::kError)); });
  }
  const std::string message = expect_error(
      ExitCode::kBadData, [] { parse_json_row(R"({"prompt": "a", "stps": 3})", source(ExtraKeys::kError)); });
  EXPECT_NE(message.find("did you mean 'steps'?"), std::string::npos) << message;
}

TEST(JsonRow, LimitsDepth) {
  const std::string deep = R"({"prompt": "a", "metadata": {"a": )" + std::string(40, '[') + std::string(40, ']') + "}}";
  expect_error(ExitCode::kBadData, [&deep] { parse_json_row(deep, source(ExtraKeys::kError)); });
}

TEST(TextRow, IsAPromptAsItIs) {
  for (const char* line : {"a cat", "# no comment", "\"Hello\" on a sign", "\"a cat\"", "a cat --steps 3", "-steps 3",
                           "\"a\" - b", "\"a\" -q", "\"unclosed", "--prompting", "it's"}) {
    const PromptRow row = parse_text_row(line, source(ExtraKeys::kError));
    EXPECT_EQ(row.prompt, line);
    EXPECT_TRUE(row.settings.empty());
  }
}

TEST(TextRow, TakesTheSwitchesOfAutomatic1111) {
  const PromptRow row = parse_text_row(
      R"(--prompt "a \"red\" cat" --negative_prompt 'dogs, "cars"' --sampler_name DPM++ 2M Karras --steps 9 --seed -1)",
      source(ExtraKeys::kError));
  EXPECT_EQ(row.prompt, "a \"red\" cat");
  EXPECT_EQ(
      settings_of(row),
      (Settings{{"negative", "dogs, \"cars\""}, {"sampler", "DPM++ 2M Karras"}, {"steps", "9"}, {"seed", "random"}}));
}

TEST(TextRow, TakesTheShortSwitchesOfInvokeAi) {
  const PromptRow row =
      parse_text_row(R"("a red cat" -s 50 -S 7 -W 64 -H 32 -C 3.5 -A k_euler_a -n 2)", source(ExtraKeys::kError));
  EXPECT_EQ(row.prompt, "a red cat");
  EXPECT_EQ(settings_of(row), (Settings{{"steps", "50"},
                                        {"seed", "7"},
                                        {"width", "64"},
                                        {"height", "32"},
                                        {"guidance", "3.5"},
                                        {"sampler", "k_euler_a"},
                                        {"count", "2"}}));
}

TEST(TextRow, RefusesSwitchesItDoesNotKnowOrUnderstand) {
  for (const char* line : {"--prompt a --restore_faces", "--prompt a --steps", "--prompt \"a --steps 3",
                           "--prompt a --steps 3 --steps 4", "\"a\" -s 3 -q"}) {
    expect_error(ExitCode::kBadData, [line] { parse_text_row(line, source(ExtraKeys::kError)); });
  }
  EXPECT_EQ(parse_text_row("--prompt a --restore_faces", source(ExtraKeys::kPass)).passed,
            R"({"extra":{"restore_faces":""}})");
}

TEST(TableRow, HasCellsByTheNamesInTheHeader) {
  const std::vector<std::string> header = {"Prompt", "steps", "id", "Category"};
  expect_error(ExitCode::kBadData, [&] { check_header(header, source(ExtraKeys::kError)); });
  check_header(header, source(ExtraKeys::kPass));
  const PromptRow row = parse_table_row(header, {"a cat", "", "x1", "Animals"});
  EXPECT_EQ(row.prompt, "a cat");
  EXPECT_EQ(row.id, "x1");
  EXPECT_TRUE(row.settings.empty());
  EXPECT_EQ(row.passed, R"({"extra":{"Category":"Animals"},"id":"x1"})");
  expect_error(ExitCode::kBadData, [&] { parse_table_row(header, {"a cat", "3"}); });
  expect_error(ExitCode::kBadData, [&] { parse_table_row(header, {"", "3", "", ""}); });
}

TEST(TableRow, NeedsAHeaderThatNamesThePromptsOnce) {
  for (const std::vector<std::string>& header :
       {std::vector<std::string>{"steps"}, {"prompt", "caption"}, {"prompt", "steps", "steps"}, {"prompt", "stps"}}) {
    expect_error(ExitCode::kBadData, [&] { check_header(header, source(ExtraKeys::kError)); });
  }
}

}  // namespace
}  // namespace txt2img::cli
