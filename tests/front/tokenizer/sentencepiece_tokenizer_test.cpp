#include "tokenizer/sentencepiece_tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "fixtures/expect_error.h"
#include "fixtures/random_bytes.h"
#include "fixtures/scratch_folder.h"
#include "fixtures/sentencepiece_model.h"
#include "tokenizer/sentencepiece_check.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

using Ids = std::vector<std::int64_t>;

// "\u2581" stands for a space. Letters cost more than the words made of them.
std::vector<ModelPiece> pieces() {
  return {{"\u2581red", -1},    {"\u2581apple", -1}, {"s", -2},      {"\u2581", -3},
          {"\u82F9\u679C", -1}, {"a", -9},           {"\u00E9", -5}, {"r", -9}};
}
enum : std::int64_t { kRed = 4, kApple, kS, kSpace, kApples, kA, kE, kR, kPieceEnd };
constexpr std::int64_t kUnknown = 3;

class SentencePieceTokenizerTest : public testing::Test {
 protected:
  SentencePieceTokenizerTest() { write(make_sentencepiece_model(pieces())); }

  void write(const std::string& model) { std::ofstream(folder_ / "tokenizer.model", std::ios::binary) << model; }
  [[nodiscard]] std::unique_ptr<Tokenizer> open() const { return make_tokenizer(spec_, folder_.path()); }
  [[nodiscard]] Tokens encode(std::string_view text) const { return open()->encode(text); }
  [[nodiscard]] std::string refusal() const {
    return expect_error(ExitCode::kBadData, [&] { static_cast<void>(open()); });
  }

  ScratchFolder folder_;
  TokenizerSpec spec_{.kind = TokenizerKind::kSentencePiece,
                      .vocab = "",
                      .merges = "",
                      .model = "tokenizer.model",
                      .length = 32,
                      .bos = 1,
                      .eos = 2,
                      .pad = 0,
                      .special = {}};
};

TEST_F(SentencePieceTokenizerTest, CutsATextWhereTheScoresAreBest) {
  EXPECT_EQ(encode("red apples").ids, (Ids{1, kRed, kApple, kS, 2}));
  EXPECT_EQ(encode("\u82F9\u679C red").ids, (Ids{1, kSpace, kApples, kRed, 2}));
  EXPECT_EQ(encode("").ids, (Ids{1, 2}));
  EXPECT_EQ(encode("ar").ids, (Ids{1, kSpace, kA, kR, 2}));
}

TEST_F(SentencePieceTokenizerTest, LeavesOutABosThatTheModelDoesNotHave) {
  spec_.bos = -1;
  EXPECT_EQ(encode("red").ids, (Ids{kRed, 2}));
}

TEST_F(SentencePieceTokenizerTest, TakesUnknownCharactersTogether) {
  EXPECT_EQ(encode("red xyz").ids, (Ids{1, kRed, kSpace, kUnknown, 2}));
}

TEST_F(SentencePieceTokenizerTest, ReadsInvalidBytesAsReplacementCharacters) {
  EXPECT_EQ(encode("red\xff\xff s").ids, encode("red\uFFFD\uFFFD s").ids);
  spec_.length = 3;
  EXPECT_EQ(encode("red \xE2\x82s").cut, "\uFFFDs");
}

TEST_F(SentencePieceTokenizerTest, FillsTheWholeLengthBeforeItCutsAnything) {
  spec_.length = 5;
  EXPECT_EQ(encode("red apples").cut, "");
  const Tokens tokens = encode("red apples red\u82F9\u679C");
  EXPECT_EQ(tokens.ids, (Ids{1, kRed, kApple, kS, 2}));
  EXPECT_EQ(tokens.cut, "red\u82F9\u679C");
  spec_.bos = -1;
  EXPECT_EQ(encode("red apples red\u82F9\u679C").ids, (Ids{kRed, kApple, kS, kRed, 2}));
  EXPECT_EQ(encode("red apples red\u82F9\u679C").cut, "\u82F9\u679C");
}

TEST_F(SentencePieceTokenizerTest, TakesAnyBytes) {
  spec_.length = 6;
  const auto tokenizer = open();
  RandomBytes random(4);
  for (int i = 0; i < 2000; ++i) {
    const std::string bytes = random.text(random.number(100));
    const Tokens tokens = tokenizer->encode(bytes);
    ASSERT_LE(tokens.ids.size(), 6U);
    ASSERT_TRUE(replace_invalid_utf8(bytes).ends_with(tokens.cut));
  }
}

TEST_F(SentencePieceTokenizerTest, RefusesIdsThatTheModelDoesNotHave) {
  spec_.pad = kPieceEnd;
  EXPECT_NE(refusal().find("it has 12 tokens, but bos, eos or pad in model.json is 12"), std::string::npos);
  spec_.pad = kPieceEnd - 1;
  EXPECT_NO_THROW(static_cast<void>(open()));
}

TEST_F(SentencePieceTokenizerTest, RefusesBytesThatAreNoModel) {
  for (const std::string& bytes :
       {std::string(), std::string("hello"), std::string(1000, '\xff'), std::string(1000, '\0')}) {
    write(bytes);
    EXPECT_NE(refusal().find("tokenizer.model: "), std::string::npos);
  }
  write(make_sentencepiece_model({{"", -1}}));
  EXPECT_NE(refusal().find("piece must not be empty"), std::string::npos);
  write(make_sentencepiece_model({{"a", -1}, {"a", -1}}));
  EXPECT_NE(refusal().find("a is already defined"), std::string::npos);
}

