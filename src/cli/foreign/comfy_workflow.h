// What ComfyUI's editor saves of a graph: the text "workflow" of a picture.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace txt2img::cli::foreign {

// As the text "prompt" has it (comfy_graph.h). Values of nodes that are no part of ComfyUI have no names there, and are
// left out.
nlohmann::json graph_of_workflow(const nlohmann::json& workflow);

}  // namespace txt2img::cli::foreign
