#include "plan/collisions.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>

#include "plan/file_names.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

class Collisions {
 public:
  Collisions(const Plan& plan, Console& console, const Blame& blame)
      : plan_(&plan), console_(&console), blame_(&blame) {
    item_of_.reserve(plan.items.size());
  }

  void check() {
    if (plan_->on_exists.value_or(plan_->default_on_exists()) == OnExists::kRename) return;
    for (const Item& item : plan_->items) {
      try {
        for (int image = 0; image < item.count; ++image) check_picture(item, image);
      } catch (const Error& error) {
        (*blame_)(item, error);
      }
    }
  }

 private:
  void check_picture(const Item& item, int image) {
    const fs::path path =
        plan_->path_of({.item = static_cast<std::size_t>(&item - plan_->items.data()), .image = image});
    const std::string name = compose_name(path.lexically_normal().string());
    const auto [other, is_new] = item_of_.try_emplace(name, &item);
    if (!is_new) refuse(path, *other->second);
    const auto [twin, is_only] = twin_of_.try_emplace(fold_name(name), &item, path);
    if (!is_only) meet_twin(item, path, *twin->second.first, twin->second.second);
  }

  // Two names on this disk perhaps, one on others: a line can say another.
  void meet_twin(const Item& item, const fs::path& path, const Item& other, const fs::path& twin) {
    if (!item.output.empty() || !other.output.empty()) refuse(path, other);
    if (std::exchange(has_twins_, true)) return;
    console_->warning(
        format_text("{} and {} differ in case only: one file where case is not told apart (macOS, Windows, USB "
                    "sticks); add {{index}} to the name to be safe",
                    path.string(), twin.string()));
  }

  void refuse(const fs::path& path, const Item& other) const {
    const std::string remedy = "; add {index} or {seed} to the name, or give --on-exists rename";
    if (plan_->files.empty()) {
      throw Error(ExitCode::kUsage, "--output: several pictures would be written to " + path.string() + remedy);
    }
    throw Error(
        ExitCode::kBadData,
        format_text("its picture would be written to {}, as would one of {}{}", path.string(),
                    plan_->files.size() > 1 ? plan_->place_of(other) : "line " + std::to_string(other.line), remedy));
  }

  const Plan* plan_;
  Console* console_;
  const Blame* blame_;
  std::unordered_map<std::string, const Item*> item_of_;  // by path
  std::unordered_map<std::string, std::pair<const Item*, fs::path>> twin_of_;
  bool has_twins_ = false;  // and that was said
};

}  // namespace

void check_collisions(const Plan& plan, Console& console, const Blame& blame) {
  Collisions(plan, console, blame).check();
}

}  // namespace txt2img::cli
