#include "txt2img/picture_input.h"

#include <gtest/gtest.h>

#include <vector>

#include "fixtures/clip_vocabulary.h"
#include "fixtures/expect_error.h"
#include "fixtures/scratch_folder.h"

namespace txt2img {
namespace {

// A bundle that reads five ids of a text.
class PictureInputTest : public testing::Test {
 protected:
  PictureInputTest() {
    vocabulary_.write(folder_.path());
    bundle_.folder = folder_.path();
    bundle_.tokenizers = {vocabulary_.spec(5)};
  }

  [[nodiscard]] PictureInput input(const Settings& settings) const { return make_input(settings, Tokenizers(bundle_)); }

  ScratchFolder folder_;
  ClipVocabulary vocabulary_{{}};
  Bundle bundle_;
};

TEST_F(PictureInputTest, HasTheIdsOfBothTexts) {
  const PictureInput made = input({.prompt = "a", .negative = "b c", .seed = 3});
  const auto id = [this](const char* token) { return vocabulary_.id(token); };
  const std::int64_t bos = vocabulary_.bos;
  const std::int64_t eos = vocabulary_.eos;
  EXPECT_EQ(made.prompt, (TextIds{{bos, id("a</w>"), eos, eos, eos}}));
  EXPECT_EQ(made.negative, (TextIds{{bos, id("b</w>"), id("c</w>"), eos, eos}}));
  EXPECT_EQ(made.settings.seed, 3U);
}

TEST_F(PictureInputTest, ABatchMayDifferInItsTextsAndSeeds) {
  const std::vector<PictureInput> batch{input({.prompt = "a", .negative = "b", .seed = 3}),
                                        input({.prompt = "c", .negative = {}})};
  EXPECT_NO_THROW(check_batch(batch, bundle_));
}

TEST_F(PictureInputTest, RefusesWhatCannotBeDrawnAtOnce) {
  const auto refuse = [this](const std::vector<PictureInput>& batch) {
    return expect_error(ExitCode::kUsage, [&] { check_batch(batch, bundle_); });
  };
  EXPECT_EQ(refuse({}), "nothing to draw");
  PictureInput other = input({});
  other.settings.steps = 7;
  EXPECT_EQ(refuse({input({}), other}), "pictures of one batch must have the same size and settings");

  const std::string not_padded = "a text's ids are not those of the bundle's tokenizers, filled up to their lengths";
  other = input({});
  other.negative.front().pop_back();
  EXPECT_EQ(refuse({input({}), other}), not_padded);
  other = input({});
  other.prompt.push_back(other.prompt.front());
  EXPECT_EQ(refuse({other}), not_padded);
  EXPECT_EQ(refuse({{.settings = {}}}), not_padded);
}

}  // namespace
}  // namespace txt2img
