#include "foreign/comfy_workflow.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "foreign/metadata_json.h"

namespace txt2img::cli::foreign {
namespace {

using nlohmann::json;
using std::string_view;

struct Widgets {
  string_view kind;
  std::array<string_view, 10> names;  // in the editor's order; "" is one that only the editor has
};

// The editor keeps what follows a seed, "randomize" or "fixed", among the values.
constexpr auto kWidgets = std::to_array<Widgets>(
    {{"KSampler", {"seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"}},
     {"KSamplerAdvanced",
      {"add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler", "start_at_step", "end_at_step"}},
     {"KSamplerSelect", {"sampler_name"}},
     {"SamplerCustom", {"add_noise", "noise_seed", "", "cfg"}},
     {"BasicScheduler", {"scheduler", "steps", "denoise"}},
     {"KarrasScheduler", {"steps"}},
     {"ExponentialScheduler", {"steps"}},
     {"AlignYourStepsScheduler", {"model_type", "steps", "denoise"}},
     {"SDTurboScheduler", {"steps", "denoise"}},
     {"RandomNoise", {"noise_seed"}},
     {"CFGGuider", {"cfg"}},
     {"CLIPTextEncode", {"text"}},
     {"CLIPSetLastLayer", {"stop_at_clip_layer"}},
     {"EmptyLatentImage", {"width", "height", "batch_size"}},
     {"CheckpointLoaderSimple", {"ckpt_name"}},
     {"UNETLoader", {"unet_name"}},
     {"LoraLoader", {"lora_name", "strength_model", "strength_clip"}},
     {"LoraLoaderModelOnly", {"lora_name", "strength_model"}},
     {"VAELoader", {"vae_name"}},
     {"ControlNetLoader", {"control_net_name"}},
     {"PrimitiveNode", {"value"}}});

const json& member(const json& object, const char* name) {
  static const json kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

json values_of(const json& node) {
  json inputs = json::object();
  const std::string kind = words_of(member(node, "type"));
  const auto* const widgets = std::ranges::find(kWidgets, kind, &Widgets::kind);
  const json& values = member(node, "widgets_values");
  if (widgets == kWidgets.end() || !values.is_array()) return inputs;
  for (std::size_t i = 0; i < std::min(values.size(), widgets->names.size()); ++i) {
    if (!widgets->names[i].empty()) inputs[std::string(widgets->names[i])] = values[i];
  }
  return inputs;
}

// By the number of a link, the node that it comes from: [number, node, output, ...].
std::map<std::string, json> list_links(const json& workflow) {
  std::map<std::string, json> sources;
  for (const json& link : member(workflow, "links")) {
    if (!link.is_array() || link.size() < 3 || !link[2].is_number_integer()) continue;
    sources[words_of(link[0])] = json::array({words_of(link[1]), link[2]});
  }
  return sources;
}

void add_links(json& inputs, const json& node, const std::map<std::string, json>& sources) {
  for (const json& input : member(node, "inputs")) {
    if (!input.is_object()) continue;
    const auto source = sources.find(words_of(member(input, "link")));
    if (source != sources.end()) inputs[words_of(member(input, "name"))] = source->second;
  }
}

}  // namespace

json graph_of_workflow(const json& workflow) {
  const std::map<std::string, json> sources = list_links(workflow);
  json graph = json::object();
  for (const json& node : member(workflow, "nodes")) {
    if (!node.is_object()) continue;
    json inputs = values_of(node);
    add_links(inputs, node, sources);
    graph[words_of(member(node, "id"))] = {{"class_type", member(node, "type")}, {"inputs", inputs}};
  }
  return graph;
}

}  // namespace txt2img::cli::foreign
