// A graph of ComfyUI: which settings its picture was drawn with.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "foreign/request.h"

namespace txt2img::cli::foreign {

// `graph` is the text "prompt" of a picture: nodes by id, each {"class_type": ..., "inputs": {name: value or [id,
// output]}}. Of several passes the first, which begins with noise, is the one that is drawn here; the others are named.
// Nothing if there is no node that samples.
std::optional<Request> read_comfy_graph(const nlohmann::json& graph);

}  // namespace txt2img::cli::foreign
