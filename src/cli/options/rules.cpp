#include "options/rules.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "options/column_map.h"
#include "screen/terminal.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

bool draws(const Options& o) { return o.action == Action::kDraw || o.action == Action::kDryRun; }

bool takes_prompts(const Options& o) { return draws(o) || o.action == Action::kVerify; }

bool goes_on(const Options& o) { return o.resumes || o.shard; }

bool writes_to_standard_output(const Options& o) { return o.output == "-" && o.action != Action::kDryRun; }

constexpr std::string_view kPrompt = "{prompt}";

struct Rule {
  bool (*is_broken)(const Options& o);
  std::string_view message;  // with kPrompt for the first prompt
};

// The first that is broken is told.
constexpr Rule kRules[] = {
    {[](const Options& o) { return draws(o) && o.prompts.empty() && !o.has_files(); },
     "nothing to draw; give a prompt, as in txt2img \"a red apple\" (txt2img --help says more)"},
    {[](const Options& o) { return o.has_files() && !o.prompts.empty(); },
     "--file and a prompt on the command line; give one, or add the prompt to the file"},
    {[](const Options& o) { return o.has_files() && !takes_prompts(o); },
     "--file goes with drawing, --dry-run and --verify; leave it out"},
    {[](const Options& o) { return !o.prompts.empty() && !takes_prompts(o); },
     "--show, --list and --check take no prompt: '{prompt}'"},
    {[](const Options& o) { return writes_to_standard_output(o) && o.format == ResultFormat::kJson; },
     "--output - and --json both want standard output; give one"},
    {[](const Options& o) { return writes_to_standard_output(o) && is_terminal(Stream::kOutput); },
     "--output -: a terminal cannot show a PNG; send it to a program or a file"},
    {[](const Options& o) { return std::ranges::count(o.files, "-") > 1; },
     "--file - reads standard input, which can be read once only"},
    {[](const Options& o) { return !o.columns.empty() && !o.has_files(); },
     "--column goes with a prompt file; give one with --file"},
    {[](const Options& o) { return o.is_stream && (o.files != std::vector<std::string>{"-"} || !o.format_of_file); },
     "--stream reads standard input; give --file - and --format"},
    {[](const Options& o) { return o.is_stream && o.format_of_file == PromptFormat::kJson; },
     "--stream reads line by line, which --format json has none of; give --format jsonl"},
    {[](const Options& o) { return o.is_stream && (o.action != Action::kDraw || goes_on(o) || o.output == "-"); },
     "--stream does not go with --dry-run, --verify, --resume, --shard and --output -; leave them out"},
    {[](const Options& o) { return (o.contact_sheet || o.gallery) && (!draws(o) || o.is_stream); },
     "--contact-sheet and --gallery go with drawing; leave them out of --verify, --show, --list, --check and "
     "--stream"},
    {[](const Options& o) { return goes_on(o) && o.on_exists.value_or(OnExists::kOverwrite) != OnExists::kOverwrite; },
     "--resume and --shard write each picture to its one name; leave --on-exists out"},
    {[](const Options& o) { return goes_on(o) && !o.has_files(); },
     "--resume and --shard go with a prompt file; give one with --file"},
    {[](const Options& o) { return o.redoes && (o.action != Action::kVerify || !o.has_files()); },
     "--redo goes with --verify DIR and --file FILE"},
};

std::string text_of(const Rule& rule, const Options& options) {
  std::string text(rule.message);
  if (const std::size_t at = text.find(kPrompt); at != std::string::npos)
    text.replace(at, kPrompt.size(), options.prompts.front());
  return text;
}

}  // namespace

void check_rules(const Options& options) {
  const auto* const broken = std::ranges::find_if(kRules, [&](const Rule& rule) { return rule.is_broken(options); });
  if (broken != std::end(kRules)) throw Error(ExitCode::kUsage, text_of(*broken, options));
  (void)ColumnMap(options.columns);
}

}  // namespace txt2img::cli
