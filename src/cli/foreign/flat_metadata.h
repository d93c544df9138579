// Programs that store their settings as one flat JSON object: Fooocus, InvokeAI, NovelAI, SwarmUI, Draw Things.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

#include "foreign/request.h"

namespace txt2img::cli::foreign {

enum class FlatProgram { kFooocus, kInvoke, kDrawThings, kNovelAi, kSwarm };

Request read_flat(const nlohmann::json& settings, FlatProgram program);

// The program that wrote an object without a word of who it is, by its keys; nothing if none is known.
std::optional<FlatProgram> guess_program(const nlohmann::json& settings);

}  // namespace txt2img::cli::foreign
