#include "cli/report.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/json_line.h"
#include "cli/values.h"
#include "txt2img/names.h"
#include "txt2img/record.h"
#include "utf8.h"

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

Json to_json(const PromptTokens& tokens) { return {{"ids", tokens.ids}, {"cut", tokens.cut}}; }

Json to_json(const Stages& stages) {
  return {{"ids", stages.ids},
          {"context", stages.context},
          {"noise", stages.noise},
          {"latent", stages.latent},
          {"pixels", stages.pixels}};
}

Json to_json(const Seconds& seconds, double write_seconds) {
  return {{"load", seconds.load},
          {"encode", seconds.encode},
          {"sample", seconds.sample},
          {"decode", seconds.decode},
          {"write", write_seconds}};
}

std::string count_text(const PromptTokens& tokens) {
  std::string text;
  for (const auto& ids : tokens.ids) text += (text.empty() ? "" : " and ") + std::to_string(ids.size());
  return text + " tokens";
}

std::string item_text(const Item& item) {
  std::string text =
      "prompt    \"" + escape_for_terminal(item.settings.prompt) + "\" (" + count_text(item.tokens) + ")\n";
  if (!item.settings.negative.empty()) {
    text += "negative  \"" + escape_for_terminal(item.settings.negative) + "\" (" + count_text(item.negative_tokens) +
            ")\n";
  }
  return text;
}

std::string settings_text(const Settings& s) {
  return std::to_string(s.width) + "x" + std::to_string(s.height) + ", " + std::to_string(s.steps) + " steps of " +
         std::string(info(s.sampler).name) + ", schedule " + std::string(info(s.schedule).name) + ", guidance " +
         real_text(s.guidance);
}

std::string job_text(const Plan& plan, const Job& job) {
  const std::string path = plan.destination == Destination::kStandardOutput ? "standard output" : job.path.string();
  return "          " + escape_for_terminal(path) + "  (seed " + std::to_string(plan.settings_of(job).seed) +
         (job.state == JobState::kSkipped ? ", is there already, would be skipped" : "") + ")\n";
}

}  // namespace

std::string outcome_json(const Plan& plan, const Job& job, const Outcome& outcome) {
  const Settings settings = plan.settings_of(job);
  Json object = {{"item", job.item},
                 {"image", job.image},
                 {"path", outcome.path},
                 {"seed", settings.seed},
                 {"status", name_of(outcome.status)},
                 {"error", outcome.error.empty() ? Json(nullptr) : Json(outcome.error)}};
  object.update(Json::parse(settings_json(settings)));
  if (outcome.status == Status::kPlanned) {
    object["tokens"] = to_json(plan.items[job.item].tokens);
    object["negative_tokens"] = to_json(plan.items[job.item].negative_tokens);
  }
  if (outcome.status == Status::kDone) {
    object["stages"] = to_json(outcome.stages);
    object["seconds"] = to_json(outcome.seconds, outcome.write_seconds);
  }
  return json_line(object);
}

std::string plan_text(const Plan& plan) {
  std::string text = "model     " + escape_for_terminal(plan.bundle.name + " (" + plan.bundle.folder.string() + ")") +
                     "\n" + "settings  " + settings_text(plan.items.front().settings) + "\n";
  const std::size_t per_item = plan.jobs.size() / plan.items.size();
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    text += item_text(plan.items[i]);
    for (std::size_t image = 0; image < per_item; ++image) text += job_text(plan, plan.jobs[i * per_item + image]);
  }
  return text;
}

}  // namespace txt2img::cli
