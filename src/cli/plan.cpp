#include "cli/plan.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cli/file_names.h"
#include "cli/findings.h"
#include "cli/prompt_file.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCutShown = 10;  // warnings of text that does not fit

void warn_of_other_model(const Options& options, const Bundle& bundle, Console& console) {
  if (!options.record || options.record->model_sha256 == bundle.sha256) return;
  console.warning("the picture was drawn with another model (" + options.record->model + " " +
                  options.record->model_sha256.substr(0, 12) + ") than " + bundle.folder.string() + " (" + bundle.name +
                  " " + bundle.sha256.substr(0, 12) + "); name the right one with -m");
}

// Makes a plan from the options and, if there is one, the prompt file.
class Planner {
 public:
  Planner(const Options& options, Console& console) : options_(&options), console_(&console) {}

  Plan make() {
    plan_.bundle = read_bundle(find_bundle(options_->model));
    warn_of_other_model(*options_, plan_.bundle, *console_);
    list_items();
    list_jobs();
    name_outputs();
    check_texts();
    return std::move(plan_);
  }

 private:
  void list_items() {
    ItemMaker maker(*options_, plan_.bundle);
    if (options_->file) {
      read_file(maker);
      if (plan_.items.empty()) check_findings();
      if (plan_.items.empty()) throw Error(ExitCode::kBadData, *options_->file + ": there is no prompt in it");
    } else {
      for (std::string& prompt : read_prompts(options_->prompts)) {
        plan_.items.push_back(maker.make({.prompt = std::move(prompt)}));
      }
    }
    plan_.styles = maker.styles();
  }

  void read_file(ItemMaker& maker) {
    PromptFile file(*options_->file, options_->format_of_file ? *options_->format_of_file : format_of(*options_->file),
                    options_->extra_keys);
    const auto refuse = [this](std::size_t, const std::string& message) { findings_.add(message); };
    while (std::optional<PromptRow> row = file.next(refuse)) {
      const std::size_t line = row->line;
      try {
        plan_.items.push_back(maker.make(std::move(*row)));
      } catch (const Error& error) {
        refuse(line, file.place(line) + ": " + error.what());
      }
    }
  }

  void check_findings() const { findings_.check(*options_->file, *console_); }

  void list_jobs() {
    const Item& last = plan_.items.back();
    plan_.jobs.reserve(last.first + static_cast<std::size_t>(last.count));
    for (std::size_t item = 0; item < plan_.items.size(); ++item) {
      for (int image = 0; image < plan_.items[item].count; ++image)
        plan_.jobs.push_back({.item = item, .image = image});
    }
  }

  void name_outputs() {
    if (options_->action == Action::kVerify && !options_->output) return;
    plan_.names.emplace(*options_, plan_.jobs.size());
    plan_.on_exists = options_->on_exists.value_or(plan_.names->default_on_exists());
    switch (plan_.destination()) {
      case Destination::kStream: check_can_create(plan_.path_of(plan_.jobs.front())); break;
      case Destination::kFiles: check_outputs(); break;
      case Destination::kStandardOutput:
      case Destination::kNowhere: break;
    }
    if (options_->file) check_findings();
  }

  // An item of a prompt file to blame, or the whole run.
  void check_outputs() {
    for (Job& job : plan_.jobs) {
      const Item& item = plan_.items[job.item];
      try {
        check_output(job, plan_.path_of(job));
      } catch (const Error& error) {
        if (error.code() != ExitCode::kBadData) throw;
        findings_.add(place_of(item) + ": " + error.what());
      }
    }
    job_of_.clear();
    if (options_->layout == Layout::kT2iCompbench) warn_of_names();
  }

  void warn_of_names() {
    const auto is_changed = [](const Item& item) {
      return item.prompt.find('_') != std::string::npos || plain_name(item.prompt, kPlainNameMax) != item.prompt;
    };
    const auto changed = std::ranges::count_if(plan_.items, is_changed);
    if (changed == 0) return;
    console_->warning(std::to_string(changed) +
                      " prompts are too long for a file name or have characters it cannot have; T2I-CompBench's "
                      "evaluators, which read the prompt there, will see another");
  }

  void check_output(Job& job, const fs::path& path) {
    check_collision(job, path);
    std::error_code ignored;
    if (plan_.on_exists == OnExists::kSkip && fs::is_regular_file(path, ignored)) {
      job.state = JobState::kSkipped;
      return;
    }
    check_can_create(path);
    if (plan_.on_exists != OnExists::kError || !fs::exists(path, ignored)) return;
    throw Error(ExitCode::kCannotCreate,
                path.string() + ": the file exists; remove it, or give --on-exists overwrite, rename or skip");
  }

  // Two pictures of the run may share a name only where the second one gets another.
  void check_collision(const Job& job, const fs::path& path) {
    if (plan_.on_exists == OnExists::kRename) return;
    const auto [other, is_new] = job_of_.try_emplace(path.lexically_normal().string(), &job);
    if (is_new) return;
    const std::string remedy = "; add {index} or {seed} to the name, or give --on-exists rename";
    if (!options_->file) {
      throw Error(ExitCode::kUsage, "--output: several pictures would be written to " + path.string() + remedy);
    }
    const std::size_t line = plan_.items[other->second->item].line;
    throw Error(ExitCode::kBadData, "its picture would be written to " + path.string() + ", as would one of line " +
                                        std::to_string(line) + remedy);
  }

  [[nodiscard]] std::string place_of(const Item& item) const {
    return *options_->file + ":" + std::to_string(item.line);
  }

  void check_texts() {
    plan_.tokenizers = std::make_unique<PromptTokenizers>(plan_.bundle, options_->verify_model);
    for (const Settings& style : plan_.styles) check_style(style);
    for (const Item& item : plan_.items) {
      warn_of_cut("prompt", item.prompt, item.line);
    }
    if (cut_ > kCutShown) console_->warning("and " + std::to_string(cut_ - kCutShown) + " more texts are too long");
  }

  void check_style(const Settings& style) {
    if (style.is_guided()) {
      warn_of_cut("negative prompt", style.negative, 0);
    } else if (!style.negative.empty() && !is_negative_useless_) {
      console_->warning("the negative prompt has no effect without guidance; give a --guidance above 1");
      is_negative_useless_ = true;
    }
  }

  void warn_of_cut(std::string_view which, const std::string& text, std::size_t line) {
    const std::string cut = plan_.tokenizers->encode(text).cut;
    if (cut.empty() || ++cut_ > kCutShown) return;
    const std::string place = line == 0 ? "" : *options_->file + ":" + std::to_string(line) + ": ";
    console_->warning(place + "the " + std::string(which) + " is longer than the model can read; not used: \"" + cut +
                      "\"");
  }

  const Options* options_;
  Console* console_;
  Plan plan_;
  Findings findings_;
  std::unordered_map<std::string, const Job*> job_of_;  // by path
  std::size_t cut_ = 0;                                 // texts that do not fit
  bool is_negative_useless_ = false;                    // and that was said
};

}  // namespace

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

Plan make_plan(const Options& options, Console& console) { return Planner(options, console).make(); }

}  // namespace txt2img::cli
