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

#include "foreign/metadata_json.h"
#include "foreign/names.h"

namespace txt2img::cli::foreign {
namespace {

using nlohmann::json;
using std::string_view;

constexpr std::size_t kNodesMax = 10000;  // visited for one thing
constexpr std::size_t kFarthest = 64;     // links from a setting to its value

// A node and its way in the graph.
class Node {
 public:
  Node(const json& graph, std::string id) : graph_(&graph), id_(std::move(id)) {
    const auto found = graph.find(id_);
    if (found != graph.end() && found->is_object()) node_ = &*found;
  }

  [[nodiscard]] bool exists() const { return node_ != nullptr; }
  [[nodiscard]] const std::string& id() const { return id_; }

  [[nodiscard]] std::string kind() const {
    if (node_ == nullptr || !node_->contains("class_type")) return {};
    return words_of((*node_)["class_type"]);
  }

  // Null if the node has no such input.
  [[nodiscard]] const json& input(string_view name) const {
    static const json kNothing;
    const json& inputs = all_inputs();
    const auto found = inputs.find(name);
    return found == inputs.end() ? kNothing : *found;
  }

  [[nodiscard]] const json& all_inputs() const {
    static const json kNone = json::object();
    if (node_ == nullptr) return kNone;
    const auto inputs = node_->find("inputs");
    return inputs == node_->end() || !inputs->is_object() ? kNone : *inputs;
  }

  // The node that an input is linked to, one that does not exist if it is none.
  [[nodiscard]] Node at(string_view name) const { return target(input(name)); }

  [[nodiscard]] Node target(const json& link) const { return {*graph_, is_link(link) ? words_of(link[0]) : ""}; }

  static bool is_link(const json& value) {
    return value.is_array() && value.size() == 2 && (value[0].is_string() || value[0].is_number_integer()) &&
           value[1].is_number_integer();
  }

 private:
  const json* graph_;
  std::string id_;
  const json* node_ = nullptr;
};

bool is_sampler(const Node& node) {
  const auto has_both = [&node](string_view one, string_view other) {
    return !node.input(one).is_null() && !node.input(other).is_null();
  };
  return has_both("steps", "sampler_name") || has_both("sampler", "sigmas");
}

// The value of a setting, which may come from a node that only holds it: the first of its inputs of that kind.
json resolve(const Node& node, const json& value, bool (*fits)(const json&)) {
  json found = value;
  Node from = node;
  for (std::size_t i = 0; i < kFarthest && Node::is_link(found); ++i) {
    from = from.target(found);
    const json& inputs = from.all_inputs();
    const auto next = std::ranges::find_if(inputs, [fits](const json& input) { return fits(input); });
    const auto link = std::ranges::find_if(inputs, [](const json& input) { return Node::is_link(input); });
    if (next == inputs.end() && link == inputs.end()) return {};
    found = next != inputs.end() ? *next : *link;
  }
  return fits(found) ? found : json();
}

bool is_number(const json& value) { return value.is_number(); }
bool is_text(const json& value) { return value.is_string(); }

class Reader {
 public:
  explicit Reader(const json& graph) : graph_(&graph) {}

  std::optional<Request> read() {
    std::vector<Node> samplers = list_samplers();
    if (samplers.empty()) return std::nullopt;
    // The one that begins with noise and not with what another one made.
    const auto first = std::ranges::find_if(samplers, [](const Node& node) { return !follows_sampler(node); });
    const Node base = first == samplers.end() ? samplers.front() : *first;
    take_sampler(base);
    for (const Node& node : samplers) {
      if (node.id() != base.id()) name_pass(node);
    }
    name_others();
    return std::move(request_);
  }

 private:
  [[nodiscard]] std::vector<Node> list_samplers() const {
    std::vector<Node> samplers;
    for (const auto& [id, node] : graph_->items()) {
      const Node candidate(*graph_, id);
      if (is_sampler(candidate) && samplers.size() < kFarthest) samplers.push_back(candidate);
    }
    return samplers;
  }

  // Whether there is a sampler up the links of the latent.
  [[nodiscard]] static bool follows_sampler(const Node& sampler) {
    std::set<std::string> seen;
    std::vector<Node> due{sampler.at("latent_image")};
    while (!due.empty() && seen.size() < kNodesMax) {
      const Node node = due.back();
      due.pop_back();
      if (!node.exists() || !seen.insert(node.id()).second) continue;
      if (is_sampler(node)) return true;
      for (const json& input : node.all_inputs()) {
        if (Node::is_link(input)) due.push_back(node.target(input));
      }
    }
    return false;
  }

  void see(const Node& node) { seen_.insert(node.id()); }

