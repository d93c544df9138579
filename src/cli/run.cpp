#include "cli/run.h"

#include <string>
#include <vector>

#include "cli/drawing.h"
#include "cli/overview.h"
#include "cli/picture_writer.h"
#include "cli/plan.h"
#include "cli/report.h"
#include "cli/results.h"
#include "txt2img/png.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

bool prints_results(const Options& options, const Plan& plan) {
  return plan.destination() == Destination::kStandardOutput || options.format == ResultFormat::kJson ||
         options.verbosity != Verbosity::kQuiet;
}

}  // namespace

Record record_of(const Bundle& bundle, const Settings& settings, const Options& options, const Engine& engine,
                 const Picture& picture) {
  const std::string device = engine.device().name;
  Record record{.version = std::string(version()),
                .job_key = {},
                .model = bundle.name,
                .model_sha256 = bundle.sha256,
                .settings = settings,
                .device = device.substr(0, device.find(':')),
                .precision = engine.precision(),
                .vae_precision = options.engine.vae_precision.value_or(Precision::kFloat32),
                .stages = picture.stages,
                .retries = picture.retries};
  record.job_key = job_key(record);
  return record;
}

std::vector<std::uint8_t> encode_picture(const Image& image, const Record& record, Metadata metadata) {
  return encode_png(image, metadata == Metadata::kWrite ? record_chunks(record) : std::vector<PngText>());
}

ExitCode draw_plan(const Plan& plan, const Options& options, Console& console) {
  Overview overview(options, plan);
  Drawing drawing(options, console, plan, &overview);
  std::vector<const Job*> due;
  for (const Job& job : plan.jobs) {
    if (is_due(job.state)) due.push_back(&job);
  }
  drawing.set_range(0, plan.jobs.size(), due.size());
  for (const Job& job : plan.jobs) {
    if (!is_due(job.state)) drawing.skip(job);
  }
  complete_manifest(options, plan);
  if (!due.empty()) {
    drawing.open();
    drawing.draw(due);
  }
  const ExitCode code = drawing.end();
  overview.write(console);
  return code;
}

ExitCode draw_pictures(const Options& options, Console& console) {
  const Plan plan = make_plan(options, console);
  if (prints_results(options, plan)) Results::check();
  return draw_plan(plan, options, console);
}

ExitCode show_plan(const Options& options, Console& console) {
  const Plan plan = make_plan(options, console);
  const Overview checked(options, plan);
  Results results(console);
  if (options.format == ResultFormat::kText) {
    results.text(plan_text(plan));
    return ExitCode::kDone;
  }
  for (const Job& job : plan.jobs) {
    const Status status = is_due(job.state) ? Status::kPlanned : Status::kSkipped;
    const std::string path = plan.path_of(job).string();
    results.line(outcome_json(plan, job, {.status = status, .path = path.empty() ? "-" : path, .error = {}}));
  }
  return ExitCode::kDone;
}

}  // namespace txt2img::cli
