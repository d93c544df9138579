#include "cli/plan.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

void warn_of_other_model(const Options& options, const Bundle& bundle, Console& console) {
  if (!options.record || options.record->model_sha256 == bundle.sha256) return;
  console.warning("the picture was drawn with another model (" + options.record->model + " " +
                  options.record->model_sha256.substr(0, 12) + ") than " + bundle.folder.string() + " (" + bundle.name +
                  " " + bundle.sha256.substr(0, 12) + "); name the right one with -m");
}

void warn_of_cut(std::string_view which, const PromptTokens& tokens, Console& console) {
  if (tokens.cut.empty()) return;
  console.warning("the " + std::string(which) + " is longer than the model can read; not used: \"" + tokens.cut + "\"");
}

// All prompts of a run share the first one's seed, also if that is random.
std::vector<Item> settle_items(const Options& options, const Bundle& bundle) {
  std::vector<Item> items;
  Request request = options.request;
  for (std::string& prompt : read_prompts(options.prompts)) {
    request.prompt = std::move(prompt);
    items.push_back({.settings = settle(request, bundle), .tokens = {}, .negative_tokens = {}});
    request.seed = items.back().settings.seed;
  }
  return items;
}

void encode_items(std::vector<Item>& items, const PromptTokenizers& tokenizers, Console& console) {
  for (Item& item : items) {
    item.tokens = tokenizers.encode(item.settings.prompt);
    item.negative_tokens = tokenizers.encode(item.settings.negative);
    warn_of_cut("prompt", item.tokens, console);
    if (item.settings.is_guided()) warn_of_cut("negative prompt", item.negative_tokens, console);
  }
  const Settings& settings = items.front().settings;
  if (!settings.is_guided() && !settings.negative.empty()) {
    console.warning("the negative prompt has no effect without guidance; give a --guidance above 1");
  }
}

std::vector<Job> list_jobs(std::size_t items, int count) {
  std::vector<Job> jobs;
  jobs.reserve(items * static_cast<std::size_t>(count));
  for (std::size_t item = 0; item < items; ++item) {
    for (int image = 0; image < count; ++image) jobs.push_back({.item = item, .image = image, .path = {}});
  }
  return jobs;
}

// Two pictures of the run may share a name only where the second one gets another.
void check_collisions(const Plan& plan) {
  if (plan.on_exists == OnExists::kRename) return;
  std::map<fs::path, std::size_t> seen;
  for (const Job& job : plan.jobs) {
    if (++seen[job.path.lexically_normal()] < 2) continue;
    throw Error(ExitCode::kUsage, "--output: several pictures would be written to " + job.path.string() +
                                      "; add {index} or {seed} to the name, or give --on-exists rename");
  }
}

void check_output(Job& job, OnExists on_exists) {
  std::error_code ignored;
  if (on_exists == OnExists::kSkip && fs::is_regular_file(job.path, ignored)) {
    job.state = JobState::kSkipped;
    return;
  }
  check_can_create(job.path);
  if (on_exists != OnExists::kError || !fs::exists(job.path, ignored)) return;
  throw Error(ExitCode::kCannotCreate,
              job.path.string() + ": the file exists; remove it, or give --on-exists overwrite, rename or skip");
}

void check_outputs(Plan& plan) {
  if (plan.destination == Destination::kStream) {
    check_can_create(plan.jobs.front().path);
    return;
  }
  check_collisions(plan);
  for (Job& job : plan.jobs) check_output(job, plan.on_exists);
}

void name_outputs(const Options& options, Plan& plan) {
  if (options.action == Action::kVerify && !options.output) {
    plan.destination = Destination::kNowhere;
    return;
  }
  const OutputNames names(options.output, plan.jobs.size());
  plan.destination = names.destination();
  plan.on_exists = options.on_exists.value_or(names.default_on_exists());
  if (plan.destination == Destination::kStandardOutput) return;
  std::size_t index = 0;
  for (Job& job : plan.jobs) {
    const Settings settings = plan.settings_of(job);
    job.path = names.path_of(
        {.index = ++index, .item = job.item, .image = job.image, .settings = settings, .model = plan.bundle.name});
  }
  check_outputs(plan);
}

}  // namespace

Settings Plan::settings_of(const Job& job) const {
  Settings settings = items[job.item].settings;
  settings.seed += static_cast<std::uint64_t>(job.image);
  return settings;
}

Plan make_plan(const Options& options, Console& console) {
  Plan plan;
  plan.bundle = read_bundle(find_bundle(options.model));
  warn_of_other_model(options, plan.bundle, console);
  plan.items = settle_items(options, plan.bundle);
  plan.jobs = list_jobs(plan.items.size(), options.request.count);
  name_outputs(options, plan);
  encode_items(plan.items, PromptTokenizers(plan.bundle, options.verify_model), console);
  return plan;
}

}  // namespace txt2img::cli
