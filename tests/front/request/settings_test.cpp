#include "txt2img/settings.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <variant>

#include "fixtures/record_fixture.h"
#include "txt2img/record.h"

namespace txt2img {
namespace {

// Another value than the default, and one that a record may hold.
template <class Value>
void change(Value& value, const SettingInfo& row) {
  if constexpr (std::is_same_v<Value, std::string>)
    value = "other";
  else if constexpr (std::is_same_v<Value, PixelPair>)
    value = {3, 4};
  else if constexpr (std::is_same_v<Value, std::vector<double>>)
    value = {0.75, 0.5};
  else if constexpr (std::is_same_v<Value, double>)
    value = value == row.min ? row.max : row.min;
  else if constexpr (std::is_same_v<Value, std::optional<double>>)
    value = row.max;
  else if constexpr (std::is_same_v<Value, std::optional<FinalSigma>>)
    value = FinalSigma::kSigmaMin;
  else if constexpr (std::is_same_v<Value, bool>)
    value = !value;
  else if constexpr (std::is_enum_v<Value>)
    value = static_cast<Value>(static_cast<int>(value) + 1);
  else
    ++value;
}

Settings changed(const SettingInfo& row) {
  Settings settings;
  std::visit([&](auto member) { change(at(settings, member), row); }, row.member);
  return settings;
}

TEST(Settings, HaveARowForEachName) {
  std::set<std::string_view> names;
  for (const SettingInfo& row : settings_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(setting_named(row.name), &row);
    EXPECT_EQ(&settings_table()[number_of(row.member)], &row);
  }
  for (const SamplerOptionInfo& option : sampler_options()) EXPECT_TRUE(names.contains(option.name)) << option.name;
  EXPECT_EQ(setting_named("stepz"), nullptr);
}

TEST(Settings, AreTheirDefaultUntilTheyChange) {
  for (const SettingInfo& row : settings_table()) {
    EXPECT_TRUE(is_default({}, row)) << row.name;
    EXPECT_FALSE(is_default(changed(row), row)) << row.name;
    EXPECT_NE(changed(row), Settings{}) << row.name;
  }
}

// A setting that is changed changes the job, and comes back from the record.
TEST(Settings, AreAllInRecordsAndJobKeys) {
  Record record = make_record();
  record.settings = {};
  std::set<std::string> keys{job_key(record)};
  for (const SettingInfo& row : settings_table()) {
    record.settings = changed(row);
    EXPECT_TRUE(keys.insert(job_key(record)).second) << row.name;
    EXPECT_EQ(parse_record(record_json(record)).settings, record.settings) << row.name;
  }
}

TEST(Settings, OnlyTextsAndSeedsMayDifferInABatch) {
  for (const SettingInfo& row : settings_table()) {
    const bool may_differ = row.name == "prompt" || row.name == "negative" || row.name == "seed";
    EXPECT_EQ(can_share_batch({}, changed(row)), may_differ) << row.name;
  }
}

TEST(Settings, AreWrittenAsTheCommandLineReadsThem) {
  Settings settings{.seed = 18446744073709551615U, .guidance = 7.5, .sampler = SamplerKind::kDpmpp2m};
  settings.size_conditioning = {.original_size = {640, 480}, .crop = {0, 64}};
  settings.sampler_options.sigmas = {14.5, 0.25, 0};
  settings.sampler_options.lower_order_final = false;
  const auto text = [&](std::string_view name) { return setting_text(settings, *setting_named(name)); };
  EXPECT_EQ(text("seed"), "18446744073709551615");
  EXPECT_EQ(text("guidance"), "7.5");
  EXPECT_EQ(text("sampler"), "dpmpp_2m");
  EXPECT_EQ(text("original_size"), "640x480");
  EXPECT_EQ(text("crop"), "0,64");
  EXPECT_EQ(text("sigmas"), "14.5,0.25,0");
  EXPECT_EQ(text("lower_order_final"), "false");
  EXPECT_EQ(text("shift"), "");
}

}  // namespace
}  // namespace txt2img
