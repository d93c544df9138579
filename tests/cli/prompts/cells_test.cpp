#include "prompts/cells.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fixtures/expect_error.h"

namespace txt2img::cli {
namespace {

using Cells = std::vector<std::string>;

TEST(Cells, OfTabSeparatedLinesKeepQuotesAndEmptyOnes) {
  EXPECT_EQ(split_tsv("a \"b\" c\t\td\t"), (Cells{"a \"b\" c", "", "d", ""}));
  EXPECT_EQ(split_tsv(""), Cells{""});
}

TEST(Cells, OfCommaSeparatedLinesMayBeQuoted) {
  EXPECT_EQ(split_csv(R"(a,"b, ""c""",,"")"), (Cells{"a", "b, \"c\"", "", ""}));
  EXPECT_EQ(split_csv("\"two\nlines\",x"), (Cells{"two\nlines", "x"}));
}

TEST(Cells, RefuseQuotesAtAWrongPlace) {
  expect_error(ExitCode::kBadData, [] { split_csv("a \"b\",c"); });
  expect_error(ExitCode::kBadData, [] { split_csv("\"a\" b,c"); });
  expect_error(ExitCode::kBadData, [] { split_csv("\"a,b"); });
}

TEST(Cells, GoOnWhileAQuoteIsOpen) {
  EXPECT_TRUE(has_open_quote("a,\"b"));
  EXPECT_FALSE(has_open_quote("a,\"b\"\"c\""));
}

}  // namespace
}  // namespace txt2img::cli
