#include "prompts/json_entries.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fixtures/expect_error.h"

namespace txt2img::cli {
namespace {

// "LINE ID=TEXT"
std::vector<std::string> split(const std::string& document) {
  std::vector<std::string> entries;
  for (const JsonEntry& entry : split_json(document))
    entries.push_back(std::to_string(entry.line) + " " + entry.id + "=" + entry.text);
  return entries;
}

using Strings = std::vector<std::string>;

TEST(JsonEntries, AreThoseOfAList) {
  EXPECT_EQ(split("[\"a\", \"b, ]\\\"}\"\n,\n {\"prompt\": [\"]\"]}, 7]\n"),
            (Strings{"1 =\"a\"", "1 =\"b, ]\\\"}\"", "3 ={\"prompt\": [\"]\"]}", "3 =7"}));
  EXPECT_EQ(split(" [ ] "), Strings{});
}

TEST(JsonEntries, AreThoseOfAnObjectWithItsKeys) {
  EXPECT_EQ(split("{\"00\\u0031\": {\"prompt\": \"a\"},\n \"x\" :\n \"b\"}"),
            (Strings{"1 001={\"prompt\": \"a\"}", "3 x=\"b\""}));
  EXPECT_EQ(split("{}"), Strings{});
}

TEST(JsonEntries, AreOneIfTheObjectHasAPrompt) {
  EXPECT_EQ(split("\n{\"prompt\": \"a\",\n \"steps\": 3}\n"), Strings{"2 ={\"prompt\": \"a\",\n \"steps\": 3}"});
  EXPECT_EQ(split("{\"prompt\": {\"prompt\": \"a\"}}"), Strings{"1 prompt={\"prompt\": \"a\"}"});
}

TEST(JsonEntries, AreOfNothingElse) {
  for (const char* document :
       {"", "7", "\"a\"", "[\"a\"", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}", "[1,]", "null"}) {
    const std::string message = expect_error(ExitCode::kBadData, [document] { split_json(document); });
    EXPECT_NE(message.find("--format jsonl"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace txt2img::cli
