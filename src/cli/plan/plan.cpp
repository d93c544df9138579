#include "plan/plan.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "foreign/syntax.h"
#include "plan/existing_pictures.h"
#include "plan/file_names.h"
#include "plan/geneval.h"
#include "plan/manifest.h"
#include "plan/moved_pictures.h"
#include "plan/notes.h"
#include "plan/outcome.h"
#include "plan/prompt_errors.h"
#include "plan/size_advice.h"
#include "prompts/prompt_files.h"
#include "prompts/remarks.h"
#include "screen/display_width.h"
#include "txt2img/error.h"
#include "txt2img/switches.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCutShown = 10;     // warnings of text that does not fit
constexpr std::size_t kCutColumns = 200;  // of what did not

void warn_of_other_model(const RunOptions& options, const Bundle& bundle, Console& console) {
  if (!options.origin.record) return;
  if (const std::string levers = changed_levers(options.origin.record->device);
      levers != options.origin.record->levers) {
    const auto text = [](const std::string& value) { return value.empty() ? "the default" : value; };
    console.warning("the picture was drawn with other levers (" + text(options.origin.record->levers) + "; here " +
                    text(levers) + "); the last bits may differ");
  }
  if (options.origin.record->model_sha256 == bundle.sha256) return;
  console.warning("the picture was drawn with another model (" + options.origin.record->model + " " +
                  options.origin.record->model_sha256.substr(0, 12) + ") than " + bundle.folder.string() + " (" +
                  bundle.name + " " + bundle.sha256.substr(0, 12) + "); name the right one with -m");
}

// A run that goes on has the seed that it began with.
Request with_earlier_seed(const RunOptions& options) {
  Request request = options.request;
  const bool looks_back = options.resumes || options.verifies();
  if (looks_back && options.source.has_files() && !request.seed)
    request.seed = Manifest(OutputNames(options, 2).root()).run_seed();
  return request;
}

// Makes a plan from the options and, if there is one, the prompt file.
class Planner {
 public:
  Planner(const RunOptions& options, Console& console) : options_(&options), console_(&console) {}

  Plan make() {
    plan_.bundle = read_bundle(find_bundle(options_->model));
    warn_of_other_model(*options_, plan_.bundle, *console_);
    list_items();
    list_jobs();
    name_outputs();
    check_texts();
    find_finished();
    return std::move(plan_);
  }

 private:
  void list_items() {
    ItemMaker maker(with_earlier_seed(*options_), plan_.bundle);
    if (options_->source.has_files()) {
      read_file(maker);
      if (plan_.items.empty()) check_findings();
      if (plan_.items.empty())
        throw Error(ExitCode::kBadData, name_of_all(options_->source.files) + ": there is no prompt in it");
    } else {
      for (const std::string& prompt : options_->source.prompts) plan_.items.push_back(maker.make({.prompt = prompt}));
    }
    plan_.styles = maker.styles();
    plan_.run_seed = maker.shared_seed().value_or(0);
    if (options_->shard && maker.shared_seed() && !options_->request.seed) {
      throw Error(ExitCode::kUsage, "--shard needs a seed, or each shard would draw one; give --seed N");
    }
  }

  void read_file(ItemMaker& maker) {
    Notes notes;
    PromptFiles files(options_->source, remarks_);
    const auto refuse = [this](std::size_t, const std::string& message) { errors_.add(message); };
    while (std::optional<PromptRow> row = files.next(refuse)) {
      const std::size_t file = row->file;
      const std::size_t line = row->line;
      try {
        plan_.items.push_back(maker.make(std::move(*row)));
        for (const std::string& note : maker.take_notes()) notes.add(files.place(file, line), note);
      } catch (const Error& error) {
        refuse(line, files.place(file, line) + ": " + error.what());
      }
    }
    plan_.files = files.names();
    if (!plan_.items.empty()) files.check_columns();
    notes.tell(*console_);
  }

  void check_findings() const { errors_.check(name_of_all(options_->source.files), *console_); }

  [[nodiscard]] bool is_ours(const Item& item) const {
    return !options_->shard || item.number % options_->shard->count == options_->shard->number;
  }

  [[nodiscard]] std::size_t count_pictures() const {
    return plan_.items.back().first + static_cast<std::size_t>(plan_.items.back().count);
  }

  void list_jobs() {
    plan_.jobs.reserve(options_->shard ? 0 : count_pictures());
    for (std::size_t item = 0; item < plan_.items.size(); ++item) {
      if (!is_ours(plan_.items[item])) continue;
      for (int image = 0; image < plan_.items[item].count; ++image)
        plan_.jobs.push_back({.item = item, .image = image});
    }
  }

