#include "plan/geneval.h"

#include <span>
#include <system_error>

#include "screen/json_line.h"
#include "txt2img/sha256.h"

namespace txt2img::cli {

std::string geneval_metadata(const Item& item) {
  nlohmann::ordered_json metadata = nlohmann::ordered_json::object();
  if (item.passed.contains("extra")) metadata = item.passed.at("extra");
  metadata["prompt"] = item.prompt;
  return json_line(metadata) + '\n';
}

std::optional<std::filesystem::path> geneval_metadata_path(const RunOptions& options, const Item& item,
                                                           const std::filesystem::path& picture) {
  if (options.target.layout != Layout::kGeneval || !item.output.empty()) return std::nullopt;
  return picture.parent_path().parent_path() / "metadata.jsonl";
}

bool geneval_metadata_differs(const RunOptions& options, const Item& item, const std::filesystem::path& picture) {
  const std::optional<std::filesystem::path> file = geneval_metadata_path(options, item, picture);
  std::error_code ignored;
  if (!file || !std::filesystem::exists(*file, ignored)) return false;
  const std::string text = geneval_metadata(item);
  return sha256_hex_of_file(*file) != sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace txt2img::cli
