// A run: pictures are planned, drawn and written one by one.
#pragma once

#include <cstdint>
#include <vector>

#include "options/options.h"
#include "screen/console.h"
#include "txt2img/engine.h"
#include "txt2img/error.h"

namespace txt2img::cli {

struct Plan;

// Pictures that are found under other names get theirs first; their jobs become kSkipped.
ExitCode draw_plan(Plan& plan, const Options& options, Console& console);
ExitCode draw_pictures(const Options& options, Console& console);
ExitCode show_plan(const Options& options, Console& console);

// What is written into a picture of this engine.
Record record_of(const Bundle& bundle, const Settings& settings, const Options& options, const Engine& engine,
                 const Picture& picture);

// The file of a picture.
std::vector<std::uint8_t> encode_picture(const Image& image, const Record& record, Metadata metadata);

}  // namespace txt2img::cli