  void name_outputs() {
    if (options_->verifies() && !options_->target.output) return;
    plan_.names.emplace(*options_, count_pictures());
    plan_.on_exists = options_->target.on_exists;
    switch (plan_.destination()) {
      case Destination::kStream: check_can_create(plan_.root()); break;
      case Destination::kFiles:
        check_collisions();
        if (options_->source.has_files()) check_findings();
        check_outputs();
        break;
      case Destination::kStandardOutput:
      case Destination::kNowhere: break;
    }
    if (options_->source.has_files()) check_findings();
  }

  // An item of a prompt file is to blame, or the whole run.
  void blame(const Item& item, const Error& error) {
    if (error.code() != ExitCode::kBadData) throw Error(error);
    errors_.add(place_of(item) + ": " + error.what());
  }

  // Of all shards: two pictures of the run may share a name only where the second one gets another.
  void check_collisions() {
    if (options_->target.layout == Layout::kT2iCompbench) warn_of_names();
    if (plan_.on_exists.value_or(plan_.default_on_exists()) == OnExists::kRename) return;
    std::unordered_map<std::string, std::size_t> item_of;  // by path
    item_of.reserve(count_pictures());
    std::unordered_map<std::string, std::pair<std::size_t, fs::path>> twin_of;
    for (std::size_t item = 0; item < plan_.items.size(); ++item) {
      try {
        for (int image = 0; image < plan_.items[item].count; ++image) {
          const fs::path path = plan_.path_of({.item = item, .image = image});
          const std::string name = compose_name(path.lexically_normal().string());
          const auto [other, is_new] = item_of.try_emplace(name, item);
          if (!is_new) refuse_collision(path, plan_.items[other->second]);
          const auto [twin, is_only] = twin_of.try_emplace(fold_name(name), item, path);
          if (!is_only) meet_twin(plan_.items[item], path, plan_.items[twin->second.first], twin->second.second);
        }
      } catch (const Error& error) {
        blame(plan_.items[item], error);
      }
    }
  }

  // Two names on this disk perhaps, one on others: a line can say another.
  void meet_twin(const Item& item, const fs::path& path, const Item& other, const fs::path& twin) {
    if (!item.output.empty() || !other.output.empty()) refuse_collision(path, other);
    if (std::exchange(has_twins_, true)) return;
    console_->warning(path.string() + " and " + twin.string() +
                      " differ in case only: one file where case is not told apart (macOS, Windows, USB sticks); add "
                      "{index} to the name to be safe");
  }

  void refuse_collision(const fs::path& path, const Item& other) const {
    const std::string remedy = "; add {index} or {seed} to the name, or give --on-exists rename";
    if (!options_->source.has_files()) {
      throw Error(ExitCode::kUsage, "--output: several pictures would be written to " + path.string() + remedy);
    }
    throw Error(ExitCode::kBadData,
                "its picture would be written to " + path.string() + ", as would one of " +
                    (plan_.files.size() > 1 ? place_of(other) : "line " + std::to_string(other.line)) + remedy);
  }

  void check_outputs() {
    if (options_->purpose == Purpose::kVerify) return;
    for (Job& job : plan_.jobs) {
      try {
        check_output(plan_, job);
        if (!looks_at_files()) check_is_free(plan_, job);
      } catch (const Error& error) {
        blame(plan_.items[job.item], error);
      }
    }
  }

  [[nodiscard]] std::string place_of(const Item& item) const {
    return plan_.files.at(item.file) + ":" + std::to_string(item.line);
  }

  // Where the names of the run must be free, but for what an earlier start of it has left.
  [[nodiscard]] bool looks_at_files() const {
    if (plan_.destination() != Destination::kFiles) return false;
    return options_->resumes || (options_->verifies() && options_->source.has_files()) ||
           (!plan_.on_exists && plan_.default_on_exists() == OnExists::kError);
  }

  [[nodiscard]] bool goes_on() const { return options_->resumes || options_->purpose == Purpose::kRedo; }

  // What is there already, and what dead processes have left.
  void find_finished() {
    if (!looks_at_files()) return;
    const ExistingPictures existing(*options_, plan_.bundle, plan_.root());
    for (Job& job : plan_.jobs) {
      if (!goes_on() && !options_->verifies() && plan_.on_exists_of(job) != OnExists::kError) continue;
      job.state = existing.look_at(plan_.path_of(job), plan_.settings_of(job));
    }
    if (options_->purpose != Purpose::kVerify) check_names_are_free();
    if (!options_->resumes && options_->purpose == Purpose::kDraw) check_manifest(*options_, plan_.root());
    if (goes_on() || options_->verifies()) plan_.moved = find_moved(plan_, existing);
    if (options_->shard) leave_moved();
    if (options_->resumes && options_->purpose == Purpose::kDraw) remove_all_leftovers();
  }