TEST_F(SentencePieceTokenizerTest, SurvivesAModelCutOffAnywhere) {
  const std::string model = make_sentencepiece_model(pieces());
  int refused = 0;
  for (std::size_t size = 0; size < model.size(); ++size) {
    write(model.substr(0, size));
    try {
      open()->encode("red apples");
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::kBadData);
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

TEST_F(SentencePieceTokenizerTest, SurvivesAModelWithAnyByteChanged) {
  const std::string model = make_sentencepiece_model(pieces());
  RandomBytes random(5);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = model;
    for (int k = 0; k < 1 + i % 3; ++k) bytes[random.number(bytes.size())] = random.byte();
    write(bytes);
    try {
      open()->encode("red apples \u82F9\u679C xyz");
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::kBadData);
    }
  }
}

// --- what the library does not check itself ---

// Units of a double array, and replacements after it.
std::string make_charsmap(const std::vector<std::uint32_t>& units, std::string_view replacements) {
  std::string charsmap;
  const auto put = [&](std::uint32_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8) charsmap += static_cast<char>(value >> shift & 0xFFU);
  };
  put(static_cast<std::uint32_t>(units.size() * 4));
  for (const std::uint32_t unit : units) put(unit);
  return charsmap.append(replacements);
}

constexpr std::uint32_t kHasValue = 1U << 8U;
constexpr std::uint32_t kIsValue = 1U << 31U;
constexpr std::uint32_t offset(std::uint32_t value) { return value << 10U; }

// 'R' becomes 'r' (replacement 0). The root leads to state 1, there 'R' (0x52) to unit 0x53, whose state is 0x53 ^ 0x43
// = 0x10.
std::vector<std::uint32_t> capital_r() {
  std::vector<std::uint32_t> units(256, kIsValue);
  units[0] = offset(1);
  units[0x53] = offset(0x43) | kHasValue | 'R';
  units[0x10] = kIsValue | 0;
  return units;
}

TEST_F(SentencePieceTokenizerTest, NormalizesAsTheModelSays) {
  write(make_sentencepiece_model(pieces(), make_charsmap(capital_r(), std::string_view("r\0", 2))));
  EXPECT_EQ(encode("Red").ids, (Ids{1, kRed, 2}));
}

TEST_F(SentencePieceTokenizerTest, RefusesATableThatLeadsOutOfItself) {
  const auto problem_of = [](const std::vector<std::uint32_t>& units, std::string_view replacements = {"r\0", 2}) {
    return find_sentencepiece_problem(make_sentencepiece_model(pieces(), make_charsmap(units, replacements)));
  };
  EXPECT_EQ(problem_of(capital_r()), "");
  std::vector<std::uint32_t> units = capital_r();
  units[0x53] = offset(0x100) | kHasValue | 'R';  // past the end
  EXPECT_NE(problem_of(units), "");
  units = capital_r();
  units[0] = offset(1U << 20U);
  EXPECT_NE(problem_of(units), "");
  units = capital_r();
  units[0x53] = offset(0x52) | kHasValue | 'R';  // RRRR... for ever
  EXPECT_NE(problem_of(units), "");
  units = capital_r();
  units[0] |= 7;  // and by way of the root
  units[0x53] = offset(0x53 ^ 7) | kHasValue | 'R';
  EXPECT_NE(problem_of(units), "");
  EXPECT_NE(problem_of(std::vector<std::uint32_t>(255, kIsValue)), "");
  EXPECT_NE(problem_of({}), "");
  EXPECT_NE(problem_of(capital_r(), std::string(5000, 'x')), "");
  write(make_sentencepiece_model(pieces(), make_charsmap(std::vector<std::uint32_t>(256, 0xFFFFFFFF), "")));
  EXPECT_NE(refusal().find("tokenizer.model: its normalisation table is damaged"), std::string::npos);
}

TEST_F(SentencePieceTokenizerTest, RefusesMoreRulesAtOnePlaceThanTheLibraryHasRoomFor) {
  const auto chain = [](std::uint32_t length) {  // "b", "bb", "bbb", ... each with a replacement
    std::vector<std::uint32_t> units(std::size_t{256} * (length + 2), kIsValue);
    units[0] = offset(0x100);
    for (std::uint32_t i = 1; i <= length; ++i) {
      const std::uint32_t at = 0x100 * i ^ 'b';
      units[at] = offset(at ^ 0x100 * (i + 1)) | kHasValue | 'b';
    }
    return find_sentencepiece_problem(
        make_sentencepiece_model(pieces(), make_charsmap(units, std::string_view("r\0", 2))));
  };
  EXPECT_EQ(chain(32), "");
  EXPECT_NE(chain(33), "");
}

TEST_F(SentencePieceTokenizerTest, RefusesMoreUserDefinedSymbolsAtOnePlaceThanTheLibraryHasRoomFor) {
  const auto problem_of = [](std::size_t count) {  // "x", "xx", "xxx", ... and others in between
    std::vector<ModelPiece> symbols;
    for (std::size_t i = 1; i <= count; ++i) {
      symbols.push_back({std::string(i, 'x'), 0, ModelPiece::kUserDefined});
      symbols.push_back({std::string(i, 'x') + "y", 0, ModelPiece::kUserDefined});
    }
    return find_sentencepiece_problem(make_sentencepiece_model(symbols));
  };
  EXPECT_EQ(problem_of(63), "");
  EXPECT_NE(problem_of(64), "");  // 64 times x, then y
}

}  // namespace
}  // namespace txt2img
