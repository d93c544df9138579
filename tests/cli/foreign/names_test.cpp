#include "foreign/names.h"

#include <gtest/gtest.h>

#include <string>

#include "options/option_table.h"

namespace txt2img::cli {
namespace {

TEST(ForeignNames, AreThereOnceAndLeadToOptionsOfOurs) {
  for (const ForeignName& row : foreign_names()) {
    const bool has_option = row.kind == ForeignKind::kOption || row.kind == ForeignKind::kFactor;
    EXPECT_EQ(has_option, find_option(row.option) != nullptr) << row.name;
    EXPECT_EQ(has_option, row.note.empty()) << row.name;
    EXPECT_EQ(find_foreign_name(row.name), &row) << row.name << " is there twice";
  }
}

// Where a name is ours too, a prompt file could not tell which is meant; the one exception is on the command line only.
TEST(ForeignNames, AreNotOursToo) {
  for (const ForeignName& row : foreign_names()) {
    const bool is_ours = find_option(row.name) != nullptr;
    EXPECT_EQ(is_ours, row.name == "batch_size") << row.name;
  }
}

TEST(ForeignNames, OfOneLetterHaveACase) {
  EXPECT_EQ(find_foreign_letter('s')->option, "steps");
  EXPECT_EQ(find_foreign_letter('S')->option, "seed");
  EXPECT_EQ(find_foreign_letter('U')->kind, ForeignKind::kMissing);
  EXPECT_EQ(find_foreign_letter('q'), nullptr);
}

TEST(ForeignNames, HaveValuesThatAreWrittenOtherwise) {
  EXPECT_EQ(meant_value("seed", "-1"), "random");
  EXPECT_EQ(meant_value("steps", "-1"), "-1");
  EXPECT_EQ(meant_value("size", "(1152, 896)"), "1152x896");
  EXPECT_EQ(meant_value("size", "1152X896"), "1152x896");
  EXPECT_EQ(meant_value("size", "large"), "large");
  EXPECT_EQ(meant_value("clip-skip", "-2"), "2");
}

TEST(ForeignNames, AskForNothingWithSomeValues) {
  const ForeignName& faces = *find_foreign_name("restore_faces");
  for (const char* value : {"", "False", "0", "0.00", "-1", "null", "None", "[]", "{}"})
    EXPECT_TRUE(asks_for_nothing(faces, value)) << value;
  for (const char* value : {"true", "1", "0.5", "x", "-", "0x", "[1]"}) EXPECT_FALSE(asks_for_nothing(faces, value));
  EXPECT_TRUE(asks_for_nothing(*find_foreign_name("denoise"), "1.0"));
}

}  // namespace
}  // namespace txt2img::cli
