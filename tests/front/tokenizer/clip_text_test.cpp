#include "tokenizer/clip_text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/clip_unicode.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

std::string to_utf8(std::u32string_view chars) {
  std::string text;
  for (const char32_t value : chars) append_utf8(text, value);
  return text;
}

std::string normalized(std::string_view text) { return to_utf8(normalize_clip_text(text).chars); }

// "two" "words" as {"two", "words"}.
std::vector<std::string> words_of(std::string_view text) {
  const ClipText clip = normalize_clip_text(text);
  std::vector<std::string> words;
  for (const ClipWord& word : split_clip_words(clip.chars)) {
    words.push_back(to_utf8(std::u32string_view(clip.chars).substr(word.begin, word.end - word.begin)));
  }
  return words;
}

using Words = std::vector<std::string>;

TEST(ClipText, ComposesAccents) {
  EXPECT_EQ(normalized("e\u0301"), "\u00E9");
  EXPECT_EQ(normalized("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(normalized("\u212B"), "\u00E5");  // the Angstrom sign, then lower case
  EXPECT_EQ(normalized("q\u0323\u0307"), normalized("q\u0307\u0323"));
}

TEST(ClipText, LeavesMarksNewerThanTheReferenceWhereTheyAre) {
  EXPECT_EQ(normalized("e\u1ABF\u0334"), "e\u1ABF\u0334");  // Unicode 13 would put U+0334 first
  EXPECT_EQ(normalized("\uAC00\u11A7"), "\uAC00\u11A7");
}

TEST(ClipText, JoinsSpacesOfAllKindsToOne) {
  EXPECT_EQ(normalized(" \t\r\n a\u00A0\u3000\u2003b\u0085"), " a b ");
  EXPECT_EQ(normalized("a\u200Bb\u180E"), "a\u200Bb\u180E");  // no spaces
}

TEST(ClipText, LowersCharacterByCharacter) {
  EXPECT_EQ(normalized("\u0130I"), "i\u0307i");
  EXPECT_EQ(normalized("\u039F\u03A3"), "\u03BF\u03C3");  // no final sigma
  EXPECT_EQ(normalized("\u1E9E\uFF21\U00010400"), "\u00DF\uFF41\U00010428");
  EXPECT_EQ(normalized("\U00016EA1\uA7CB"), "\U00016EBC\u0264");  // newer than utf8proc
}

TEST(ClipText, RemembersWhereCharactersCameFrom) {
  const ClipText text = normalize_clip_text("A  e\u0301\u4E2Dx", 100);
  EXPECT_EQ(text.chars, U"a \u00E9\u4E2Dx");
  EXPECT_EQ(text.origins, (std::vector<std::size_t>{100, 101, 103, 106, 109}));
}

TEST(ClipText, GivesEachOfSeveralCharactersTheSameOrigin) {
  const ClipText text = normalize_clip_text("x\u0130y");
  EXPECT_EQ(text.chars, U"xi\u0307y");
  EXPECT_EQ(text.origins, (std::vector<std::size_t>{0, 1, 1, 3}));
}

TEST(ClipText, CutsIntoLettersNumbersAndTheRest) {
  EXPECT_EQ(words_of("two red-apples, 2024!?"), (Words{"two", "red", "-", "apples", ",", "2", "0", "2", "4", "!?"}));
  EXPECT_EQ(words_of("\u4E24\u4E2A\u82F9\u679C\u3002\u0663\u2167"),
            (Words{"\u4E24\u4E2A\u82F9\u679C", "\u3002", "\u0663", "\u2177"}));
  EXPECT_EQ(words_of(" "), Words{});
  EXPECT_EQ(words_of(""), Words{});
}

TEST(ClipText, TakesMarksAndEmojiForTheRest) {
  EXPECT_EQ(words_of("a\u0336b"), (Words{"a", "\u0336", "b"}));
  EXPECT_EQ(words_of("\U0001F468\u200D\U0001F469\U0001F3FD ok"), (Words{"\U0001F468\u200D\U0001F469\U0001F3FD", "ok"}));
}

TEST(ClipText, CutsOffContractions) {
  EXPECT_EQ(
      words_of("It's DON'T we'll they've I'm you're he'd 'sup"),
      (Words{"it", "'s", "don", "'t", "we", "'ll", "they", "'ve", "i", "'m", "you", "'re", "he", "'d", "'s", "up"}));
  EXPECT_EQ(words_of("rock''s"), (Words{"rock", "''", "s"}));  // the run of marks is longer
}

TEST(ClipText, KeepsTheBracketsOfMarkersToThemselves) {
  EXPECT_EQ(words_of("<|endoftext|>!!"), (Words{"<|", "endoftext", "|>", "!!"}));
  EXPECT_EQ(words_of("<|endofword|>!!"), (Words{"<|", "endofword", "|>!!"}));
}

TEST(ClipText, KnowsLettersAndNumbersNewerThanItsLibrary) {
  EXPECT_TRUE(is_clip_letter(0x1C89));
  EXPECT_TRUE(is_clip_letter(0x2EBF0));
  EXPECT_FALSE(is_clip_letter(0x2EE5E));
  EXPECT_TRUE(is_clip_number(0x1CCF0));
  EXPECT_FALSE(is_clip_number(0x1CCFA));
}

// Quadratic time would take minutes.
TEST(ClipText, NormalizesALongRunOfMarks) {
  std::string text = "a";
  for (int i = 0; i < 200000; ++i) text += i % 2 == 0 ? "\u0345" : "\u0334";  // always out of order
  const ClipText out = normalize_clip_text(text);
  ASSERT_EQ(out.chars.size(), 200001U);
  EXPECT_EQ(out.chars[1], U'\u0334');
  EXPECT_EQ(out.chars[100000], U'\u0334');
  EXPECT_EQ(out.chars[100001], U'\u0345');
}

}  // namespace
}  // namespace txt2img
