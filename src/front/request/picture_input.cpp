#include "txt2img/picture_input.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "txt2img/error.h"

namespace txt2img {
namespace {

void check_ids(const TextIds& ids, const std::vector<TokenizerSpec>& tokenizers) {
  const auto is_padded = [](const std::vector<std::int64_t>& row, const TokenizerSpec& spec) {
    return row.size() == static_cast<std::size_t>(spec.length);
  };
  if (std::ranges::equal(ids, tokenizers, is_padded)) return;
  throw Error(ExitCode::kUsage, "a text's ids are not those of the bundle's tokenizers, filled up to their lengths");
}

}  // namespace

PictureInput make_input(const Settings& settings, const Tokenizers& tokenizers) {
  return {.settings = settings,
          .prompt = tokenizers.padded_ids(settings.prompt),
          .negative = tokenizers.padded_ids(settings.negative)};
}

void check_batch(std::span<const PictureInput> pictures, const Bundle& bundle) {
  if (pictures.empty()) throw Error(ExitCode::kUsage, "nothing to draw");
  for (const PictureInput& picture : pictures) {
    if (!can_share_batch(pictures.front().settings, picture.settings))
      throw Error(ExitCode::kUsage, "pictures of one batch must have the same size and settings");
    check_ids(picture.prompt, bundle.tokenizers);
    check_ids(picture.negative, bundle.tokenizers);
  }
}

}  // namespace txt2img
