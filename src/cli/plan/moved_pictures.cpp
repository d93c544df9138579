#include "plan/moved_pictures.h"

#include <sys/file.h>

#include <fcntl.h>
#include <algorithm>
#include <cerrno>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "txt2img/error.h"
#include "txt2img/output_file.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "#-a-cat.png" for 00001-a-cat.png and 00002-a-cat.png: what the names of a template have in common.
std::string without_numbers(std::string_view name) {
  std::string pattern;
  for (const char c : name) {
    if (!is_digit(c))
      pattern += c;
    else if (!pattern.ends_with('#'))
      pattern += '#';
  }
  return pattern;
}

// Also for 00001-a-cat-2.png, as a file is called that made room.
std::string pattern_of(const fs::path& path) {
  std::string stem = path.stem().string();
  const std::size_t number = stem.find_last_not_of("0123456789");
  if (number != std::string::npos && number + 1 < stem.size() && stem[number] == '-') stem.erase(number);
  return without_numbers((path.parent_path() / stem).string() + path.extension().string());
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    entries.push_back(folder / entry.path().filename());
  }
  std::ranges::sort(entries);
  return entries;
}

// Folders that a template makes of other numbers: all that are called like this one, seen from the root.
std::vector<fs::path> folders_like(const fs::path& root, const fs::path& below) {
  std::error_code ignored;
  std::vector<fs::path> folders{root};
  for (const fs::path& part : below) {
    std::vector<fs::path> next;
    const std::string pattern = without_numbers(part.string());
    for (const fs::path& folder : folders) {
      if (pattern == part.string()) {
        next.push_back(folder / part);
        continue;
      }
      for (const fs::path& entry : entries_of(folder)) {
        if (without_numbers(entry.filename().string()) == pattern && fs::is_directory(entry, ignored))
          next.push_back(entry);
      }
    }
    folders = std::move(next);
  }
  return folders;
}

class MovedPictures {
 public:
  MovedPictures(const Plan& plan, const ExistingPictures& existing) : plan_(&plan), existing_(&existing) {
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) list(i);
  }

  std::map<std::size_t, fs::path> find() {
    for (const fs::path& file : candidates()) {
      if (const std::optional<std::size_t> job = job_of(file)) moved_[*job] = file;
    }
    return std::move(moved_);
  }

 private:
  void list(std::size_t number) {
    const Job& job = plan_->jobs[number];
    const fs::path path = plan_->path_of(job);
    if (job.state == JobState::kSkipped || job.state == JobState::kDamaged) kept_.insert(path.string());
    if (!is_due(job.state) || !plan_->items[job.item].output.empty()) return;
    const fs::path name = path.string().substr(plan_->root().size());
    due_.push_back(number);
    patterns_.insert(pattern_of(name));
    folders_.try_emplace(without_numbers(name.parent_path().string()), name.parent_path());
  }

  [[nodiscard]] std::vector<fs::path> candidates() const {
    const fs::path root = plan_->root();
    std::vector<fs::path> files;
    for (const fs::path& like : std::views::values(folders_)) {
      for (const fs::path& folder : folders_like(root, like)) {
        for (const fs::path& file : entries_of(folder)) {
          if (is_candidate(file)) files.push_back(file);
        }
      }
    }
    return files;
  }

  [[nodiscard]] bool is_candidate(const fs::path& file) const {
    std::error_code ignored;
    return patterns_.contains(pattern_of(file.string().substr(plan_->root().size()))) &&
           !kept_.contains(file.string()) && fs::is_regular_file(fs::symlink_status(file, ignored));
  }

  std::optional<std::size_t> job_of(const fs::path& file) {
    for (const Record& record : identify(file)) {
      if (const std::optional<std::size_t> job = job_of(file, record)) return job;
    }
    return std::nullopt;
  }

  // The first due job of this key that lacks a picture.
  std::optional<std::size_t> job_of(const fs::path& file, const Record& record) {
    const auto jobs = jobs_drawn_like(record).find(record.job_key);
    if (jobs == jobs_drawn_like(record).end()) return std::nullopt;
    const std::string pattern = pattern_of(name_below_root(file));
    const auto job = std::ranges::find_if(jobs->second, [&](std::size_t number) {
      return pattern_of(name_below_root(plan_->path_of(plan_->jobs[number]))) == pattern && !moved_.contains(number);
    });
    return job == jobs->second.end() ? std::nullopt : std::optional(*job);
  }

  [[nodiscard]] std::vector<Record> identify(const fs::path& file) const {
    try {
      return existing_->identify(file);
    } catch (const Error& error) {
      if (error.code() == ExitCode::kIo) throw;
      return {};
    }
  }

  using JobsByKey = std::unordered_map<std::string, std::vector<std::size_t>>;

  // A job key has the device and the precisions in it, which may not have been asked for.
  JobsByKey& jobs_drawn_like(const Record& record) {
    const auto [entry, is_new] =
        jobs_.try_emplace({record.device, static_cast<int>(record.precision), static_cast<int>(record.vae_precision)});
    if (is_new) {
      for (const std::size_t number : due_) {
        const Settings settings = plan_->settings_of(plan_->jobs[number]);
        entry->second[existing_->job_key_of(record, settings)].push_back(number);
      }
    }
    return entry->second;
  }

  [[nodiscard]] fs::path name_below_root(const fs::path& path) const {
    return path.string().substr(plan_->root().size());
  }

  const Plan* plan_;
  const ExistingPictures* existing_;
  std::vector<std::size_t> due_;
  std::unordered_set<std::string> kept_;     // files that stay where they are
  std::set<std::string> patterns_;           // of the names that are due
  std::map<std::string, fs::path> folders_;  // by pattern, one of each
  std::map<std::tuple<std::string, int, int>, JobsByKey> jobs_;
  std::map<std::size_t, fs::path> moved_;
};

