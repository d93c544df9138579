#include "run/draw.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "overview/overview.h"
#include "plan/existing_pictures.h"
#include "plan/moved_pictures.h"
#include "plan/outcome.h"
#include "plan/plan.h"
#include "plan/planner.h"
#include "run/executor.h"
#include "run/open_engines.h"
#include "run/picture_files.h"
#include "run/reporter.h"
#include "screen/standard_output.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

bool prints_results(const RunOptions& options, const Plan& plan) {
  return plan.destination() == Destination::kStandardOutput || options.voice.format == ResultFormat::kJson ||
         options.voice.verbosity != Verbosity::kQuiet;
}

// What becomes of files that an earlier start of the run has left.
void rename_and_remark(Plan& plan, const RunOptions& options, Console& console) {
  if (!plan.moved.empty()) {
    const std::size_t renamed = rename_moved(plan, ExistingPictures(options, plan.bundle, plan.root()));
    console.remark(pictures_text(renamed) + " had the name of another line, and got " +
                   (renamed == 1 ? "its own" : "their own"));
  }
  const auto count = [&plan](JobState state) {
    return static_cast<std::size_t>(std::ranges::count(plan.jobs, state, &Job::state));
  };
  const std::size_t other = count(JobState::kOther);
  const std::size_t damaged = count(JobState::kDamaged);
  if (other + damaged == 0) return;
  console.remark(format_text("replaces {}: {} of other prompts or settings, {} damaged", pictures_text(other + damaged),
                             other, damaged));
}

}  // namespace

ExitCode draw_plan(Plan& plan, const RunOptions& options, const Overviews& overviews, Console& console) {
  rename_and_remark(plan, options, console);
  Overview overview(overviews, options, plan);
  Reporter reporter(options, console, plan, &overview);
  std::vector<const Job*> due;
  for (const Job& job : plan.jobs) {
    if (is_due(job.state)) due.push_back(&job);
  }
  reporter.set_range(0, plan.jobs.size(), due.size());
  for (const Job& job : plan.jobs) {
    if (!is_due(job.state)) reporter.skip(job);
  }
  complete_lists(options, plan);
  if (!due.empty()) {
    const PictureFiles files(options, plan);
    Executor executor(options, console, plan, reporter, open_engines(options, plan.bundle, console, reporter),
                      [&files](const DrawnPicture& drawn) { return files.write(drawn); });
    executor.draw(due);
  }
  const ExitCode code = reporter.end();
  overview.write(console);
  return code;
}

ExitCode draw_pictures(const DrawPictures& command, Console& console) {
  Plan plan = make_plan(command.run, console);
  if (prints_results(command.run, plan)) StandardOutput::check();
  return draw_plan(plan, command.run, command.overviews, console);
}

ExitCode show_plan(const ShowPlan& command, Console& console) {
  const Plan plan = make_plan(command.run, console);
  const Overview checked(command.overviews, command.run, plan);
  StandardOutput out(console);
  if (command.run.voice.format == ResultFormat::kText) {
    out.text(plan_text(plan));
    return ExitCode::kDone;
  }
  for (const Job& job : plan.jobs) {
    const bool is_there = !is_due(job.state) || plan.moved.contains(static_cast<std::size_t>(&job - plan.jobs.data()));
    const Status status = is_there ? Status::kSkipped : Status::kPlanned;
    const std::string path = plan.path_of(job).string();
    out.line(outcome_json(plan, job, {.status = status, .path = path.empty() ? "-" : path, .error = {}}));
  }
  return ExitCode::kDone;
}

}  // namespace txt2img::cli
