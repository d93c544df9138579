#include "txt2img/tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "fixtures/clip_vocabulary.h"
#include "fixtures/expect_error.h"
#include "fixtures/random_bytes.h"
#include "fixtures/scratch_folder.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

using Ids = std::vector<std::int64_t>;

class ClipTokenizerTest : public testing::Test {
 protected:
  ClipTokenizerTest() : vocabulary_({"r e", "re d</w>", "c a", "ca t</w>"}) {
    vocabulary_.write(folder_.path());
    spec_ = vocabulary_.spec(77);
  }

  [[nodiscard]] Tokens encode(std::string_view text) const {
    return make_tokenizer(spec_, folder_.path())->encode(text);
  }

  // Ids between bos and eos.
  [[nodiscard]] Ids ids_of(std::string_view text) const {
    const Tokens tokens = encode(text);
    EXPECT_EQ(tokens.ids.front(), spec_.bos);
    EXPECT_EQ(tokens.ids.back(), spec_.eos);
    return {tokens.ids.begin() + 1, tokens.ids.end() - 1};
  }
  [[nodiscard]] std::int64_t id(const std::string& token) const { return vocabulary_.id(token); }

  ScratchFolder folder_;
  ClipVocabulary vocabulary_;
  TokenizerSpec spec_;
};

TEST_F(ClipTokenizerTest, AllTokenizersOfABundleReadTheSameText) {
  TokenizerSpec shorter = spec_;
  shorter.length = 4;
  shorter.pad = 0;
  Bundle bundle;
  bundle.folder = folder_.path();
  bundle.tokenizers = {spec_, shorter, shorter};
  const Tokenizers tokenizers(bundle);
  const TextTokens tokens = tokenizers.encode("red cat red");
  const Ids three{spec_.bos, id("red</w>"), id("cat</w>"), id("red</w>"), spec_.eos};
  const Ids two{spec_.bos, id("red</w>"), id("cat</w>"), spec_.eos};
  EXPECT_EQ(tokens.ids, (TextIds{three, two, two}));
  EXPECT_EQ(tokens.cut, "red");

  const TextIds padded = tokenizers.padded_ids("red");
  EXPECT_EQ(padded.at(0).size(), 77U);
  EXPECT_EQ(padded.at(0).back(), spec_.eos);
  EXPECT_EQ(padded.at(1), (Ids{spec_.bos, id("red</w>"), spec_.eos, 0}));
}

TEST_F(ClipTokenizerTest, ATextOfAnEmbeddingBecomesItsIds) {
  spec_.added = {{"<cat>", {600, 601}}, {"<cat>_1", {601}}};
  EXPECT_EQ(ids_of("red <cat> red"), (Ids{id("red</w>"), 600, 601, id("red</w>")}));
  EXPECT_EQ(ids_of("<CAT>"), (Ids{600, 601}));
  EXPECT_EQ(ids_of("<cat>_1"), (Ids{601}));
  spec_.length = 4;
  EXPECT_EQ(ids_of("red <cat>"), (Ids{id("red</w>"), 600}));
}

TEST_F(ClipTokenizerTest, JoinsWordsFromTheirBytes) {
  EXPECT_EQ(ids_of("Red  CAT"), (Ids{id("red</w>"), id("cat</w>")}));
  EXPECT_EQ(ids_of("redo"), (Ids{id("re"), id("d"), id("o</w>")}));
  EXPECT_EQ(ids_of("\u00E9"), (Ids{vocabulary_.byte(0xC3), vocabulary_.byte(0xA9) + 256}));
  EXPECT_EQ(ids_of(""), Ids{});
  EXPECT_EQ(ids_of(" \n"), Ids{});
}

TEST_F(ClipTokenizerTest, ReadsInvalidBytesAsReplacementCharacters) {
  EXPECT_EQ(ids_of("\xff"), ids_of("\uFFFD"));
  EXPECT_EQ(ids_of("red\xE2\x82 cat"), ids_of("red\uFFFD cat"));
}

// The published models: eos is also the padding (SD 1) or is not (SD 2); transformers treats it differently.
TEST_F(ClipTokenizerTest, FindsBosAndEosTypedInAPrompt) {
  const std::int64_t bos = spec_.bos;
  const std::int64_t eos = spec_.eos;
  const std::int64_t red = id("red</w>");
  EXPECT_EQ(ids_of("red<|endoftext|>red"), (Ids{red, eos, red}));
  EXPECT_EQ(ids_of("<|startoftext|> red"), (Ids{bos, red}));
  EXPECT_EQ(ids_of("<|StartOfText|>red"), (Ids{bos, red}));
  EXPECT_EQ(ids_of("<|EndOfText|>").size(), 13U);  // < | e n d o f t e x t | >
  spec_.pad = 0;
  EXPECT_EQ(ids_of("red<|endoftext|>"), (Ids{red, eos}));
  EXPECT_EQ(ids_of("red<|EndOfText|>red"), (Ids{red, eos, red}));
}

TEST_F(ClipTokenizerTest, SplitsOffSpecialTextsBeforeAnythingElse) {
  spec_.pad = 0;
  spec_.special = {{"!", 0}};
  EXPECT_EQ(ids_of("red!! cat!"), (Ids{id("red</w>"), 0, 0, id("cat</w>"), 0}));
  EXPECT_EQ(ids_of("\uFF01"), (Ids{vocabulary_.byte(0xEF), vocabulary_.byte(0xBC), vocabulary_.byte(0x81) + 256}));
  EXPECT_EQ(ids_of("rock!'s"), (Ids{id("r"), id("o"), id("c"), id("k</w>"), 0, id("'"), id("s</w>")}));
}