  // A setting of a node under one of its names.
  void take_input(const Node& node, string_view name, string_view option, bool (*fits)(const json&) = is_number) {
    const json& input = node.input(name);
    if (input.is_null()) return;
    const json value = resolve(node, input, fits);
    if (value.is_null())
      add_leftover(request_, name, Node::is_link(input) ? "of " + node.target(input).kind() : words_of(input));
    else
      add(request_, {option, words_of(value), std::string(name)});
  }

  // uni_pc is of third order there, and of the kind bh1.
  void take_solver(const Node& node, string_view name) {
    const std::string label = words_of(resolve(node, node.input(name), is_text));
    if (label.empty()) return;
    const bool is_unipc = label == "uni_pc" || label == "uni_pc_bh2";
    add_sampler(request_, label, std::string(name));
    if (!is_unipc) return;
    add(request_, {"solver-type", label == "uni_pc" ? "bh1" : "bh2", label});
    add(request_, {"solver-order", "3", label});
  }

  void take_sampler(const Node& node) {
    see(node);
    const Node guider = node.at("guider");
    const Node source = guider.exists() ? guider : node;
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
    const Node negative = source.at("negative");
    if (negative.exists()) add(request_, {"negative", take_text(negative, "negative"), "negative"});
    take_latent(node.at("latent_image"));
    take_model(source.at("model"));
  }

  // Steps and schedule: of the sampler, or of a node that makes levels.
  void take_levels(const Node& node) {
    const Node levels = node.at("sigmas");
    for (const Node& source : {node, levels}) {
      see(source);
      take_input(source, "steps", "steps");
      const json schedule = resolve(source, source.input("scheduler"), is_text);
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
  void name_unless(const Node& node, string_view name, double usual) {
    const json value = resolve(node, node.input(name), is_number);
    if (value.is_number() && (usual < 100 ? value != usual : value < usual))
      add_leftover(request_, name, words_of(value));
  }

  // The text up the links of a conditioning; what else stands in between is named.
  std::string take_text(Node node, string_view role) {
    for (std::size_t i = 0; i < kFarthest && node.exists(); ++i) {
      see(node);
      for (const char* name : {"text", "text_g", "prompt", "string"}) {
        if (node.input(name).is_null()) continue;
        take_clip(node.at("clip"));
        name_second_text(node);
        const json text = resolve(node, node.input(name), is_text);
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

  static Node next_conditioning(const Node& node, string_view role) {
    for (const string_view name : {role, string_view("conditioning_1"), string_view("conditioning_to")}) {
      if (node.at(name).exists()) return node.at(name);
    }
    return node.at("conditioning");
  }

  // Of SDXL's two encoders.
  void name_second_text(const Node& node) {
    const std::string first = words_of(resolve(node, node.input("text_g"), is_text));
    const std::string second = words_of(resolve(node, node.input("text_l"), is_text));
    if (!second.empty() && second != first) add_leftover(request_, "text_l", second);
  }

  void take_clip(Node node) {
    for (std::size_t i = 0; i < kFarthest && node.exists(); ++i) {
      see(node);
      const json layer = resolve(node, node.input("stop_at_clip_layer"), is_number);
      if (layer.is_number_integer() && !has(request_, "clip-skip"))
        add(request_, {"clip-skip", meant_value("clip-skip", words_of(layer)), "stop_at_clip_layer"});
      node = node.at("clip");
    }
  }

  void take_latent(const Node& node) {
    if (!node.exists()) return;
    see(node);
    if (node.input("width").is_null() || node.at("samples").exists() || node.at("pixels").exists())
      add_leftover(request_, "latent_image", node.kind());
    take_input(node, "width", "width");
    take_input(node, "height", "height");
    name_unless(node, "batch_size", 1);
  }

  // The checkpoint and what is put into it on the way.
  void take_model(Node node) {
    for (std::size_t i = 0; i < kFarthest && node.exists(); ++i) {
      see(node);
      const Node next = node.at("model");
      for (const auto& [name, value] : node.all_inputs().items()) {
        if (value.is_string() && name.ends_with("_name")) name_model(name, node, value);
      }
      const bool is_named = node.kind().find("Loader") != std::string::npos || node.kind() == "Reroute";
      if (next.exists() && !is_named) add_leftover(request_, node.kind(), "");
      node = next;
    }
  }

  void name_model(const std::string& name, const Node& node, const json& value) {
    const json& strength = node.input("strength_model");
    add_leftover(request_, name, words_of(value) + (strength.is_number() ? " (" + words_of(strength) + ")" : ""));
  }

  void name_pass(const Node& node) {
    see(node);
    const json denoise = resolve(node, node.input("denoise"), is_number);
    add_leftover(request_, "another pass", node.kind() + (denoise.is_null() ? "" : " denoise " + words_of(denoise)));
  }

  // What changes a picture and lies on no way that was gone: upscalers, another VAE, controls.
  void name_others() {
    for (const auto& [id, value] : graph_->items()) {
      const Node node(*graph_, id);
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
