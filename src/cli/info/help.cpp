#include "info/help.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "options/option_table.h"
#include "plan/output_names.h"
#include "screen/standard_output.h"
#include "txt2img/joined.h"
#include "txt2img/names.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kColumns = 96;
constexpr std::size_t kSummaryColumn = 30;

constexpr std::string_view kExamples = R"(Draws pictures from text with a Stable Diffusion model.

Examples:
  txt2img "two red apples on a yellow background" -o apples.png
  txt2img "a green star" --count 4 --seed 7 -o stars/       four pictures, seeds 7 to 10
  txt2img -m models/sd15 "a lighthouse" -N "fog" --steps 30 --sampler "DPM++ 2M Karras"
  txt2img "a blue fish" -o - | display                      PNG to another program
  txt2img --from apples.png --seed 8                        the same again with another seed

Usage: txt2img [PROMPT]... [options]
)";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// `text` in lines that begin at `indent`; the first one continues a line that is `used` columns long.
std::string wrap(std::string_view text, std::size_t indent, std::size_t used) {
  std::string wrapped;
  for (const std::string_view word : words_of(text)) {
    if (used + 1 + word.size() > kColumns) {
      wrapped += '\n' + std::string(indent, ' ');
      used = indent;
    } else if (used > indent) {
      wrapped += ' ';
      ++used;
    }
    wrapped += word;
    used += word.size();
  }
  return wrapped + '\n';
}

std::string value_shown(const OptionInfo& option) {
  return option.choices.empty() ? std::string(option.value) : joined(option.choices, "|");
}

std::string option_text(const OptionInfo& option) {
  const std::vector<std::string_view> flags = flags_of(option);
  std::string left = flags.front().starts_with("--") ? "      " : "  ";
  left += joined(flags);
  if (const std::string value = value_shown(option); !value.empty()) left += ' ' + value;
  if (left.size() + 2 > kSummaryColumn)
    left += '\n' + std::string(kSummaryColumn, ' ');
  else
    left.resize(kSummaryColumn, ' ');
  return left + wrap(option.summary, kSummaryColumn, kSummaryColumn);
}

std::string names_text(std::string_view heading, std::string_view names) {
  std::string text = "  " + std::string(heading);
  text.resize(kSummaryColumn, ' ');
  return text + wrap(names, kSummaryColumn, kSummaryColumn);
}

template <typename Infos>
std::string names_of(const Infos& infos) {
  return joined(infos, " ", [](const auto& info) { return info.name; });
}

std::string fields_text() {
  std::string fields;
  for (const std::string_view field : template_fields()) fields += "{" + std::string(field) + "} ";
  return fields;
}

constexpr std::string_view kNotes = R"(
Configuration: command line, then the environment (TXT2IMG_STEPS=30: the long name in capitals,
'_' for '-'), then the configuration file (TOML: steps = 30), then the model's defaults. A switch
that was turned on there is turned off with =false: --json=false. Of an option given twice the last
value counts, with a warning; two different seeds, models, negative prompts, inputs or outputs are
refused. Prompts, prompt files and --column add up.
Standard output has the path of each picture, or JSON; all else goes to standard error.
Exit status: 0 done, 1 some pictures failed or a verification differed, 64 usage, 65 bad data,
66 missing input, 69 no such device or out of memory, 70 internal error, 73 output cannot be made,
74 input or output failed, 78 bad configuration, 130 and 143 interrupted.
)";

std::string help_text() {
  std::string text(kExamples);
  Group group{};
  bool is_first = true;
  for (const OptionInfo& option : option_table()) {
    if (is_first || option.group != group) text += '\n' + std::string(title(option.group)) + ":\n";
    is_first = false;
    group = option.group;
    text += option_text(option);
  }
  text += "\nNames:\n" + names_text("samplers", names_of(samplers())) + names_text("schedules", names_of(schedules())) +
          names_text("fields of a template", fields_text());
  return text + std::string(kNotes);
}

constexpr std::string_view kUsage = R"(Usage: txt2img [PROMPT]... [options]
  txt2img "two red apples on a yellow background" -o apples.png
  txt2img "a green star" --count 4 --seed 7 -o stars/
txt2img --help lists all options.)";

std::string version_text() {
  return "txt2img " + std::string(version()) +
         "\nbuilt with LibTorch " TXT2IMG_LIBTORCH_VERSION
         "\nMIT licence; a model has a licence of its own, see its model.json\n";
}

}  // namespace

ExitCode print_help(Console& console) {
  StandardOutput(console).text(help_text());
  return ExitCode::kDone;
}

ExitCode print_version(Console& console) {
  StandardOutput(console).text(version_text());
  return ExitCode::kDone;
}

ExitCode explain_usage(Console& console) {
  console.raw_line(std::string(kUsage));
  return ExitCode::kUsage;
}

}  // namespace txt2img::cli