TEST_F(ClipTokenizerTest, PrefersTheLongestOfTheSpecialTexts) {
  spec_.special = {{"red", 7}, {"red cat", 8}, {"cat red", 9}};
  EXPECT_EQ(ids_of("red cat red"), (Ids{8, 7}));
  EXPECT_EQ(ids_of("Red cat"), (Ids{id("red</w>"), id("cat</w>")}));  // as typed, not as normalised
}

TEST_F(ClipTokenizerTest, NormalizesTheTextBetweenSpecialTextsByItself) {
  spec_.special = {{"e", 5}};
  EXPECT_EQ(ids_of("e\u0301"), (Ids{5, vocabulary_.byte(0xCC), vocabulary_.byte(0x81) + 256}));
}

TEST_F(ClipTokenizerTest, FillsTheWholeLengthBeforeItCutsAnything) {
  spec_.length = 5;
  const Tokens fits = encode("red cat red ");
  EXPECT_EQ(fits.ids, (Ids{spec_.bos, id("red</w>"), id("cat</w>"), id("red</w>"), spec_.eos}));
  EXPECT_EQ(fits.cut, "");
  const Tokens cut = encode("red cat red cat");
  EXPECT_EQ(cut.ids, fits.ids);
  EXPECT_EQ(cut.cut, "cat");
}

TEST_F(ClipTokenizerTest, QuotesTheEndOfTheTextAsItWasTyped) {
  spec_.length = 3;
  EXPECT_EQ(encode("Red   Cat,\tRED \u00C9\n").cut, "Cat,\tRED \u00C9\n");
  EXPECT_EQ(encode("redo").cut, "do");
  EXPECT_EQ(encode("red<|endoftext|> cat").cut, "<|endoftext|> cat");
  EXPECT_EQ(encode("<|STARTOFTEXT|>CAT").cut, "CAT");
  EXPECT_EQ(encode("red e\u0301\u0323\xff").cut, "e\u0301\u0323\uFFFD");
  EXPECT_EQ(encode("\u4E2D\u6587").cut, "\u4E2D\u6587");  // cut within the first character
  EXPECT_EQ(encode("red \u0130x").cut, "\u0130x");
}

TEST_F(ClipTokenizerTest, FitsNothingIntoTwoIds) {
  spec_.length = 2;
  const Tokens tokens = encode(" red cat");
  EXPECT_EQ(tokens.ids, (Ids{spec_.bos, spec_.eos}));
  EXPECT_EQ(tokens.cut, "red cat");
}

TEST_F(ClipTokenizerTest, TakesAnyBytes) {
  const auto tokenizer = make_tokenizer(spec_, folder_.path());
  RandomBytes random(3);
  for (int i = 0; i < 2000; ++i) {
    const std::string bytes = random.text(random.number(200));
    const Tokens tokens = tokenizer->encode(bytes);
    ASSERT_LE(tokens.ids.size(), 77U);
    ASSERT_EQ(tokens.ids.size() == 77U || tokens.cut.empty(), true);
    ASSERT_TRUE(replace_invalid_utf8(bytes).ends_with(tokens.cut));
  }
}

TEST_F(ClipTokenizerTest, KeepsItsIdsWhenWhatWasCutIsCutOff) {
  spec_.length = 12;
  const std::string text = "red cat cared 1234 it's caf\u00E9 <|endoftext|> redcat";
  const Tokens tokens = encode(text);
  ASSERT_FALSE(tokens.cut.empty());
  EXPECT_EQ(encode(text.substr(0, text.size() - tokens.cut.size())).ids, tokens.ids);
}

TEST_F(ClipTokenizerTest, RefusesFilesThatDoNotGoWithTheModel) {
  const auto refusal = [&] { return expect_error(ExitCode::kBadData, [&] { make_tokenizer(spec_, folder_.path()); }); };
  const TokenizerSpec good = spec_;
  spec_.bos = 999999;
  EXPECT_NE(refusal().find("vocab.json: no token has the id 999999"), std::string::npos);
  spec_ = good;
  spec_.eos = std::int64_t{1} << 40U;
  EXPECT_NE(refusal().find("vocab.json: no token has the id"), std::string::npos);
  spec_ = good;
  spec_.special = {{"", 0}};
  EXPECT_NE(refusal().find("special text"), std::string::npos);
  spec_ = good;
  spec_.length = 1;
  EXPECT_NE(refusal().find("1 ids"), std::string::npos);
  spec_ = good;
  write_text(folder_ / "merges.txt", "no merges");
  EXPECT_NE(refusal().find("merges.txt:1: "), std::string::npos);
}

TEST_F(ClipTokenizerTest, SaysWhichFileIsMissing) {
  std::filesystem::remove(folder_ / "merges.txt");
  const std::string message = expect_error(ExitCode::kMissingInput, [&] { make_tokenizer(spec_, folder_.path()); });
  EXPECT_NE(message.find("merges.txt"), std::string::npos);
}

TEST(Tokenizer, PadsToTheLengthOfTheModel) {
  const TokenizerSpec spec{
      .kind = TokenizerKind::kClipBpe, .vocab = "", .merges = "", .model = "", .length = 5, .pad = 9, .special = {}};
  EXPECT_EQ(pad_ids({1, 2, 3}, spec), (Ids{1, 2, 3, 9, 9}));
  EXPECT_EQ(pad_ids({1, 2, 3, 4, 5}, spec), (Ids{1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace txt2img
