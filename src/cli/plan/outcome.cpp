#include "plan/outcome.h"

#include <string_view>
#include <utility>

#include "options/option_values.h"
#include "screen/display_width.h"
#include "screen/json_line.h"
#include "txt2img/format_text.h"
#include "txt2img/joined.h"
#include "txt2img/names.h"
#include "txt2img/number_text.h"
#include "txt2img/record.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(Status status) {
  switch (status) {
    case Status::kPlanned: return "planned";
    case Status::kDone: return "done";
    case Status::kSkipped: return "skipped";
    case Status::kFailed: return "failed";
  }
  return {};
}

Json to_json(const TextTokens& tokens) { return {{"ids", tokens.ids}, {"cut", tokens.cut}}; }

Json to_json(const Stages& stages) {
  return {{"ids", stages.ids},
          {"context", stages.context},
          {"noise", stages.noise},
          {"latent", stages.latent},
          {"pixels", stages.pixels}};
}

Json to_json(const std::vector<Retry>& retries) {
  Json names = Json::array();
  for (const Retry retry : retries) names.push_back(txt2img::name_of(retry));
  return names;
}

Json to_json(const Seconds& seconds, double write_seconds) {
  return {{"load", seconds.load},
          {"encode", seconds.encode},
          {"sample", seconds.sample},
          {"decode", seconds.decode},
          {"write", write_seconds}};
}

std::string count_text(const TextTokens& tokens) {
  return joined(tokens.ids, " and ", [](const auto& ids) { return std::to_string(ids.size()); }) + " tokens";
}

std::string prompt_text(std::string_view name, const std::string& text, const Plan& plan) {
  return format_text("{}\"{}\" ({})\n", name, escape_for_terminal(text), count_text(plan.tokenizers->encode(text)));
}

std::string style_text(const Settings& style, const Plan& plan) {
  return format_text("settings  {}\n{}", settings_text(style),
                     style.negative.empty() ? "" : prompt_text("negative  ", style.negative, plan));
}

// Of a file that is there.
std::string state_text(const Plan& plan, const Job& job) {
  const auto moved = plan.moved.find(static_cast<std::size_t>(&job - plan.jobs.data()));
  if (moved != plan.moved.end()) return ", is there as " + moved->second.string() + ", would be renamed";
  switch (job.state) {
    case JobState::kSkipped: return ", is there already, would be skipped";
    case JobState::kOther: return ", would replace one of another prompt or other settings";
    case JobState::kDamaged: return ", would replace a damaged one";
    case JobState::kDue:
    case JobState::kMissing:
    case JobState::kForeign: break;
  }
  return "";
}

std::string job_text(const Plan& plan, const Job& job) {
  const bool is_file = plan.destination() != Destination::kStandardOutput;
  const std::string path = is_file ? plan.path_of(job).string() : "standard output";
  return format_text("          {}  (seed {}{})\n", escape_for_terminal(path), plan.settings_of(job).seed,
                     escape_for_terminal(state_text(plan, job)));
}

// What the row of the prompt file has for other programs, or may override.
void add_passed(Json& object, const Item& item) {
  if (item.line > 0) object["line"] = item.line;
  if (!item.passed.empty()) object.update(item.passed);
}

}  // namespace

std::string settings_text(const Settings& s) {
  return format_text("{}x{}, {} steps of {}, schedule {}, guidance {}", s.width, s.height, s.steps,
                     info(s.sampler).name, info(s.schedule).name, to_shortest_text(s.guidance));
}

std::string pictures_text(std::size_t count) { return std::to_string(count) + (count == 1 ? " picture" : " pictures"); }

std::string outcome_json(const Plan& plan, const Job& job, const Outcome& outcome) {
  const Settings settings = plan.settings_of(job);
  Json object = {{"item", plan.items[job.item].number},
                 {"image", job.image},
                 {"path", outcome.path},
                 {"seed", settings.seed},
                 {"status", name_of(outcome.status)},
                 {"error", outcome.error.empty() ? Json(nullptr) : Json(shorten(outcome.error))}};
  const Item& item = plan.items[job.item];
  if (plan.files.size() > 1) object["file"] = plan.files.at(item.file);
  add_passed(object, item);
  object.update(Json::parse(settings_json(settings)));
  if (outcome.status == Status::kPlanned) {
    object["tokens"] = to_json(plan.tokenizers->encode(settings.prompt));
    object["negative_tokens"] = to_json(plan.tokenizers->encode(settings.negative));
  }
  if (outcome.status == Status::kDone) {
    object["stages"] = to_json(outcome.stages);
    if (!outcome.retries.empty()) object["retries"] = to_json(outcome.retries);
    object["seconds"] = to_json(outcome.seconds, outcome.write_seconds);
  }
  return json_line(object);
}

std::string refused_json(const RefusedLine& line) {
  Json object = {
      {"line", line.line}, {"path", nullptr}, {"status", name_of(Status::kFailed)}, {"error", shorten(line.error)}};
  if (!line.passed.empty()) object.update(line.passed);
  return json_line(object);
}

std::string plan_text(const Plan& plan) {
  std::string text =
      "model     " + escape_for_terminal(format_text("{} ({})", plan.bundle.name, plan.bundle.folder.string())) + "\n";
  const Item* item = nullptr;
  for (const Job& job : plan.jobs) {
    const Item* const last = std::exchange(item, &plan.items[job.item]);
    if (last == nullptr || last->style != item->style) text += style_text(plan.styles[item->style], plan);
    if (last != item) text += prompt_text("prompt    ", item->prompt, plan);
    text += job_text(plan, job);
  }
  return text;
}

}  // namespace txt2img::cli
