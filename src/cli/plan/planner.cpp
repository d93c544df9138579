#include "plan/planner.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "plan/collisions.h"
#include "plan/earlier_run.h"
#include "plan/manifest.h"
#include "plan/notes.h"
#include "plan/prompt_errors.h"
#include "plan/text_warnings.h"
#include "prompts/prompt_files.h"
#include "prompts/remarks.h"
#include "txt2img/error.h"
#include "txt2img/switches.h"

namespace txt2img::cli {
namespace {

void warn_of_other_model(const RunOptions& options, const Bundle& bundle, Console& console) {
  if (!options.origin.record) return;
  if (const std::string levers = changed_switches(options.drawing.engine.switches, options.origin.record->device);
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
  const bool has_earlier = options.resumes || options.verifies();
  if (!has_earlier || !options.source.has_files() || request.asks(&Settings::seed)) return request;
  if (const std::optional<std::uint64_t> seed = Manifest(OutputNames(options, 2).root()).run_seed())
    request.ask(&Settings::seed, *seed);
  return request;
}

void open_tokenizers(Plan& plan, const RunOptions& options) {
  verify_files(plan.bundle, options.verify_model, tokenizer_files(plan.bundle));
  plan.tokenizers = std::make_unique<Tokenizers>(plan.bundle);
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
    open_tokenizers(plan_, *options_);
    TextWarnings warnings(remarks_, *console_);
    warnings.warn(plan_);
    warnings.end();
    find_earlier(plan_, *options_, *console_);
    return std::move(plan_);
  }

 private:
  void list_items() {
    ItemMaker maker(with_earlier_seed(*options_), plan_.bundle);
    if (options_->source.has_files()) {
      read_file(maker);
      if (plan_.items.empty()) check_errors();
      if (plan_.items.empty())
        throw Error(ExitCode::kBadData, name_of_all(options_->source.files) + ": there is no prompt in it");
    } else {
      for (const std::string& prompt : options_->source.prompts) plan_.items.push_back(maker.make({.prompt = prompt}));
    }
    plan_.styles = maker.styles();
    plan_.run_seed = maker.shared_seed().value_or(0);
    if (options_->shard && maker.shared_seed() && !options_->request.asks(&Settings::seed)) {
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

  void check_errors() const { errors_.check(name_of_all(options_->source.files), *console_); }

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
        if (options_->target.layout == Layout::kT2iCompbench) warn_of_changed_names(plan_, *console_);
        check_collisions(plan_, *console_, [this](const Item& item, const Error& error) { blame(item, error); });
        if (options_->source.has_files()) check_errors();
        check_outputs();
        break;
      case Destination::kStandardOutput:
      case Destination::kNowhere: break;
    }
    if (options_->source.has_files()) check_errors();
  }

  // An item of a prompt file is to blame, or the whole run.
  void blame(const Item& item, const Error& error) {
    if (error.code() != ExitCode::kBadData) throw Error(error);
    errors_.add(plan_.place_of(item) + ": " + error.what());
  }

  void check_outputs() {
    if (options_->purpose == Purpose::kVerify) return;
    for (Job& job : plan_.jobs) {
      try {
        settle_output(plan_, job);
        if (!looks_back(*options_, plan_)) check_is_free(plan_, job);
      } catch (const Error& error) {
        blame(plan_.items[job.item], error);
      }
    }
  }

  const RunOptions* options_;
  Console* console_;
  Plan plan_;
  PromptErrors errors_;
  Remarks remarks_;
};

}  // namespace

Plan make_empty_plan(const RunOptions& options, Console& console) {
  Plan plan;
  plan.bundle = read_bundle(find_bundle(options.model));
  warn_of_other_model(options, plan.bundle, console);
  open_tokenizers(plan, options);
  plan.names.emplace(options, 2);
  plan.on_exists = options.target.on_exists;
  plan.files = options.source.files;
  return plan;
}

Plan make_plan(const RunOptions& options, Console& console) { return Planner(options, console).make(); }

}  // namespace txt2img::cli
