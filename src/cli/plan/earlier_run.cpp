#include "plan/earlier_run.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan/existing_pictures.h"
#include "plan/geneval.h"
#include "plan/manifest.h"
#include "plan/moved_pictures.h"
#include "plan/outcome.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

class EarlierRun {
 public:
  EarlierRun(Plan& plan, const RunOptions& options, Console& console)
      : plan_(&plan), options_(&options), console_(&console) {}

  void find() {
    const ExistingPictures existing(*options_, plan_->bundle, plan_->root());
    for (Job& job : plan_->jobs) {
      if (!goes_on() && !options_->verifies() && plan_->on_exists_of(job) != OnExists::kError) continue;
      job.state = existing.state_of(plan_->path_of(job), plan_->settings_of(job));
    }
    if (options_->purpose != Purpose::kVerify) check_names_are_free();
    if (!options_->resumes && options_->purpose == Purpose::kDraw) check_manifest(*options_, plan_->root());
    if (goes_on() || options_->verifies()) plan_->moved = find_moved(*plan_, existing);
    if (options_->shard) leave_moved();
    if (options_->resumes && options_->purpose == Purpose::kDraw) remove_all_leftovers();
  }

 private:
  [[nodiscard]] bool goes_on() const { return options_->resumes || options_->purpose == Purpose::kRedo; }

  void remove_all_leftovers() const {
    std::set<fs::path> folders;
    for (const Job& job : plan_->jobs) {
      const fs::path path = plan_->path_of(job);
      folders.insert(path.parent_path());
      const std::optional<fs::path> metadata = geneval_metadata_path(*options_, plan_->items[job.item], path);
      if (metadata) folders.insert(metadata->parent_path());
    }
    for (const fs::path& folder : folders) remove_leftovers(folder, options_->shard.has_value());
  }

  // Without a record in the pictures one that was written just before the run was killed cannot be told from another
  // file: it is drawn, and compared.
  [[nodiscard]] bool is_taken(const Job& job) const {
    switch (job.state) {
      case JobState::kDue:
      case JobState::kSkipped:
      case JobState::kMissing: return false;
      case JobState::kDamaged:
      case JobState::kOther: return !goes_on();
      case JobState::kForeign: break;
    }
    const bool may_be_ours = goes_on() && options_->target.metadata == Metadata::kOmit;
    return plan_->on_exists_of(job) == OnExists::kError && !may_be_ours;
  }

  void check_names_are_free() const {
    std::vector<fs::path> taken;
    for (const Job& job : plan_->jobs) {
      const Item& item = plan_->items[job.item];
      const fs::path path = plan_->path_of(job);
      const std::optional<fs::path> metadata = geneval_metadata_path(*options_, item, path);
      if (is_taken(job))
        taken.push_back(path);
      else if (metadata && !goes_on() && geneval_metadata_differs(*options_, item, path))
        taken.push_back(*metadata);
    }
    if (taken.empty()) return;
    const std::string which =
        taken.front().string() +
        (taken.size() > 1 ? format_text(" and {} more files of this run's names", taken.size() - 1) : "");
    throw Error(ExitCode::kCannotCreate,
                goes_on() ? which +
                                ": not drawn by this program, and not replaced; move what is there away, choose "
                                "another folder with --output, or give --on-exists overwrite"
                          : which +
                                ": there already; go on with an earlier run by --resume, choose another folder with "
                                "--output, or give --on-exists rename, skip or overwrite");
  }

  // Another shard may be about to replace them.
  void leave_moved() {
    if (plan_->moved.empty()) return;
    console_->warning(
        format_text("{} of this run lie under the names of other lines, such as {}; shards draw them again, --resume "
                    "without --shard renames them",
                    pictures_text(plan_->moved.size()), plan_->moved.begin()->second.string()));
    plan_->moved.clear();
  }

  Plan* plan_;
  const RunOptions* options_;
  Console* console_;
};

}  // namespace

bool looks_back(const RunOptions& options, const Plan& plan) {
  if (plan.destination() != Destination::kFiles) return false;
  return options.resumes || (options.verifies() && options.source.has_files()) ||
         (!plan.on_exists && plan.default_on_exists() == OnExists::kError);
}

void find_earlier(Plan& plan, const RunOptions& options, Console& console) {
  if (looks_back(options, plan)) EarlierRun(plan, options, console).find();
}

}  // namespace txt2img::cli
