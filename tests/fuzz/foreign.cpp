// Texts that other programs put into pictures: the first byte picks the keyword. Also as AUTOMATIC1111's text in a
// prompt file, and as EXIF data.
#include "foreign/picture.h"

#include <array>

#include "foreign/infotext.h"
#include "fuzz.h"
#include "png/exif_comment.h"
#include "txt2img/utf8.h"

namespace {

using txt2img::cli::foreign::Request;

constexpr std::array kKeywords = {"parameters", "prompt",  "workflow",    "invokeai_metadata", "sd-metadata",
                                  "Dream",      "Comment", "UserComment", "XML:com.adobe.xmp"};

void check(const std::optional<Request>& request) {
  if (!request) return;
  txt2img::fuzz::require(list_of_rest(*request).size() < 8192);
  for (const txt2img::cli::foreign::Setting& setting : request->settings)
    txt2img::fuzz::require(!setting.option.empty() && setting.option != "count");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  if (size == 0) return 0;
  const std::string_view rest = fuzz::text_of(data + 1, size - 1);
  return fuzz::try_it([&] {
    if (const std::optional<std::string> comment = exif_comment(rest)) fuzz::require(is_valid_utf8(*comment));
    const std::string text = replace_invalid_utf8(rest);
    const std::array texts = {PngText{.keyword = kKeywords[data[0] % kKeywords.size()], .text = text}};
    check(cli::foreign::read_request(texts));
    check(cli::foreign::parse_infotext(text));
  });
}
