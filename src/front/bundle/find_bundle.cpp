#include "bundle/find_bundle.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <system_error>

#include "txt2img/bundle.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBundledModel = "stickers";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_bundle(const fs::path& folder) { return is_there(folder / "model.json"); }

// The file that this code was loaded from.
fs::path library_file() {
  Dl_info found{};
  if (::dladdr(reinterpret_cast<const void*>(&library_file), &found) == 0 || found.dli_fname == nullptr) return {};
  std::error_code ignored;
  return fs::weakly_canonical(found.dli_fname, ignored);
}

std::vector<fs::path> user_model_folders() {
  std::vector<fs::path> folders;
  if (const char* variable = std::getenv("TXT2IMG_MODELS")) {
    std::istringstream parts(variable);
    for (std::string part; std::getline(parts, part, ':');) {
      if (!part.empty()) folders.emplace_back(part);
    }
  }
  return folders;
}

void append_new(std::vector<fs::path>& folders, const std::vector<fs::path>& others) {
  for (const fs::path& other : others) {
    const bool is_known = std::ranges::any_of(folders, [&other](const fs::path& folder) {
      std::error_code ignored;
      return folder == other || fs::equivalent(folder, other, ignored);
    });
    if (!is_known) folders.push_back(other);
  }
}

fs::path find_by_name(const std::string& name, const std::vector<fs::path>& folders, const std::string& what,
                      std::string looked_in) {
  for (const fs::path& folder : folders) {
    if (is_bundle(folder / name)) return folder / name;
    looked_in += (looked_in.empty() ? "" : ", ") + (folder / name).string();
  }
  throw Error(
      ExitCode::kMissingInput,
      format_text(
          "there is no {} (looked for model.json in {}); name a folder, or set TXT2IMG_MODELS to where your models are",
          what, looked_in.empty() ? "no folder" : looked_in));
}

// A model is code. The one that is taken unasked must not be one that happens to lie in the current folder.
fs::path find_bundled_model() {
  std::vector<fs::path> folders = own_model_folders(library_file());
  append_new(folders, user_model_folders());
  return find_by_name(kBundledModel, folders, "bundled model " + std::string(kBundledModel), "");
}

}  // namespace

std::vector<fs::path> own_model_folders(const fs::path& library) {
  constexpr int kLevels = 3;  // <prefix>/lib/x86_64-linux-gnu/ is the deepest
  std::vector<fs::path> folders;
  fs::path folder = library.parent_path();
  for (int level = 0; level < kLevels && folder.has_relative_path(); ++level, folder = folder.parent_path()) {
    const fs::path parent = folder.parent_path();
    const fs::path installed = parent / "share" / "txt2img" / "models";
    if (is_there(installed)) folders.push_back(installed);
    if (folder.filename() == "build" && is_there(parent / "CMakeLists.txt") && is_there(parent / "models")) {
      folders.push_back(parent / "models");
    }
  }
  return folders;
}

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  append_new(folders, user_model_folders());
  append_new(folders, {"models"});
  append_new(folders, own_model_folders(library_file()));
  return folders;
}

fs::path find_bundle(const std::string& model) {
  if (model.empty()) return find_bundled_model();
  fs::path path(model);
  if (is_bundle(path)) return path;
  if (path.filename() == "model.json" && is_there(path)) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
  }
  const bool is_name = !path.has_parent_path() && model != "." && model != "..";
  return find_by_name(model, is_name ? model_folders() : std::vector<fs::path>(), "model " + model, path.string());
}

}  // namespace txt2img
