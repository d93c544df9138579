#include "tokenizer/bpe_model.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "fixtures/clip_vocabulary.h"
#include "fixtures/expect_error.h"
#include "fixtures/scratch_folder.h"

namespace txt2img {
namespace {

class BpeModelTest : public testing::Test {
 protected:
  BpeModel make_model(const ClipVocabulary& vocabulary, std::int32_t unknown = 0) {
    vocabulary.write(folder_.path());
    return open(unknown);
  }
  BpeModel open(std::int32_t unknown = 0) {
    return {Vocabulary(folder_ / "vocab.json"), folder_ / "merges.txt", unknown};
  }
  std::string refusal() {
    return expect_error(ExitCode::kBadData, [&] { open(); });
  }

  ScratchFolder folder_;
};

std::vector<BpeToken> encode(const BpeModel& model, std::string_view word) {
  std::vector<BpeToken> tokens;
  model.encode(word, tokens);
  return tokens;
}

using Tokens = std::vector<BpeToken>;

void expect_contains(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in: " << text;
}

TEST_F(BpeModelTest, SpellsEveryByteWithinAWordAndAtItsEnd) {
  const ClipVocabulary vocabulary({});
  const BpeModel model = make_model(vocabulary);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string word(2, static_cast<char>(byte));
    EXPECT_EQ(encode(model, word), (Tokens{{vocabulary.byte(byte), 1}, {vocabulary.byte(byte) + 256, 1}})) << byte;
  }
  EXPECT_EQ(vocabulary.byte('!'), 0);  // as in CLIP's vocabulary
  EXPECT_EQ(vocabulary.byte(' '), 220);
  EXPECT_EQ(encode(model, ""), Tokens{});
}

TEST_F(BpeModelTest, JoinsTheBestRankedPairFirst) {
  const ClipVocabulary vocabulary({"b c</w>", "a b", "ab c</w>"});
  const BpeModel model = make_model(vocabulary);
  EXPECT_EQ(encode(model, "abc"), (Tokens{{vocabulary.id("a"), 1}, {vocabulary.id("bc</w>"), 2}}));
  EXPECT_EQ(encode(model, "abx"), (Tokens{{vocabulary.id("ab"), 2}, {vocabulary.id("x</w>"), 1}}));
}

TEST_F(BpeModelTest, JoinsEqualPairsFromTheLeft) {
  const ClipVocabulary vocabulary({"a a", "aa a", "aaa b</w>"});
  const BpeModel model = make_model(vocabulary);
  EXPECT_EQ(encode(model, "aaab"), (Tokens{{vocabulary.id("aaab</w>"), 4}}));
  EXPECT_EQ(encode(model, "aaaab"),
            (Tokens{{vocabulary.id("aa"), 2}, {vocabulary.id("aa"), 2}, {vocabulary.id("b</w>"), 1}}));
}

TEST_F(BpeModelTest, PutsTheUnknownIdForEachByteWithoutAToken) {
  write_text(folder_ / "vocab.json", R"({"a": 0, "b</w>": 1, "ab</w>": 2})");
  write_text(folder_ / "merges.txt", "a b</w>\n");
  const BpeModel model = open(77);
  EXPECT_EQ(encode(model, "ab"), (Tokens{{2, 2}}));
  EXPECT_EQ(encode(model, "axyb"), (Tokens{{0, 1}, {77, 1}, {77, 1}, {1, 1}}));
}

// Quadratic time would take minutes.
TEST_F(BpeModelTest, EncodesAWordOfAMegabyte) {
  const ClipVocabulary vocabulary({"a b", "ab ab", "abab abab"});
  const BpeModel model = make_model(vocabulary);
  std::string word;
  for (int i = 0; i < 500000; ++i) word += "ab";
  const std::vector<BpeToken> tokens = encode(model, word + "abx");
  ASSERT_EQ(tokens.size(), 125002U);
  EXPECT_EQ(tokens.front(), (BpeToken{vocabulary.id("abababab"), 8}));
  EXPECT_EQ(tokens.back(), (BpeToken{vocabulary.id("x</w>"), 1}));
}

TEST_F(BpeModelTest, ReadsMergesWithWindowsLineEndsAndNoLastNewline) {
  write_text(folder_ / "vocab.json", R"({"a": 0, "b": 1, "c</w>": 2, "ab": 3, "abc</w>": 4})");
  write_text(folder_ / "merges.txt", "#version: 0.2\r\na b\r\nab c</w>");
  EXPECT_EQ(encode(open(), "abc"), (Tokens{{4, 3}}));
}

TEST_F(BpeModelTest, NamesTheLineOfAWrongMerge) {
  write_text(folder_ / "vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
  for (const std::string line : {"ab", "", "a b c", "a  b"}) {
    write_text(folder_ / "merges.txt", "#version: 0.2\na b\n" + line + "\na b\n");
    expect_contains(refusal(), "merges.txt:3: '" + line + "' is not two tokens");
  }
  write_text(folder_ / "merges.txt", "a b\na z\n");
  expect_contains(refusal(), "merges.txt:2: 'z' is not in the vocabulary");
  write_text(folder_ / "merges.txt", "b a\n");
  expect_contains(refusal(), "merges.txt:1: 'ba' is not in the vocabulary");
}

TEST_F(BpeModelTest, RefusesAVocabularyThatIsNotTokensAndIds) {
  write_text(folder_ / "merges.txt", "");
  const auto refuses = [&](std::string_view json, std::string_view problem) {
    write_text(folder_ / "vocab.json", json);
    const std::string message = refusal();
    expect_contains(message, "vocab.json");
    expect_contains(message, problem);
  };
  refuses("", "line 1, column 1");
  refuses(R"({"a": 1)", "line 1, column 8");
  refuses("{\"a\": 1,\n\"b\": x}", "line 2");
  refuses("[]", "not an object");
  refuses("7", "not an object");
  refuses(R"({"a": "1"})", "'a' is not a number");
  refuses(R"({"a": {"b": 1}})", "'a' is not a number");
  refuses(R"({"a": [1]})", "'a' is not a number");
  refuses(R"({"a": null})", "'a' is not a number");
  refuses(R"({"a": 1.5})", "'a' is not a whole number");
  refuses(R"({"a": -1})", "'a' is negative");
  refuses(R"({"a": 2147483648})", "'a' is not an id");
  refuses(R"({"a": 1, "a": 2})", "'a' twice");
  refuses("{\"\xff\": 1}", "invalid");
  refuses(R"({"a\u001b[1m": null})", R"('a\x1b[1m' is not a number)");
  refuses(std::string(300000, '[') + std::string(300000, ']'), "not an object");
}

TEST_F(BpeModelTest, FindsTokensByTextPlaceAndId) {
  write_text(folder_ / "vocab.json", R"({"x": 5, "y": 3, "\u0120z": 9})");
  const Vocabulary vocabulary(folder_ / "vocab.json");
  EXPECT_EQ(vocabulary.id_of("y"), 3);
  EXPECT_EQ(vocabulary.id_of("\u0120z"), 9);
  EXPECT_EQ(vocabulary.id_of("z"), std::nullopt);
  EXPECT_EQ(vocabulary.find("y", 0), 1U);  // whatever the guess
  EXPECT_EQ(vocabulary.find("y", 1), 1U);
  EXPECT_EQ(vocabulary.find("z", 99), Vocabulary::kNowhere);
  EXPECT_EQ(vocabulary.token_of(5), "x");
  EXPECT_EQ(vocabulary.token_of(4), std::nullopt);
}

}  // namespace
}  // namespace txt2img
