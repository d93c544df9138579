#include "foreign/syntax.h"

#include <gtest/gtest.h>

#include <string>

namespace txt2img::cli {
namespace {

TEST(ForeignSyntax, IsFoundInWhatOtherProgramsReadAsMoreThanText) {
  for (const char* prompt : {"a (red:1.4) apple",
                             "a (red: 1.2) apple",
                             "(red:.8)",
                             "(red:2) apple",
                             "a ((red)) apple",
                             "a [[red]] apple",
                             "a [red:blue:0.5] apple",
                             "a [red::9] apple",
                             "a [red|blue] apple",
                             "a {red|blue} apple",
                             "<lora:ink:0.8> a red apple",
                             "<hypernet:x>",
                             "a red apple BREAK a blue cat",
                             "a cat AND a dog",
                             "a __colour__ apple",
                             "__a/b__",
                             "embedding:bad, a cat",
                             "cat::2 dog::-1",
                             "miku \\(cosplay\\)",
                             "a cat --ar 3:2",
                             "a (red)1.4 apple",
                             "a (red)++ apple",
                             R"(("a", "b").blend(1, 1))",
                             "\"a red apple\""})
    EXPECT_NE(find_foreign_syntax(prompt), "") << prompt;
}

TEST(ForeignSyntax, IsNotFoundInProse) {
  for (const char* prompt : {"",
                             "a red apple (on a table)",
                             "a verse (John 3:16) on a wall",
                             "at noon (12:30)",
                             "a clock [12:30]",
                             "a ratio (16:9)",
                             "(focal length: 35)",
                             "a list (a, b) and [c]",
                             "((a) or (b))",
                             "{braces}",
                             "f(x) = 2",
                             "a COFFEE BREAK SIGN",
                             "BREAK",
                             "ROCK AND ROLL",
                             "a break and a cup",
                             "snake_case and __ blanks __",
                             "C++ code",
                             "a (semi)-precious stone",
                             "std::vector",
                             "10::20",
                             "a \"Hello\" sign",
                             "x -- y",
                             "well--made",
                             "a < b > c",
                             "an embedding: the idea",
                             "(see fig.)5",
                             "(",
                             "[",
                             "<lora:",
                             "__",
                             R"(\)",
                             "((",
                             ")",
                             "(:1",
                             "(a:",
                             "(a:)"})
    EXPECT_EQ(find_foreign_syntax(prompt), "") << prompt;
}

TEST(ForeignSyntax, TakesALongTextInLittleTime) {
  for (const char* piece : {"(", "[", "<lora:", "__ ", "(a:", "e"}) {
    std::string prompt;
    while (prompt.size() < (1U << 18U)) prompt += piece;
    EXPECT_EQ(find_foreign_syntax(prompt), "") << piece;
  }
}

}  // namespace
}  // namespace txt2img::cli
