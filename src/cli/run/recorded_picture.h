// A picture with the record of how it was drawn.
#pragma once

#include <cstdint>
#include <vector>

#include "options/command.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/image.h"
#include "txt2img/record.h"
#include "txt2img/request.h"

namespace txt2img::cli {

// What is written into a picture of such an engine.
Record record_of(const Bundle& bundle, const Settings& settings, const EngineFacts& engine, const Picture& picture);

// The file of a picture.
std::vector<std::uint8_t> encode_picture(const Image& image, const Record& record, Metadata metadata);

}  // namespace txt2img::cli
