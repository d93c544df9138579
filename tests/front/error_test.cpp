#include "txt2img/error.h"

#include <gtest/gtest.h>

namespace txt2img {
namespace {

TEST(Error, CarriesItsExitCodeAndDetail) {
  const Error error(ExitCode::kBadData, "model.json is wrong; export the model again", "line 1\nline 2");
  EXPECT_EQ(error.code(), ExitCode::kBadData);
  EXPECT_STREQ(error.what(), "model.json is wrong; export the model again");
  EXPECT_EQ(error.detail(), "line 1\nline 2");
}

TEST(Error, IsOneLineWhateverAForeignLibrarySaid) {
  EXPECT_STREQ(Error(ExitCode::kInternal, "first\nsecond\r\nthird").what(), "first second  third");
}

}  // namespace
}  // namespace txt2img
