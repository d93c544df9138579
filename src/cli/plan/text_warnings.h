// What is odd but not wrong about the texts and sizes of a run.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "plan/plan.h"
#include "plan/size_advice.h"
#include "prompts/remarks.h"
#include "screen/console.h"

namespace txt2img::cli {

// Warns of text that does not fit into the model, of the syntax of other programs, of negative prompts without effect
// and of sizes far from the model's own, and of what is remarked already.
class TextWarnings {
 public:
  TextWarnings(Remarks& remarks, Console& console) : remarks_(&remarks), console_(&console) {}

  // Of the plan's items, and of its styles that came since the last call. The plan has its tokenizers.
  void warn(const Plan& plan);
  // How many texts more there were than were told of one by one.
  void end();

 private:
  void warn_of_style(const Plan& plan, const Settings& style);
  void warn_of_cut(const Plan& plan, std::string_view which, const std::string& text, const std::string& place);
  void warn_of_syntax(const std::string& text, const std::string& place);

  Remarks* remarks_;
  Console* console_;
  SizeAdvice size_advice_;
  std::size_t styles_ = 0;            // that were looked at
  std::size_t cut_ = 0;               // texts that do not fit
  bool is_negative_useless_ = false;  // and that was said
  bool is_interval_useless_ = false;  // likewise
};

// Where T2I-CompBench's evaluators would read another prompt in a name.
void warn_of_changed_names(const Plan& plan, Console& console);

}  // namespace txt2img::cli
