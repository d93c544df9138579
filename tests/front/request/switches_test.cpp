#include "txt2img/switches.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "fixtures/expect_error.h"

namespace txt2img {
namespace {

class Levers : public testing::Test {
 protected:
  void TearDown() override { unsetenv("TXT2IMG_CPU_LEVERS"); }
  static std::string changed(const char* value) {
    setenv("TXT2IMG_CPU_LEVERS", value, /*replace=*/1);
    return changed_levers("cpu");
  }
};

// Records and job keys have them only then, so that those of old stay as they are.
TEST_F(Levers, AreNamedOnlyWhereTheyAreNotTheDefault) {
  EXPECT_EQ(changed_levers("cpu"), "");
  EXPECT_EQ(changed(""), "");
  EXPECT_EQ(changed("winograd,packed,attention"), "");
}

TEST_F(Levers, HaveOneSpelling) {
  EXPECT_EQ(changed("packed,attention"), "attention,packed");
  EXPECT_EQ(changed("attention,packed,packed"), "attention,packed");
  EXPECT_EQ(changed("none"), "none");
  EXPECT_EQ(changed_levers("cuda"), "");
}

TEST_F(Levers, ThatDoNotExistAreRefused) {
  const std::string message = expect_error(ExitCode::kBadConfig, [] { changed("magic"); });
  EXPECT_NE(message.find("'magic'"), std::string::npos) << message;
}

}  // namespace
}  // namespace txt2img
