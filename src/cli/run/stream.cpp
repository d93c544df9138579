#include "run/stream.h"

#include <string>
#include <utility>
#include <vector>

#include "options/column_map.h"
#include "plan/item.h"
#include "plan/plan.h"
#include "plan/planner.h"
#include "plan/text_warnings.h"
#include "prompts/prompt_file.h"
#include "prompts/remarks.h"
#include "run/executor.h"
#include "run/open_engines.h"
#include "run/picture_files.h"
#include "run/reporter.h"
#include "screen/standard_output.h"
#include "txt2img/output_file.h"

namespace txt2img::cli {
namespace {

class Stream {
 public:
  Stream(const RunOptions& options, Console& console)
      : options_(&options),
        console_(&console),
        plan_(make_empty_plan(options, console)),
        maker_(options.request, plan_.bundle),
        columns_(options.source.columns),
        warnings_(remarks_, console),
        file_("-", options.source.format_of_file.value_or(PromptFormat::kTxt), options.source.extra_keys, &columns_,
              &remarks_, Requests::kOfOneLine),
        reporter_(options, console, plan_) {}

  ExitCode draw() {
    StandardOutput::check();
    const PictureFiles files(*options_, plan_);
    Executor executor(*options_, *console_, plan_, reporter_,
                      open_engines(*options_, plan_.bundle, *console_, reporter_),
                      [&files](const DrawnPicture& drawn) { return files.write(drawn); });
    const auto refuse = [this](std::size_t line, const std::string& message) { reporter_.fail_line({line, message}); };
    while (std::optional<PromptRow> row = file_.next(refuse)) {
      draw_row(std::move(*row), executor);
    }
    for (const std::string& text : remarks_.take()) console_->warning(text);
    warnings_.end();
    if (const ColumnRule* const unused = columns_.find_unused())
      console_->warning("--column " + text_of(*unused) + ": no line had such a column or key");
    return reporter_.end();
  }

 private:
  void draw_row(PromptRow row, Executor& executor) {
    const std::size_t line = row.line;
    const nlohmann::ordered_json passed = row.passed;
    try {
      plan_next(std::move(row));
    } catch (const Error& error) {
      reporter_.fail_line({line, file_.place(line) + ": " + error.what(), passed});
      return;
    }
    std::vector<const Job*> due;
    for (const Job& job : plan_.jobs) {
      if (is_due(job.state))
        due.push_back(&job);
      else
        reporter_.skip(job);
    }
    executor.draw(due);
  }

  // The plan holds one item at a time.
  void plan_next(PromptRow row) {
    plan_.items = {maker_.make(std::move(row))};
    if (plan_.styles.size() != maker_.styles().size()) plan_.styles = maker_.styles();
    warnings_.warn(plan_);
    plan_.run_seed = maker_.shared_seed().value_or(0);
    plan_.jobs.clear();
    const Item& item = plan_.items.front();
    for (int image = 0; image < item.count; ++image) {
      Job job{.item = 0, .image = image};
      settle_output(plan_, job);
      check_is_free(plan_, job);
      plan_.jobs.push_back(job);
    }
    reporter_.set_range(item.first, 0, 0);
  }

  const RunOptions* options_;
  Console* console_;
  Plan plan_;
  ItemMaker maker_;
  ColumnMap columns_;
  Remarks remarks_;
  TextWarnings warnings_;
  PromptFile file_;
  Reporter reporter_;
};

}  // namespace

ExitCode draw_stream(const DrawStream& command, Console& console) { return Stream(command.run, console).draw(); }

}  // namespace txt2img::cli
