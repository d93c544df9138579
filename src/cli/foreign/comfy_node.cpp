#include "foreign/comfy_node.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "foreign/metadata_json.h"

namespace txt2img::cli::foreign {

using nlohmann::json;
using std::string_view;

constexpr std::size_t kNodesMax = 10000;  // visited for one thing

ComfyNode::ComfyNode(const json& graph, std::string id) : graph_(&graph), id_(std::move(id)) {
  const auto found = graph.find(id_);
  if (found != graph.end() && found->is_object()) node_ = &*found;
}

std::string ComfyNode::kind() const {
  if (node_ == nullptr || !node_->contains("class_type")) return {};
  return words_of((*node_)["class_type"]);
}

const json& ComfyNode::input(string_view name) const {
  static const json kNothing;
  const json& inputs = all_inputs();
  const auto found = inputs.find(name);
  return found == inputs.end() ? kNothing : *found;
}

const json& ComfyNode::all_inputs() const {
  static const json kNone = json::object();
  if (node_ == nullptr) return kNone;
  const auto inputs = node_->find("inputs");
  return inputs == node_->end() || !inputs->is_object() ? kNone : *inputs;
}

ComfyNode ComfyNode::target(const json& link) const { return {*graph_, is_link(link) ? words_of(link[0]) : ""}; }

bool ComfyNode::is_link(const json& value) {
  return value.is_array() && value.size() == 2 && (value[0].is_string() || value[0].is_number_integer()) &&
         value[1].is_number_integer();
}

bool ComfyNode::is_sampler() const {
  const auto has_both = [this](string_view one, string_view other) {
    return !input(one).is_null() && !input(other).is_null();
  };
  return has_both("steps", "sampler_name") || has_both("sampler", "sigmas");
}

bool ComfyNode::follows_sampler() const {
  std::set<std::string> seen;
  std::vector<ComfyNode> due{at("latent_image")};
  while (!due.empty() && seen.size() < kNodesMax) {
    const ComfyNode node = due.back();
    due.pop_back();
    if (!node.exists() || !seen.insert(node.id()).second) continue;
    if (node.is_sampler()) return true;
    for (const json& input : node.all_inputs()) {
      if (is_link(input)) due.push_back(node.target(input));
    }
  }
  return false;
}

json ComfyNode::resolve(string_view name, bool (*fits)(const json&)) const {
  json found = input(name);
  ComfyNode from = *this;
  for (std::size_t i = 0; i < kFarthestNode && is_link(found); ++i) {
    from = from.target(found);
    const json& inputs = from.all_inputs();
    const auto next = std::ranges::find_if(inputs, [fits](const json& input) { return fits(input); });
    const auto link = std::ranges::find_if(inputs, [](const json& input) { return is_link(input); });
    if (next == inputs.end() && link == inputs.end()) return {};
    found = next != inputs.end() ? *next : *link;
  }
  return fits(found) ? found : json();
}

}  // namespace txt2img::cli::foreign