  void remove_all_leftovers() const {
    std::set<fs::path> folders;
    for (const Job& job : plan_.jobs) {
      const fs::path path = plan_.path_of(job);
      folders.insert(path.parent_path());
      const std::optional<fs::path> metadata = geneval_metadata_path(*options_, plan_.items[job.item], path);
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
    return plan_.on_exists_of(job) == OnExists::kError && !may_be_ours;
  }

  void check_names_are_free() const {
    std::vector<fs::path> taken;
    for (const Job& job : plan_.jobs) {
      const Item& item = plan_.items[job.item];
      const fs::path path = plan_.path_of(job);
      const std::optional<fs::path> metadata = geneval_metadata_path(*options_, item, path);
      if (is_taken(job))
        taken.push_back(path);
      else if (metadata && !goes_on() && geneval_metadata_differs(*options_, item, path))
        taken.push_back(*metadata);
    }
    if (taken.empty()) return;
    const std::string which =
        taken.front().string() +
        (taken.size() > 1 ? " and " + std::to_string(taken.size() - 1) + " more files of this run's names" : "");
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
    if (plan_.moved.empty()) return;
    console_->warning(pictures_text(plan_.moved.size()) + " of this run lie under the names of other lines, such as " +
                      plan_.moved.begin()->second.string() +
                      "; shards draw them again, --resume without --shard renames them");
    plan_.moved.clear();
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

  void check_texts() {
    plan_.tokenizers = std::make_unique<PromptTokenizers>(plan_.bundle, options_->verify_model);
    for (const Settings& style : plan_.styles) check_style(style);
    for (const Item& item : plan_.items) {
      const std::string place = item.line == 0 ? "" : place_of(item);
      warn_of_cut("prompt", item.prompt, place);
      warn_of_syntax(item.prompt, place);
    }
    for (const std::string& text : remarks_.take()) console_->warning(text);
    if (cut_ > kCutShown) console_->warning("and " + std::to_string(cut_ - kCutShown) + " more texts are too long");
  }

  void warn_of_syntax(const std::string& text, const std::string& place) {
    const std::string_view piece = find_foreign_syntax(text);
    if (!piece.empty()) remarks_.add(RemarkKind::kSyntax, place, piece);
  }

  void check_style(const Settings& style) {
    warn_of_size(style);
    if (style.is_guided()) warn_of_syntax(style.negative, "the negative prompt");
    if (style.is_guided()) {
      warn_of_cut("negative prompt", style.negative, "");
    } else if (!style.negative.empty() && !is_negative_useless_) {
      console_->warning("the negative prompt has no effect without guidance; give a --guidance above 1");
      is_negative_useless_ = true;
    }
  }

  // Once: in a file of many sizes it would be said of most.
  void warn_of_size(const Settings& style) {
    const std::string advice = is_size_said_ ? "" : size_advice(style, plan_.bundle);
    if (advice.empty()) return;
    console_->warning(advice);
    is_size_said_ = true;
  }

  void warn_of_cut(std::string_view which, const std::string& text, const std::string& place) {
    const std::string cut = plan_.tokenizers->encode(text).cut;
    if (cut.empty() || ++cut_ > kCutShown) return;
    console_->warning((place.empty() ? "" : place + ": ") + "the " + std::string(which) +
                      " is longer than the model can read; not used: \"" + fit_to_width(cut, kCutColumns) + "\"");
  }

  const RunOptions* options_;
  Console* console_;
  Plan plan_;
  PromptErrors errors_;
  Remarks remarks_;
  std::size_t cut_ = 0;               // texts that do not fit
  bool is_negative_useless_ = false;  // and that was said
  bool has_twins_ = false;            // and that was said
  bool is_size_said_ = false;         // that one is far from the model's own
};

}  // namespace

void check_output(const Plan& plan, Job& job) {
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

Plan make_empty_plan(const RunOptions& options, Console& console) {
  Plan plan;
  plan.bundle = read_bundle(find_bundle(options.model));
  warn_of_other_model(options, plan.bundle, console);
  plan.names.emplace(options, 2);
  plan.on_exists = options.target.on_exists;
  return plan;
}

Plan make_plan(const RunOptions& options, Console& console) { return Planner(options, console).make(); }

}  // namespace txt2img::cli
