#include "cli/geneval.h"

#include <nlohmann/json.hpp>

#include "cli/json_line.h"

namespace txt2img::cli {

std::string geneval_metadata(const Item& item) {
  nlohmann::ordered_json metadata = nlohmann::ordered_json::object();
  if (!item.passed.empty()) {
    const auto passed = nlohmann::ordered_json::parse(item.passed);
    if (passed.contains("extra")) metadata = passed["extra"];
  }
  metadata["prompt"] = item.prompt;
  return json_line(metadata) + '\n';
}

std::optional<std::filesystem::path> geneval_metadata_path(const Options& options, const Item& item,
                                                           const std::filesystem::path& picture) {
  if (options.layout != Layout::kGeneval || !item.output.empty()) return std::nullopt;
  return picture.parent_path().parent_path() / "metadata.jsonl";
}

}  // namespace txt2img::cli
