#include "foreign/comfy_graph.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foreign/comfy_node.h"
#include "foreign/metadata_json.h"
#include "foreign/names.h"

namespace txt2img::cli::foreign {
namespace {

using nlohmann::json;
using std::string_view;

bool is_number(const json& value) { return value.is_number(); }
bool is_text(const json& value) { return value.is_string(); }

class Reader {
 public:
  explicit Reader(const json& graph) : graph_(&graph) {}

  std::optional<Request> read() {
    std::vector<ComfyNode> samplers = list_samplers();
    if (samplers.empty()) return std::nullopt;
    // The one that begins with noise and not with what another one made.
    const auto first = std::ranges::find_if(samplers, [](const ComfyNode& node) { return !node.follows_sampler(); });
    const ComfyNode base = first == samplers.end() ? samplers.front() : *first;
    take_sampler(base);
    for (const ComfyNode& node : samplers) {
      if (node.id() != base.id()) name_pass(node);
    }
    name_others();
    return std::move(request_);
  }

 private:
  [[nodiscard]] std::vector<ComfyNode> list_samplers() const {
    std::vector<ComfyNode> samplers;
    for (const auto& [id, node] : graph_->items()) {
      const ComfyNode candidate(*graph_, id);
      if (candidate.is_sampler() && samplers.size() < kFarthestNode) samplers.push_back(candidate);
    }
    return samplers;
  }

  void see(const ComfyNode& node) { seen_.insert(node.id()); }

  // A setting of a node under one of its names.
  void take_input(const ComfyNode& node, string_view name, string_view option, bool (*fits)(const json&) = is_number) {
    const json& input = node.input(name);
    if (input.is_null()) return;
    const json value = node.resolve(name, fits);
    if (value.is_null())
      add_leftover(request_, name, ComfyNode::is_link(input) ? "of " + node.target(input).kind() : words_of(input));
    else
      add(request_, {option, words_of(value), std::string(name)});
  }

  // uni_pc is of third order there, and of the kind bh1.
  void take_solver(const ComfyNode& node, string_view name) {
    const std::string label = words_of(node.resolve(name, is_text));
    if (label.empty()) return;
    const bool is_unipc = label == "uni_pc" || label == "uni_pc_bh2";
    add_sampler(request_, label, std::string(name));
    if (!is_unipc) return;
    add(request_, {"solver-type", label == "uni_pc" ? "bh1" : "bh2", label});
    add(request_, {"solver-order", "3", label});
  }

  void take_sampler(const ComfyNode& node) {
    see(node);
    const ComfyNode guider = node.at("guider");
    const ComfyNode source = guider.exists() ? guider : node;
    see(guider);
    take_input(node, "seed", "seed");
    take_input(node, "noise_seed", "seed");
    take_input(node.at("noise"), "noise_seed", "seed");
    take_levels(node);
    take_input(source, "cfg", "guidance");
    if (guider.kind() == "BasicGuider") add(request_, {"guidance", "1", guider.kind()});
    take_solver(node, "sampler_name");
    take_solver(node.at("sampler"), "sampler_name");
    request_.prompt =
        take_text(source.at(source.input("positive").is_null() ? "conditioning" : "positive"), "positive");
    const ComfyNode negative = source.at("negative");
    if (negative.exists()) add(request_, {"negative", take_text(negative, "negative"), "negative"});
    take_latent(node.at("latent_image"));
    take_model(source.at("model"));
  }

  // Steps and schedule: of the sampler, or of a node that makes levels.
  void take_levels(const ComfyNode& node) {
    const ComfyNode levels = node.at("sigmas");
    for (const ComfyNode& source : {node, levels}) {
      see(source);
      take_input(source, "steps", "steps");
      const json schedule = source.resolve("scheduler", is_text);
      if (!schedule.is_null()) add(request_, {"schedule", words_of(schedule), "scheduler"});
      name_unless(source, "denoise", 1);
      name_unless(source, "start_at_step", 0);
      name_unless(source, "end_at_step", 10000);
    }
    if (levels.exists() && !has(request_, "schedule")) take_schedule_of(levels.kind());
  }

  void take_schedule_of(const std::string& kind) {
    constexpr auto kSchedules = std::to_array<std::pair<string_view, string_view>>(
        {{"KarrasScheduler", "karras"}, {"ExponentialScheduler", "exponential"}, {"AlignYourStepsScheduler", "ays"}});
    const auto* const found = std::ranges::find(kSchedules, kind, &std::pair<string_view, string_view>::first);
    if (found == kSchedules.end())
      add_leftover(request_, kind, "");
    else
      add(request_, {"schedule", std::string(found->second), kind});
  }

