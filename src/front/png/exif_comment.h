// The comment in EXIF data, where programs that draw pictures put their settings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace txt2img {

// The tag UserComment (0x9286 in the Exif sub-IFD, EXIF 2.32 section 4.6.5) of a TIFF structure as an eXIf chunk holds
// it, as UTF-8; nothing if there is none or the structure is broken.
std::optional<std::string> exif_comment(std::string_view tiff);

}  // namespace txt2img
