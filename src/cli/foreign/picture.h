// What a picture of another program says about how it was drawn.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "foreign/request.h"
#include "txt2img/png.h"

namespace txt2img::cli::foreign {

// Knows AUTOMATIC1111 and its forks, Civitai, stable-diffusion.cpp, ComfyUI, InvokeAI, Fooocus, SwarmUI, NovelAI, Draw
// Things, and programs that write the text of the first or a text for each setting. Nothing if no text can be read so.
std::optional<Request> read_request(std::span<const PngText> texts);

// "Software, Comment"
std::string names_of(std::span<const PngText> texts);

}  // namespace txt2img::cli::foreign
