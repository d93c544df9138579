#include "plan/plan.h"

#include <system_error>

#include "plan/file_names.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {

namespace fs = std::filesystem;

std::string Plan::place_of(const Item& item) const { return format_text("{}:{}", files.at(item.file), item.line); }

void settle_output(const Plan& plan, Job& job) {
  if (plan.destination() != Destination::kFiles) return;
  const fs::path path = plan.path_of(job);
  std::error_code ignored;
  if (plan.on_exists == OnExists::kSkip && fs::is_regular_file(path, ignored)) {
    job.state = JobState::kSkipped;
    return;
  }
  check_can_create(path);
}

void check_is_free(const Plan& plan, const Job& job) {
  if (plan.destination() != Destination::kFiles || plan.on_exists_of(job) != OnExists::kError) return;
  const fs::path path = plan.path_of(job);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  throw Error(ExitCode::kCannotCreate,
              path.string() + ": the file exists; remove it, or give --on-exists overwrite, rename or skip");
}

OnExists Plan::on_exists_of(const Job& job) const {
  if (on_exists) return *on_exists;
  const bool is_earlier_state = job.state == JobState::kDamaged || job.state == JobState::kOther;
  if (is_earlier_state || !items[job.item].output.empty()) return OnExists::kOverwrite;
  return default_on_exists();
}

Settings Plan::settings_of(const Job& job) const {
  const Item& item = items[job.item];
  Settings settings = styles[item.style];
  settings.prompt = item.prompt;
  settings.seed = item.seed + static_cast<std::uint64_t>(job.image);
  return settings;
}

fs::path Plan::path_of(const Job& job) const {
  if (!names || names->destination() == Destination::kStandardOutput) return {};
  const Item& item = items[job.item];
  return names->path_of({.index = item.first + static_cast<std::size_t>(job.image) + 1,
                         .item = item.number,
                         .image = job.image,
                         .settings = settings_of(job),
                         .model = bundle.name,
                         .id = item.id,
                         .output = item.output});
}

}  // namespace txt2img::cli
