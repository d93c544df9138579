#include "options/models.h"

#include <algorithm>
#include <system_error>

#include "txt2img/bundle.h"
#include "txt2img/error.h"
#include "txt2img/sha256.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

bool is_model(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "model.json", ignored);
}

bool has_hash(const fs::path& folder, const std::string& sha256) {
  try {
    return sha256_hex_of_file(folder / "model.json") == sha256;
  } catch (const Error&) {
    return false;  // cannot be read: not the model looked for
  }
}

bool is_recorded(const Record& record, const std::string& model) {
  try {
    return has_hash(find_bundle(model), record.model_sha256);
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::vector<fs::path> installed_models() {
  std::vector<fs::path> models;
  for (const fs::path& folder : model_folders()) {
    std::error_code ignored;
    const auto first = static_cast<std::ptrdiff_t>(models.size());
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
      if (is_model(entry.path())) models.push_back(entry.path());
    }
    std::sort(models.begin() + first, models.end());
  }
  return models;
}

std::string find_recorded_model(const Record& record, const std::string& chosen) {
  if (is_recorded(record, chosen)) return chosen;
  for (const fs::path& model : installed_models()) {
    // A model is code: one that lies in the current folder is never taken unasked.
    if (model.is_absolute() && has_hash(model, record.model_sha256)) return model.string();
  }
  return chosen;
}

}  // namespace txt2img::cli
