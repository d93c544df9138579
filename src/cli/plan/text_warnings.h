// What is odd but not wrong about the texts and sizes of a run.
#pragma once

#include "plan/plan.h"
#include "prompts/remarks.h"
#include "screen/console.h"

namespace txt2img::cli {

// Warns of text that does not fit into the model, of the syntax of other programs, of negative prompts without effect
// and of sizes far from the model's own, and of what is remarked already. The plan has its tokenizers.
void warn_of_texts(const Plan& plan, Remarks& remarks, Console& console);

// Where T2I-CompBench's evaluators would read another prompt in a name.
void warn_of_changed_names(const Plan& plan, Console& console);

}  // namespace txt2img::cli
