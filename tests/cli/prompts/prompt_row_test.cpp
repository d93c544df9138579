#include "prompts/prompt_row.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "fixtures/expect_error.h"

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
  EXPECT_TRUE(row.passed.empty());
}

TEST(JsonRow, PassesOnWhatIsNotForUs) {
  const PromptRow row =
      parse_json_row(R"({"tag": "color", "include": [{"class": "cup"}], "prompt": "a cup", "custom_id": 7,)"
                     R"( "metadata": {"k": [1]}})",
                     source(ExtraKeys::kPass));
  EXPECT_EQ(row.id, "7");
  EXPECT_EQ(row.passed.dump(),
            R"({"custom_id":7,"extra":{"include":[{"class":"cup"}],"tag":"color"},"metadata":{"k":[1]}})");
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

TEST(JsonRow, HasTheKeysOfOtherPrograms) {
  const PromptRow web_ui = parse_json_row(
      R"({"prompt":"a cat","negative_prompt":"blurry","sampler_name":"Euler a","scheduler":"Karras","steps":9,)"
      R"("cfg_scale":3.5,"n_iter":2,"batch_size":2,"seed":-1,"enable_hr":false,"hr_scale":2,"denoising_strength":0.7,)"
      R"("subseed":-1,"subseed_strength":0,"restore_faces":false,"styles":[],"override_settings":{}})",
      source(ExtraKeys::kError));
  EXPECT_EQ(settings_of(web_ui), (Settings{{"negative", "blurry"},
                                           {"sampler", "Euler a"},
                                           {"schedule", "Karras"},
                                           {"steps", "9"},
                                           {"guidance", "3.5"},
                                           {"count", "4"},
                                           {"seed", "random"}}));
  EXPECT_TRUE(web_ui.passed.empty());
  const PromptRow diffusers =
      parse_json_row(R"({"prompt":"a cat","num_inference_steps":9,"guidance_scale":3.5,"num_images_per_prompt":2,)"
                     R"("scheduler":"EulerDiscreteScheduler","crops_coords_top_left":[0,8],"latents":null})",
                     source(ExtraKeys::kError));
  EXPECT_EQ(settings_of(diffusers), (Settings{{"steps", "9"},
                                              {"guidance", "3.5"},
                                              {"count", "2"},
                                              {"sampler", "EulerDiscreteScheduler"},
                                              {"crop", "0,8"}}));
}

TEST(JsonRow, RefusesWhatOtherProgramsCanDoAndThisOneCannot) {
  for (const char* line : {R"({"prompt":"a","restore_faces":true})", R"({"prompt":"a","enable_hr":true})",
                           R"({"prompt":"a","subseed_strength":0.2})", R"({"prompt":"a","styles":["x"]})",
                           R"({"prompt":"a","sd_model":"x"})", R"({"prompt":"a","lora":"x"})"}) {
    expect_error(ExitCode::kBadData, [line] { parse_json_row(line, source(ExtraKeys::kError)); });
  }
  const std::string message = expect_error(
      ExitCode::kBadData, [] { parse_json_row(R"({"prompt":"a","model":"sd15"})", source(ExtraKeys::kError)); });
  EXPECT_NE(message.find("give --model on the command line"), std::string::npos) << message;
}

TEST(JsonRow, KnowsWhatPromptsAreCalledElsewhere) {
  for (const char* line :
       {R"({"prompt_en":"a cat"})", R"({"Prompt":"a cat"})", R"({"caption":"a cat"})",
        R"({"p":"a cat","se":3,"c":7.0,"st":50,"sa":"k_lms"})", R"({"prompt":"a cat","caption":null})"}) {
    EXPECT_EQ(parse_json_row(line, source(ExtraKeys::kError)).prompt, "a cat") << line;
  }
  const char* const two = R"({"prompt":"a cat","caption":"a photograph"})";
  expect_error(ExitCode::kBadData, [&] { parse_json_row(two, source(ExtraKeys::kError)); });
  EXPECT_EQ(parse_json_row(two, source(ExtraKeys::kPass)).passed.dump(), R"({"extra":{"caption":"a photograph"}})");
  expect_error(ExitCode::kBadData,
               [] { parse_json_row(R"({"prompt_en":"a","caption":"b"})", source(ExtraKeys::kPass)); });
}

TEST(JsonRow, LimitsDepth) {
  const std::string deep = R"({"prompt": "a", "metadata": {"a": )" + std::string(40, '[') + std::string(40, ']') + "}}";
  expect_error(ExitCode::kBadData, [&deep] { parse_json_row(deep, source(ExtraKeys::kError)); });
}

TEST(TextRow, IsAPromptAsItIs) {
  for (const char* line :
       {"a cat", "  a cat ", "# no comment", "\"Hello\" on a sign", "\"a cat\"", "- a list", "-5 degrees", "--- dashes",
        "\"a\" - b", "\"unclosed", "it's", "a well-made t-shirt -as if- new", "a cat --by nobody", "a sign, \"-s 5\"",
        "a \"--steps 3\" sign", "x -- y"}) {
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

TEST(TextRow, TakesSwitchesInAnyOrderAndForm) {
  struct Case {
    const char* line;
    const char* prompt;
    Settings settings;
  };
  const Case cases[] = {
      {R"(--seed 12 --steps 9 --prompt "a red apple")", "a red apple", {{"seed", "12"}, {"steps", "9"}}},
      {R"(  --prompt="a star" --seed=4)", "a star", {{"seed", "4"}}},
      {R"(--negative_prompt "blue, text" --prompt "a star")", "a star", {{"negative", "blue, text"}}},
      {"--prompt it's a castle --negative_prompt trees, shrubs", "it's a castle", {{"negative", "trees, shrubs"}}},
      {R"("a \"violet\" mushroom" -n4 -S1234)", "a \"violet\" mushroom", {{"count", "4"}, {"seed", "1234"}}},
      {"river and meadow -W128 -H64", "river and meadow", {{"width", "128"}, {"height", "64"}}},
      {"a donkey's ear -s 50 -Ak_lms", "a donkey's ear", {{"steps", "50"}, {"sampler", "k_lms"}}},
      {"'a cat' -S -1 -C=3", "a cat", {{"seed", "random"}, {"guidance", "3"}}},
      {R"(a 5" pipe --steps 3)", "a 5\" pipe", {{"steps", "3"}}},
      {R"("Hello" on a sign --cfg-scale 3)", "\"Hello\" on a sign", {{"guidance", "3"}}},
      {"a cat --num_inference_steps 9 --guidance_scale=2 --scheduler EulerDiscreteScheduler",
       "a cat",
       {{"steps", "9"}, {"guidance", "2"}, {"sampler", "EulerDiscreteScheduler"}}},
      {"a cat --W 64 --H 32 --euler_at_final",
       "a cat",
       {{"width", "64"}, {"height", "32"}, {"euler-at-final", "true"}}},
  };
  for (const Case& expected : cases) {
    const PromptRow row = parse_text_row(expected.line, source(ExtraKeys::kError));
    EXPECT_EQ(row.prompt, expected.prompt) << expected.line;
    EXPECT_EQ(settings_of(row), expected.settings) << expected.line;
  }
}

TEST(TextRow, RefusesSwitchesItDoesNotKnowOrUnderstand) {
  for (const char* line :
       {"--prompt a --restore_faces", "--prompt a --steps", "--prompt \"a --steps 3", "--prompt a --steps 3 --steps 4",
        "\"a\" -s 3 -q", "\"a\" -q", "\"a\" -U 2 0.6 -s 50", "\"a\" --hires_fix -s 50", "a cat -U 2 -s 50",
        "--prompting", "-steps 3", "a cat -steps 3", "--steps 3", "--prompt a --prompt b", "\"a\" --prompt b",
        "a cat -s 50 -by me", "--prompt a --model sd15", "  -q a", "a cat --steps 3 --ar 3:2"}) {
    expect_error(ExitCode::kBadData, [line] { parse_text_row(line, source(ExtraKeys::kError)); });
  }
  EXPECT_EQ(parse_text_row("--prompt a --restore_faces", source(ExtraKeys::kPass)).passed.dump(),
            R"({"extra":{"restore_faces":""}})");
}

TEST(TextRow, SaysHowALineIsMeantAsText) {
  const std::string message =
      expect_error(ExitCode::kBadData, [] { parse_text_row("--cats and dogs", source(ExtraKeys::kError)); });
  EXPECT_TRUE(message.ends_with("; a line that is text all through: --prompt \"...\"")) << message;
  const PromptRow row = parse_text_row("--prompt \"--cats and -s 5\"", source(ExtraKeys::kError));
  EXPECT_EQ(row.prompt, "--cats and -s 5");
}

TEST(TextRow, MultipliesIterationsAndBatches) {
  const auto count_of = [](const char* line) {
    return settings_of(parse_text_row(line, source(ExtraKeys::kError))).at("count");
  };
  EXPECT_EQ(count_of("--prompt a --n_iter 2 --batch_size 3"), "6");
  EXPECT_EQ(count_of("--n_samples 3 --prompt a --n_iter 2"), "6");
  EXPECT_EQ(count_of("--prompt a --batch_size 3"), "3");
  for (const char* line :
       {"--prompt a --n_iter 2 --n_iter 2", "--prompt a --n_iter 2 --count 2", "--prompt a -n 2 --batch_size 2",
        "--prompt a --n_iter 0 --batch_size 2", "--prompt a --n_iter x --batch_size 2"}) {
    expect_error(ExitCode::kBadData, [line] { parse_text_row(line, source(ExtraKeys::kError)); });
  }
}

TEST(TableRow, HasCellsByTheNamesInTheHeader) {
  const std::vector<std::string> header = {"Prompt", "steps", "id", "Category"};
  expect_error(ExitCode::kBadData, [&] { parse_header(header, source(ExtraKeys::kError)); });
  EXPECT_EQ(parse_header(header, source(ExtraKeys::kPass)), header);
  const PromptRow row = parse_table_row(header, {"a cat", "", "x1", "Animals"}, source(ExtraKeys::kPass));
  EXPECT_EQ(row.prompt, "a cat");
  EXPECT_EQ(row.id, "x1");
  EXPECT_TRUE(row.settings.empty());
  EXPECT_EQ(row.passed.dump(), R"({"extra":{"Category":"Animals"},"id":"x1"})");
  expect_error(ExitCode::kBadData, [&] { parse_table_row(header, {"a cat", "3"}, source(ExtraKeys::kPass)); });
  expect_error(ExitCode::kBadData, [&] { parse_table_row(header, {"", "3", "", ""}, source(ExtraKeys::kPass)); });
}

TEST(TableRow, NeedsAHeaderThatNamesThePromptsOnce) {
  for (const std::vector<std::string>& header :
       {std::vector<std::string>{"steps"}, {"prompt", "caption"}, {"prompt", "steps", "steps"}, {"prompt", "stps"}}) {
    expect_error(ExitCode::kBadData, [&] { parse_header(header, source(ExtraKeys::kError)); });
  }
}

TEST(TableRow, HasTheColumnsOfOtherPrograms) {
  const std::vector<std::string> header = {"prompt", "step", "cfg", "seed", "restore_faces"};
  EXPECT_EQ(parse_header(header, source(ExtraKeys::kError)), header);
  const PromptRow row = parse_table_row(header, {"a", "50", "7", "-1", "False"}, source(ExtraKeys::kError));
  EXPECT_EQ(settings_of(row), (Settings{{"steps", "50"}, {"guidance", "7"}, {"seed", "random"}}));
  expect_error(ExitCode::kBadData,
               [&] { parse_table_row(header, {"a", "", "", "", "True"}, source(ExtraKeys::kError)); });
}

TEST(ColumnMap, SaysWhichColumnIsReadOrNone) {
  ColumnMap columns({parse_column_rule("prompt=prompt_en"), parse_column_rule("height="), parse_column_rule("url=")});
  const RowSource mapped{.file = "x", .extra_keys = ExtraKeys::kError, .columns = &columns};
  const std::vector<std::string> keys = parse_header({"prompt_en", "caption", "Height", "width", "url"}, mapped);
  const PromptRow row = parse_table_row(keys, {"a cat", "no", "480", "640", "x"}, mapped);
  EXPECT_EQ(row.prompt, "a cat");
  EXPECT_EQ(settings_of(row), (Settings{{"width", "640"}}));
  EXPECT_EQ(columns.find_unused(), nullptr);
  const PromptRow object = parse_json_row(R"({"prompt": "no", "prompt_en": "a cat", "height": 7})", mapped);
  EXPECT_EQ(object.prompt, "a cat");
  EXPECT_TRUE(object.settings.empty());
}

TEST(ColumnMap, KnowsARuleThatMetNoColumn) {
  ColumnMap columns({parse_column_rule("seed=sed")});
  EXPECT_EQ(columns.key_of("seed"), std::nullopt);
  EXPECT_EQ(text_of(*columns.find_unused()), "seed=sed");
  EXPECT_EQ(columns.key_of("sed"), "seed");
  EXPECT_EQ(columns.find_unused(), nullptr);
}

TEST(ColumnMap, RefusesRulesThatMakeNoSense) {
  for (const char* text : {"prompt", "=x", "promt=x", "", "model=x"})
    expect_error(ExitCode::kUsage, [text] { parse_column_rule(text); });
  expect_error(ExitCode::kUsage, [] { ColumnMap({{"steps", "a"}, {"num_inference_steps", "b"}}); });
}

}  // namespace
}  // namespace txt2img::cli