// Two runs that go on at once take turns. Where the file system knows no locks, nothing is locked.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : number_(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (number_ >= 0 && ::flock(number_, LOCK_EX) != 0 && errno == EINTR) continue;
  }
  ~FolderLock() {
    if (number_ >= 0) ::close(number_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int number_;
};

class Renaming {
 public:
  Renaming(Plan& plan, const ExistingPictures& existing)
      : plan_(&plan), existing_(&existing), from_(std::exchange(plan.moved, {})) {
    for (const auto& [job, path] : from_) job_at_.emplace(path.string(), job);
  }

  std::size_t perform() {
    const FolderLock lock(plan_->root());
    for (const auto& [job, path] : from_) {
      if (!is_begun_.contains(job)) perform_from(job);
    }
    return renamed_;
  }

 private:
  // A picture whose place is taken by one that goes elsewhere itself, and so on: the last one goes first.
  void perform_from(std::size_t first) {
    std::vector<std::size_t> chain;
    std::optional<std::size_t> job = first;
    while (job && is_begun_.insert(*job).second) {
      chain.push_back(*job);
      const auto next = job_at_.find(target(*job).string());
      job = next == job_at_.end() ? std::nullopt : std::optional(next->second);
    }
    make_room(chain.back(), first);
    for (const std::size_t number : std::views::reverse(chain)) rename(number);
  }

  // Where the last name is taken: by what nobody wants, or, in a circle, by the first picture.
  void make_room(std::size_t last, std::size_t first) {
    const fs::path path = target(last);
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(path, ignored)) || !has_come_from(last)) return;
    const fs::path aside = set_aside(path);
    if (from_[first] == path) from_[first] = aside;
  }

  void rename(std::size_t number) {
    Job& job = plan_->jobs[number];
    if (has_come_from(number) && rename_file(from_[number], target(number))) ++renamed_;
    job.state = existing_->state_of(target(number), plan_->settings_of(job));
  }

  // Another process may have been here since.
  [[nodiscard]] bool has_come_from(std::size_t number) const {
    const Settings settings = plan_->settings_of(plan_->jobs[number]);
    return existing_->state_of(from_.at(number), settings) == JobState::kSkipped;
  }

  [[nodiscard]] fs::path target(std::size_t number) const { return plan_->path_of(plan_->jobs[number]); }

  Plan* plan_;
  const ExistingPictures* existing_;
  std::map<std::size_t, fs::path> from_;                 // by job
  std::unordered_map<std::string, std::size_t> job_at_;  // the job that wants what lies there
  std::unordered_set<std::size_t> is_begun_;
  std::size_t renamed_ = 0;
};

}  // namespace

std::map<std::size_t, fs::path> find_moved(const Plan& plan, const ExistingPictures& existing) {
  return MovedPictures(plan, existing).find();
}

std::size_t rename_moved(Plan& plan, const ExistingPictures& existing) { return Renaming(plan, existing).perform(); }

}  // namespace txt2img::cli
