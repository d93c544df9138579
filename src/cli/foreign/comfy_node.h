// A node of ComfyUI's graph, and the links that lead away from it.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace txt2img::cli::foreign {

inline constexpr std::size_t kFarthestNode = 64;  // links from a setting to its value

class ComfyNode {
 public:
  ComfyNode(const nlohmann::json& graph, std::string id);

  [[nodiscard]] bool exists() const { return node_ != nullptr; }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::string kind() const;

  // Null if the node has no such input.
  [[nodiscard]] const nlohmann::json& input(std::string_view name) const;
  [[nodiscard]] const nlohmann::json& all_inputs() const;

  // The node that an input is linked to, one that does not exist if it is none.
  [[nodiscard]] ComfyNode at(std::string_view name) const { return target(input(name)); }
  [[nodiscard]] ComfyNode target(const nlohmann::json& link) const;

  static bool is_link(const nlohmann::json& value);

  [[nodiscard]] bool is_sampler() const;

  // Whether there is a sampler up the links of the latent.
  [[nodiscard]] bool follows_sampler() const;

  // The value of an input that fits. It may come from a node that only holds it: the first of its inputs of that kind.
  // Null if there is none.
  [[nodiscard]] nlohmann::json resolve(std::string_view name, bool (*fits)(const nlohmann::json&)) const;

 private:
  const nlohmann::json* graph_;
  std::string id_;
  const nlohmann::json* node_ = nullptr;
};

}  // namespace txt2img::cli::foreign
