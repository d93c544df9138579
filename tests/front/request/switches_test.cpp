#include "txt2img/switches.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "fixtures/expect_error.h"

namespace txt2img {
namespace {

class SwitchesTest : public testing::Test {
 protected:
  void TearDown() override { unsetenv("TXT2IMG_CPU_LEVERS"); }
  static std::string changed(const char* value) {
    setenv("TXT2IMG_CPU_LEVERS", value, /*replace=*/1);
    return changed_switches(read_switches(), "cpu");
  }
};

// Records and job keys have them only then, so that those of old stay as they are.
TEST_F(SwitchesTest, AreNamedOnlyWhereTheyAreNotTheDefault) {
  EXPECT_EQ(changed_switches(read_switches(), "cpu"), "");
  EXPECT_EQ(changed(""), "");
  EXPECT_EQ(changed("winograd,packed,attention"), "");
}

TEST_F(SwitchesTest, HaveOneSpelling) {
  EXPECT_EQ(changed("packed,attention"), "attention,packed");
  EXPECT_EQ(changed("attention,packed,packed"), "attention,packed");
  EXPECT_EQ(changed("none"), "none");
  EXPECT_EQ(changed_switches(read_switches(), "cuda"), "");
}

TEST_F(SwitchesTest, ThatDoNotExistAreRefused) {
  EXPECT_EQ(expect_error(ExitCode::kBadConfig, [] { changed("packed,wino\x1b"); }),
            "TXT2IMG_CPU_LEVERS: there is no lever 'wino\\x1b'; list some of attention, packed, winograd, or none");
}

}  // namespace
}  // namespace txt2img
