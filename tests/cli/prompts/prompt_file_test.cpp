#include "prompts/prompt_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fixtures/expect_error.h"
#include "fixtures/scratch_folder.h"

namespace txt2img::cli {
namespace {

struct Reading {
  std::vector<std::string> prompts;  // "3 a cat": with its line
  std::vector<std::string> errors;
  std::vector<std::string> remarks;
};

Reading read(const std::string& content, PromptFormat format) {
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "p";
  std::ofstream(path, std::ios::binary) << content;
  Remarks remarks;
  PromptFile file(path, format, ExtraKeys::kError, nullptr, &remarks);
  Reading reading;
  const auto refuse = [&](std::size_t, const std::string& message) {
    reading.errors.push_back(message.substr(path.string().size()));
  };
  while (const std::optional<PromptRow> row = file.next(refuse)) {
    reading.prompts.push_back(std::to_string(row->line) + " " + row->prompt);
  }
  for (const std::string& remark : remarks.take()) reading.remarks.push_back(remark.substr(path.string().size()));
  return reading;
}

using Strings = std::vector<std::string>;

TEST(PromptFile, TakesAnyLineEndsAMarkAndNoLastOne) {
  const Reading reading = read(
      "\xEF\xBB\xBF"
      "a cat\r\n\n  \r\nb\tc\nlast",
      PromptFormat::kTxt);
  EXPECT_EQ(reading.prompts, (Strings{"1 a cat", "4 b\tc", "5 last"}));
  EXPECT_TRUE(reading.errors.empty());
}

TEST(PromptFile, GoesOnAfterALineThatIsWrong) {
  const Reading reading = read("{\"prompt\": 1}\n{\"prompt\": \"b\"}\nx\n", PromptFormat::kJsonl);
  EXPECT_EQ(reading.prompts, Strings{"2 b"});
  ASSERT_EQ(reading.errors.size(), 2U);
  EXPECT_EQ(reading.errors[0], ":1: prompt must be a text");
  EXPECT_TRUE(reading.errors[1].starts_with(":3: ")) << reading.errors[1];
}

TEST(PromptFile, RefusesLinesThatAreNoTextOrTooLong) {
  const std::string text = std::string("a\0b\n", 4) + "\xFF\n" + std::string(kLineMax + 5, 'x') + "\nfine";
  const Reading reading = read(text, PromptFormat::kTxt);
  EXPECT_EQ(reading.prompts, Strings{"4 fine"});
  ASSERT_EQ(reading.errors.size(), 3U);
  EXPECT_TRUE(reading.errors[2].starts_with(":3: ")) << reading.errors[2];
  EXPECT_NE(read("\xFF\xFE"
                 "a",
                 PromptFormat::kTxt)
                .errors.at(0)
                .find("UTF-16"),
            std::string::npos);
}

TEST(PromptFile, SaysOnceThatATextIsInUtf16) {
  const std::string utf16(
      "\xFF\xFE"
      "a\0\n\0b\0\n\0",
      10);
  EXPECT_EQ(read(utf16, PromptFormat::kTxt).errors.size(), 1U);
}

TEST(PromptFile, LeavesOutTheMarksOfFilesThatWerePutTogether) {
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a\n\xEF\xBB\xBF"
                 "b\n",
                 PromptFormat::kTxt)
                .prompts,
            (Strings{"1 a", "2 b"}));
}

TEST(PromptFile, LeavesCommentsOutAndSaysSo) {
  const Reading reading = read("# mine\n// yours\n#cats are fun\n##\n#\na # b\n", PromptFormat::kTxt);
  EXPECT_EQ(reading.prompts, (Strings{"3 #cats are fun", "6 a # b"}));
  ASSERT_EQ(reading.remarks.size(), 2U);
  EXPECT_TRUE(reading.remarks[0].starts_with(":1: lines that begin with '# '")) << reading.remarks[0];
  EXPECT_TRUE(reading.remarks[0].ends_with("(so are 3 more)")) << reading.remarks[0];
  EXPECT_TRUE(reading.remarks[1].starts_with(":3: \"#cats are fun\" is drawn")) << reading.remarks[1];
}

TEST(PromptFile, IsAJsonDocument) {
  const Reading list = read("[\"a cat\",\n{\"prompt\": \"b\", \"steps\": 3},\n7, {\"steps\": 3}]", PromptFormat::kJson);
  EXPECT_EQ(list.prompts, (Strings{"1 a cat", "2 b"}));
  ASSERT_EQ(list.errors.size(), 2U);
  EXPECT_TRUE(list.errors[0].starts_with(":3: the entry is neither")) << list.errors[0];
  EXPECT_EQ(list.errors[1], ":3: the key \"prompt\" is missing");
  EXPECT_EQ(read("{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}", PromptFormat::kJson).errors.size(), 1U);
  const std::string long_list =
      "[\"" + std::string(kLineMax / 2, 'a') + "\", \"" + std::string(kLineMax / 2, 'b') + "\"]";
  EXPECT_EQ(read(long_list, PromptFormat::kJson).prompts.size(), 2U);
}

TEST(PromptFile, ReadsACellOverSeveralLines) {
  const Reading reading = read("prompt,steps\r\n\"a\r\nb, \"\"c\"\"\",3\r\nd,\r\n", PromptFormat::kCsv);
  EXPECT_EQ(reading.prompts, (Strings{"2 a\nb, \"c\"", "4 d"}));
  EXPECT_TRUE(reading.errors.empty());
  EXPECT_EQ(read("prompt\n\"a\nb", PromptFormat::kCsv).errors.size(), 1U);
}

TEST(PromptFile, KeepsQuotesOfTabSeparatedTables) {
  const Reading reading = read("steps\tPrompt\tnegative\n3\ta \"b\" c\n", PromptFormat::kTsv);
  EXPECT_EQ(reading.prompts, Strings{"2 a \"b\" c"});
}

TEST(PromptFile, EndsAtAWrongHeader) {
  const Reading reading = read("steps\n3\n4\n", PromptFormat::kTsv);
  EXPECT_TRUE(reading.prompts.empty());
  EXPECT_EQ(reading.errors.size(), 1U);
}

TEST(PromptFile, KnowsItsFormatByItsName) {
  EXPECT_EQ(format_of("a/b.JSONL"), PromptFormat::kJsonl);
  EXPECT_EQ(format_of("b.ndjson"), PromptFormat::kJsonl);
  EXPECT_EQ(format_of("b.csv"), PromptFormat::kCsv);
  EXPECT_EQ(format_of("b.json"), PromptFormat::kJson);
  for (const char* name : {"-", "prompts", "x.js", "x."}) {
    expect_error(ExitCode::kUsage, [name] { format_of(name); });
  }
}

TEST(PromptFile, IsMissingOrNoFile) {
  const ScratchFolder folder;
  expect_error(ExitCode::kMissingInput, [&] { PromptFile(folder / "x", PromptFormat::kTxt, ExtraKeys::kError); });
  expect_error(ExitCode::kIo, [&] {
    PromptFile file(folder.path(), PromptFormat::kTxt, ExtraKeys::kError);
    file.next({});
  });
}

}  // namespace
}  // namespace txt2img::cli
