#include "options/prompt_format.h"

#include <algorithm>
#include <filesystem>

#include "options/option_values.h"
#include "txt2img/ascii.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {

PromptFormat format_of(const std::string& file) {
  const std::string extension = lower_case(std::filesystem::path(file).extension().string());
  if (extension == ".ndjson") return PromptFormat::kJsonl;
  const auto& [formats, names] = kPromptFormats;
  const auto* const found = std::ranges::find(names, std::string_view(extension).substr(extension.empty() ? 0 : 1));
  if (file != "-" && found != names.end()) return formats[static_cast<std::size_t>(found - names.begin())];
  throw Error(ExitCode::kUsage,
              format_text("--file {}: the name does not tell the format; give --format {}", file, list_of(names)));
}

}  // namespace txt2img::cli