  // A number that is not what it is where nothing was chosen.
  void name_unless(const ComfyNode& node, string_view name, double usual) {
    const json value = node.resolve(name, is_number);
    if (value.is_number() && (usual < 100 ? value != usual : value < usual))
      add_leftover(request_, name, words_of(value));
  }

  // The text up the links of a conditioning; what else stands in between is named.
  std::string take_text(ComfyNode node, string_view role) {
    for (std::size_t i = 0; i < kFarthestNode && node.exists(); ++i) {
      see(node);
      for (const char* name : {"text", "text_g", "prompt", "string"}) {
        if (node.input(name).is_null()) continue;
        take_clip(node.at("clip"));
        name_second_text(node);
        const json text = node.resolve(name, is_text);
        if (text.is_null()) add_leftover(request_, role, "a text that is not found");
        return words_of(text);
      }
      if (node.kind() == "ConditioningZeroOut") return {};
      if (node.kind() != "Reroute") add_leftover(request_, node.kind(), "");
      node = next_conditioning(node, role);
    }
    add_leftover(request_, role, "a text that is not found");
    return {};
  }

  static ComfyNode next_conditioning(const ComfyNode& node, string_view role) {
    for (const string_view name : {role, string_view("conditioning_1"), string_view("conditioning_to")}) {
      if (node.at(name).exists()) return node.at(name);
    }
    return node.at("conditioning");
  }

  // Of SDXL's two encoders.
  void name_second_text(const ComfyNode& node) {
    const std::string first = words_of(node.resolve("text_g", is_text));
    const std::string second = words_of(node.resolve("text_l", is_text));
    if (!second.empty() && second != first) add_leftover(request_, "text_l", second);
  }

  void take_clip(ComfyNode node) {
    for (std::size_t i = 0; i < kFarthestNode && node.exists(); ++i) {
      see(node);
      const json layer = node.resolve("stop_at_clip_layer", is_number);
      if (layer.is_number_integer() && !has(request_, "clip-skip"))
        add(request_, {"clip-skip", meant_value("clip-skip", words_of(layer)), "stop_at_clip_layer"});
      node = node.at("clip");
    }
  }

  void take_latent(const ComfyNode& node) {
    if (!node.exists()) return;
    see(node);
    if (node.input("width").is_null() || node.at("samples").exists() || node.at("pixels").exists())
      add_leftover(request_, "latent_image", node.kind());
    take_input(node, "width", "width");
    take_input(node, "height", "height");
    name_unless(node, "batch_size", 1);
  }

  // The checkpoint and what is put into it on the way.
  void take_model(ComfyNode node) {
    for (std::size_t i = 0; i < kFarthestNode && node.exists(); ++i) {
      see(node);
      const ComfyNode next = node.at("model");
      for (const auto& [name, value] : node.all_inputs().items()) {
        if (value.is_string() && name.ends_with("_name")) name_model(name, node, value);
      }
      const bool is_named = node.kind().find("Loader") != std::string::npos || node.kind() == "Reroute";
      if (next.exists() && !is_named) add_leftover(request_, node.kind(), "");
      node = next;
    }
  }

  void name_model(const std::string& name, const ComfyNode& node, const json& value) {
    const json& strength = node.input("strength_model");
    add_leftover(request_, name, words_of(value) + (strength.is_number() ? " (" + words_of(strength) + ")" : ""));
  }

  void name_pass(const ComfyNode& node) {
    see(node);
    const json denoise = node.resolve("denoise", is_number);
    add_leftover(request_, "another pass", node.kind() + (denoise.is_null() ? "" : " denoise " + words_of(denoise)));
  }

  // What changes a picture and lies on no way that was gone: upscalers, another VAE, controls.
  void name_others() {
    for (const auto& [id, value] : graph_->items()) {
      const ComfyNode node(*graph_, id);
      if (seen_.contains(id)) continue;
      for (const char* name : {"vae_name", "control_net_name", "upscale_method"}) {
        if (node.input(name).is_string()) add_leftover(request_, name, words_of(node.input(name)));
      }
    }
  }

  const json* graph_;
  std::set<std::string> seen_;
  Request request_{.program = "ComfyUI", .prompt = {}};
};

}  // namespace

std::optional<Request> read_comfy_graph(const json& graph) { return Reader(graph).read(); }

}  // namespace txt2img::cli::foreign
