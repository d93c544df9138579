#include "run/verify_tree.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "plan/plan.h"
#include "plan/planner.h"
#include "run/draw.h"
#include "screen/json_line.h"
#include "screen/standard_output.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

std::string_view name_of(JobState state) {
  switch (state) {
    case JobState::kSkipped: return "whole";
    case JobState::kMissing: return "missing";
    case JobState::kDamaged: return "damaged";
    case JobState::kOther: return "other";
    case JobState::kForeign: return "foreign";
    case JobState::kDue: break;
  }
  return "due";
}

std::string_view explain(JobState state) {
  if (state == JobState::kForeign) return "not drawn by this program";
  return state == JobState::kOther ? "the picture of another job" : name_of(state);
}

std::string finding_text(const Plan& plan, const Job& job, ResultFormat format) {
  const std::string path = plan.path_of(job).string();
  const auto moved = plan.moved.find(static_cast<std::size_t>(&job - plan.jobs.data()));
  if (format == ResultFormat::kText) {
    return format_text("{}: {}{}", path, explain(job.state),
                       moved == plan.moved.end() ? "" : "; it lies at " + moved->second.string());
  }
  const Item& item = plan.items[job.item];
  return json_line({{"item", item.number},
                    {"image", job.image},
                    {"line", item.line},
                    {"path", path},
                    {"status", name_of(job.state)}});
}

}  // namespace

ExitCode verify_tree(const VerifyTree& command, Console& console) {
  const RunOptions& options = command.run;
  StandardOutput::check();
  Plan plan = make_plan(options, console);
  if (plan.destination() != Destination::kFiles) {
    throw Error(ExitCode::kUsage, "--verify " + command.folder + ": that is no folder of pictures");
  }
  StandardOutput out(console);
  for (const Job& job : plan.jobs) {
    if (is_due(job.state)) out.line(finding_text(plan, job, options.voice.format));
  }
  const auto wrong = std::ranges::count_if(plan.jobs, [](const Job& job) { return is_due(job.state); });
  console.remark(format_text("{} of {} pictures are not as they should be", wrong, plan.jobs.size()));
  if (wrong == 0) return ExitCode::kDone;
  return options.purpose == Purpose::kRedo ? draw_plan(plan, options, {}, console) : ExitCode::kSomeFailed;
}

}  // namespace txt2img::cli
