// What the engine draws a picture from: numbers, no text.
#pragma once

#include <span>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/request.h"
#include "txt2img/tokenizer.h"

namespace txt2img {

struct PictureInput {
  Settings settings;   // with the texts that the ids were made of
  TextIds prompt{};    // padded: what the text encoder takes
  TextIds negative{};  // read where the picture is guided
};

TXT2IMG_API PictureInput make_input(const Settings& settings, const Tokenizers& tokenizers);

// Throws Error(kUsage) where the pictures cannot be drawn by the same calls: there is none, their settings cannot share
// a batch (request.h), or ids are not padded as the bundle's tokenizers say.
TXT2IMG_API void check_batch(std::span<const PictureInput> pictures, const Bundle& bundle);

}  // namespace txt2img
