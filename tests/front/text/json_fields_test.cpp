#include "text/json_fields.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "fixtures/expect_error.h"

namespace txt2img {
namespace {

enum class Spacing { kLeading, kTrailing };

struct Grid {
  int steps = 25;
  double rho = 7;
  bool is_clipped = false;
  std::string note = "none";
  std::optional<double> sigma_min{};
  Spacing spacing = Spacing::kLeading;
};

Grid read(const std::string& text) {
  static constexpr std::array<std::string_view, 2> kSpacings{"leading", "trailing"};
  const JsonSource source{.name = "grid.json", .remedy = "correct it"};
  const nlohmann::json document = parse_json(text, source, 1000);
  const JsonObject object(document, source);
  Grid grid;
  read_fields(object, {
                          required("steps", grid.steps, 1, 100),
                          optional("rho", grid.rho, NumberRange{.min = 1, .max = 100}),
                          optional("is_clipped", grid.is_clipped),
                          optional("note", grid.note),
                          optional("sigma_min", grid.sigma_min, NumberRange{.min = 0, .max = 1}),
                          optional("spacing", grid.spacing, kSpacings),
                      });
  return grid;
}

std::string refusal(const std::string& text) {
  return expect_error(ExitCode::kBadData, [&] { (void)read(text); });
}

TEST(JsonFields, ReadsWhatIsThereAndLeavesTheRestAsItWas) {
  const Grid few = read(R"({"steps": 3})");
  EXPECT_EQ(few.steps, 3);
  EXPECT_EQ(few.rho, 7);
  EXPECT_EQ(few.note, "none");
  EXPECT_FALSE(few.sigma_min);
  const Grid all =
      read(R"({"steps": 4, "rho": 5, "is_clipped": true, "note": "a", "sigma_min": 0.5, "spacing": "trailing"})");
  EXPECT_EQ(all.rho, 5);
  EXPECT_TRUE(all.is_clipped);
  EXPECT_EQ(all.note, "a");
  EXPECT_EQ(all.sigma_min, 0.5);
  EXPECT_EQ(all.spacing, Spacing::kTrailing);
}

TEST(JsonFields, RefusesAMisspeltKeyBeforeItMissesTheRightOne) {
  EXPECT_EQ(refusal(R"({"stepz": 3})"), "grid.json: stepz is not a known key, did you mean steps?; correct it");
  EXPECT_EQ(refusal(R"({"steps": 3, "picture": 1})"), "grid.json: picture is not a known key; correct it");
}

TEST(JsonFields, MissesOnlyWhatIsRequired) { EXPECT_EQ(refusal("{}"), "grid.json: steps is missing; correct it"); }

TEST(JsonFields, ChecksTypesAndRangesAsTheGettersDo) {
  EXPECT_EQ(refusal(R"({"steps": 101})"), "grid.json: steps is 101, must be a whole number from 1 to 100; correct it");
  EXPECT_EQ(refusal(R"({"steps": 1, "spacing": "even"})"),
            "grid.json: spacing is \"even\", must be one of leading, trailing; correct it");
}

TEST(JsonFields, ReadsWithAFunctionThatKnowsWhatWasReadBefore) {
  const JsonSource source{.name = "grid.json", .remedy = "correct it"};
  const nlohmann::json document = parse_json(R"({"last": 5, "first": {"at": 2}})", source, 1000);
  int last = 0;
  int first = 0;
  const auto parse_place = [](const JsonObject& object, int limit) { return object.get_integer("at", 0, limit); };
  const auto get_half = [](const JsonObject& object, std::string_view key, int most) {
    return object.get_integer(key, 0, most) / 2;
  };
  constexpr int kMost = 10;
  read_fields(JsonObject(document, source),
              {required("last", last, with(get_half, kMost)), required("first", first, object_by(parse_place, last))});
  EXPECT_EQ(last, 2);
  EXPECT_EQ(first, 2);
}

}  // namespace
}  // namespace txt2img
