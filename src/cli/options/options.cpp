#include "options/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <ranges>
#include <span>

#include "foreign/names.h"
#include "foreign/picture.h"
#include "options/bare_words.h"
#include "options/config.h"
#include "options/models.h"
#include "options/option_table.h"
#include "options/option_values.h"
#include "options/repeats.h"
#include "screen/terminal.h"
#include "txt2img/error.h"
#include "txt2img/png.h"
#include "txt2img/schedule.h"

namespace txt2img::cli {
namespace {

// CLI11 2.1.2 reads "[a, b]" among the positionals as a list, and takes "--negative=" for "--negative NEXT". Words that
// begin with '[' travel in disguise, and an empty value as a word of its own. What comes after "--" travels in disguise
// too: it is a prompt, whatever it looks like.
constexpr char kDisguise = '\x1A';
constexpr std::string_view kPositional = "PROMPT";

std::string disguise(const std::string& word) {
  return !word.empty() && (word.front() == '[' || word.front() == kDisguise) ? kDisguise + word : word;
}

std::string undisguise(const std::string& word) {
  return !word.empty() && word.front() == kDisguise ? word.substr(1) : word;
}

// CLI11 would read "-o=x.png" as the output "=x.png".
std::string with_long_name(std::string word) {
  if (word.size() < 3 || word[0] != '-' || word[1] == '-' || word[2] != '=') return word;
  for (const OptionInfo& option : option_table()) {
    const std::vector<std::string_view> flags = flags_of(option);
    if (std::ranges::find(flags, word.substr(0, 2)) != flags.end())
      return "--" + std::string(name_of(option)) + word.substr(2);
  }
  return word;
}

std::vector<std::string> words_of(int argc, const char* const* argv) {
  std::vector<std::string> words;
  bool may_be_option = true;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    may_be_option = may_be_option && word != "--";
    if (may_be_option) word = with_long_name(std::move(word));
    if (may_be_option && word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1) {
      words.push_back(word.substr(0, word.size() - 1));
      words.emplace_back();
    } else {
      words.push_back(word);
    }
  }
  return words;
}

bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9') && word[1] != '.';
}

std::vector<std::string_view> all_flags() {
  std::vector<std::string_view> flags;
  for (const OptionInfo& option : option_table()) {
    for (const std::string_view flag : flags_of(option)) flags.push_back(flag);
  }
  return flags;
}

// What another program's option is called here, or why it is not here; empty if no program has it.
std::string explain_foreign(const std::string& flag) {
  if (!flag.starts_with("--")) return {};
  const std::string_view option = meant_option(flag);
  if (!option.empty()) return "; it is called --" + std::string(option) + " here";
  const ForeignName* const foreign = find_foreign_name(flag);
  return foreign == nullptr ? "" : ": " + std::string(foreign->note);
}

[[noreturn]] void refuse_unknown(const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  std::string remedy = explain_foreign(flag);
  if (remedy.empty()) remedy = suggestion(flag, all_flags());
  if (remedy.empty())
    remedy = "; txt2img --help lists all of them (a prompt that begins with '-': --prompt='" + word + " ...')";
  throw Error(ExitCode::kUsage, "unknown option '" + flag + "'" + remedy);
}

// "-steps 9" would be "-s teps".
void refuse_single_dash(const std::string& word) {
  if (word.size() < 4 || word[0] != '-' || word[1] == '-') return;
  const std::string_view name = std::string_view(word).substr(1, word.find('=') - 1);
  const OptionInfo* const option = find_option(name);
  if (option == nullptr || name.size() < 3) return;
  throw Error(ExitCode::kUsage, "'" + word + "': write --" + std::string(name) + ", with two dashes");
}

CLI::Option* declare(CLI::App& app, const OptionInfo& option) {
  const std::string flags(option.flags);
  if (option.kind == ValueKind::kSwitch) return app.add_flag(flags);
  CLI::Option* const added = app.add_option(flags, CLI::callback_t([](const CLI::results_t&) { return true; }));
  added->type_size(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return option.kind == ValueKind::kOptionalText ? added->expected(0, 1) : added->expected(1);
}

// Words given to CLI11 one by one come out as assignments in their order.
class Parser {
 public:
  Parser() {
    app_.set_help_flag();
    app_.allow_extras();
    positional_ = app_.add_option(std::string(kPositional), prompts_);
    for (const OptionInfo& option : option_table()) options_[declare(app_, option)] = &option;
  }

  std::vector<Assignment> parse(const std::vector<std::string>& words) {
    words_ = words;
    before_marker_ = {words_.begin(), std::ranges::find(words_, "--")};
    std::ranges::for_each(before_marker_, refuse_single_dash);
    try {
      app_.parse(disguised_backwards());
    } catch (const CLI::ArgumentMismatch&) {
      throw Error(ExitCode::kUsage, "option " + words_.back() + " needs a value after it");
    } catch (const CLI::ParseError& error) {
      throw Error(ExitCode::kUsage, error.what());
    }
    for (const std::string& word : app_.remaining()) {
      if (word != "--") refuse_unknown(undisguise(word));
    }
    return collect();
  }

 private:
  // As CLI11 wants them: the last word first.
  [[nodiscard]] std::vector<std::string> disguised_backwards() const {
    std::vector<std::string> words;
    for (std::size_t i = words_.size(); i-- > 0;) {
      words.push_back(i > before_marker_.size() ? kDisguise + words_[i] : disguise(words_[i]));
    }
    return words;
  }

  [[nodiscard]] std::vector<Assignment> collect() const {
    std::map<const CLI::Option*, std::size_t> taken;
    std::vector<Assignment> assignments;
    for (const CLI::Option* const option : app_.parse_order()) {
      const std::string& word = option->results().at(taken[option]++);
      assignments.push_back(option == positional_ ? prompt(word) : assignment(*options_.at(option), undisguise(word)));
    }
    return assignments;
  }

  static Assignment prompt(const std::string& word) {
    // CLI11 takes "-5" for a prompt; it is more likely a slip.
    const bool is_negative = word.size() > 1 && word[0] == '-' && word[1] >= '0' && word[1] <= '9';
    if (is_negative) refuse_unknown(word);
    return {find_option("prompt"), undisguise(word), std::string(kPositional), ExitCode::kUsage};
  }

  Assignment assignment(const OptionInfo& option, const std::string& value) const {
    const std::string flag = "--" + std::string(name_of(option));
    if (option.kind != ValueKind::kSwitch && looks_like_option(value) && (is_own_word(value) || value == "--")) {
      throw Error(ExitCode::kUsage, "option " + flag + " needs a value, and '" + value +
                                        "' looks like another option; if it is the value, write " + flag + "=" + value);
    }
    return {&option, value, flag, ExitCode::kUsage};
  }

  // Whether the value came as a word of its own, where an option might have stood.
  bool is_own_word(const std::string& value) const {
    return std::ranges::find(before_marker_, value) != before_marker_.end();
  }

  CLI::App app_;
  std::vector<std::string> prompts_;
  CLI::Option* positional_ = nullptr;
  std::map<const CLI::Option*, const OptionInfo*> options_;
  std::vector<std::string> words_;
  std::vector<std::string> before_marker_;
};

void apply_all(const std::vector<Assignment>& assignments, Options& options) {
  for (const Assignment& assignment : assignments) apply(assignment, options);
}

// The last value given for an option.
std::optional<std::string> value_of(std::string_view name, const std::vector<Assignment>& flags) {
  const OptionInfo* const option = find_option(name);
  const auto backwards = std::views::reverse(flags);
  const auto last = std::ranges::find(backwards, option, &Assignment::option);
  if (last == backwards.end()) return std::nullopt;
  return last->value;
}

std::optional<std::filesystem::path> config_path(const std::vector<Assignment>& flags) {
  if (const std::optional<std::string> given = value_of("config", flags)) return *given;
  return default_config();
}

[[noreturn]] void refuse_unreadable(const std::string& picture, std::span<const PngText> texts) {
  throw Error(ExitCode::kBadData,
              picture + ": the picture has no record of how it was drawn" +
                  (texts.empty() ? ""
                                 : ", its texts (" + foreign::names_of(texts) +
                                       ") say nothing that can be read here; --show " + picture + " prints them"));
}

// What another program wrote into a picture to start from.
foreign::Request read_foreign(const std::string& picture) {
  const std::vector<PngText> texts = read_png_texts(picture);
  std::optional<foreign::Request> request = foreign::read_request(texts);
  if (!request) refuse_unreadable(picture, texts);
  return *std::move(request);
}

// Only what txt2img drew can be drawn again bit for bit.
[[noreturn]] void refuse_golden(const std::string& picture) {
  const std::optional<foreign::Request> request = foreign::read_request(read_png_texts(picture));
  const std::string remedy = "; give the prompt and the settings to draw it again";
  if (!request) throw Error(ExitCode::kBadData, picture + ": the picture has no record of how it was drawn" + remedy);
  throw Error(ExitCode::kBadData, picture + ": the picture is one of " + request->program +
                                      ", which txt2img cannot draw again bit for bit (--from " + picture +
                                      " draws with its settings)" + remedy);
}

// The record that the run starts from. A picture to verify may lack one if the command line says what to draw.
std::optional<Record> find_record(const std::vector<Assignment>& flags) {
  const std::optional<std::string> from = value_of("from", flags);
  const std::optional<std::string> golden = value_of("verify", flags);
  if (!from && !golden) return std::nullopt;
  if (from && golden) throw Error(ExitCode::kUsage, "--from and --verify both name a picture to draw again; give one");
  const std::string& picture = from ? *from : *golden;
  std::optional<Record> record = read_record(picture);
  if (!record && golden && !value_of("prompt", flags)) refuse_golden(picture);
  return record;
}

Request request_of(const Settings& settings) {
  return {.prompt = settings.prompt,
          .negative = settings.negative,
          .seed = settings.seed,
          .count = 1,
          .steps = settings.steps,
          .guidance = settings.guidance,
          .guidance_rescale = settings.guidance_rescale,
          .width = settings.width,
          .height = settings.height,
          .sampler = settings.sampler,
          .schedule = settings.schedule,
          .sampler_options = settings.sampler_options,
          .said_options = all_option_names(),
          .clip_skip = settings.clip_skip,
          .size_conditioning = settings.size_conditioning};
}

// The record stands in for the command line that drew the picture.
void apply_record(const Record& record, Options& options) {
  options.prompts = {record.settings.prompt};
  options.request = request_of(record.settings);
  options.model = find_recorded_model(record, options.model);
  options.engine.precision = record.precision;
  options.engine.vae_precision = record.vae_precision;
  if (options.engine.device == "auto" && record.device == "cpu") options.engine.device = "cpu";
}

// Parameters of the sampler or levels of the schedule that another picture was drawn with do not go with a new one.
void forget_what_is_replaced(const std::vector<Assignment>& flags, Request& request) {
  SamplerOptions& old = request.sampler_options;
  if (value_of("sampler", flags)) {
    old = {.sigmas = old.sigmas, .timesteps = old.timesteps};
    request.said_options.clear();
  }
  if (!value_of("sampler", flags) && !value_of("schedule", flags) && !value_of("steps", flags)) return;
  if (listed_steps(old) > 0) request.steps.reset();
  old.sigmas.clear();
  old.timesteps.clear();
}

void check_output(const Options& options) {
  if (options.output != "-" || options.action == Action::kDryRun) return;
  if (options.format == ResultFormat::kJson) {
    throw Error(ExitCode::kUsage, "--output - and --json both want standard output; give one");
  }
  if (is_terminal(Stream::kOutput)) {
    throw Error(ExitCode::kUsage, "--output -: a terminal cannot show a PNG; send it to a program or a file");
  }
}

void check_prompts(const Options& options) {
  const bool is_drawing = options.action == Action::kDraw || options.action == Action::kDryRun;
  if (is_drawing && options.prompts.empty() && !options.has_files()) {
    throw Error(ExitCode::kUsage,
                "nothing to draw; give a prompt, as in txt2img \"a red apple\" (txt2img --help says more)");
  }
  if (options.has_files() && !options.prompts.empty()) {
    throw Error(ExitCode::kUsage, "--file and a prompt on the command line; give one, or add the prompt to the file");
  }
  if (options.has_files() && !is_drawing && options.action != Action::kVerify) {
    throw Error(ExitCode::kUsage, "--file goes with drawing, --dry-run and --verify; leave it out");
  }
  if (!is_drawing && options.action != Action::kVerify && !options.prompts.empty()) {
    throw Error(ExitCode::kUsage, "--show, --list and --check take no prompt: '" + options.prompts.front() + "'");
  }
}

void check_files(const Options& options) {
  if (std::ranges::count(options.files, "-") > 1)
    throw Error(ExitCode::kUsage, "--file - reads standard input, which can be read once only");
  if (!options.columns.empty() && !options.has_files())
    throw Error(ExitCode::kUsage, "--column goes with a prompt file; give one with --file");
  (void)ColumnMap(options.columns);
}

void check_stream(const Options& options) {
  if (!options.is_stream) return;
  if (options.files != std::vector<std::string>{"-"} || !options.format_of_file) {
    throw Error(ExitCode::kUsage, "--stream reads standard input; give --file - and --format");
  }
  if (options.format_of_file == PromptFormat::kJson) {
    throw Error(ExitCode::kUsage, "--stream reads line by line, which --format json has none of; give --format jsonl");
  }
  if (options.action != Action::kDraw || options.resumes || options.shard || options.output == "-") {
    throw Error(ExitCode::kUsage,
                "--stream does not go with --dry-run, --verify, --resume, --shard and --output -; leave them out");
  }
}

void check_overviews(const Options& options) {
  if (!options.contact_sheet && !options.gallery) return;
  const bool is_drawing = options.action == Action::kDraw || options.action == Action::kDryRun;
  if (is_drawing && !options.is_stream) return;
  throw Error(ExitCode::kUsage,
              "--contact-sheet and --gallery go with drawing; leave them out of --verify, --show, --list, --check and "
              "--stream");
}

void check_batch(const Options& options) {
  const bool is_renaming = options.on_exists && *options.on_exists != OnExists::kOverwrite;
  if ((options.resumes || options.shard) && is_renaming) {
    throw Error(ExitCode::kUsage, "--resume and --shard write each picture to its one name; leave --on-exists out");
  }
  if ((options.resumes || options.shard) && !options.has_files()) {
    throw Error(ExitCode::kUsage, "--resume and --shard go with a prompt file; give one with --file");
  }
  if (options.redoes && (options.action != Action::kVerify || !options.has_files())) {
    throw Error(ExitCode::kUsage, "--redo goes with --verify DIR and --file FILE");
  }
}

std::vector<std::string> bare_prompts(const std::vector<Assignment>& flags) {
  std::vector<std::string> prompts;
  for (const Assignment& flag : flags) {
    if (flag.origin == kPositional) prompts.push_back(flag.value);
  }
  return prompts;
}

void add_warnings(Options& options, const std::vector<std::string>& texts) {
  options.warnings.insert(options.warnings.end(), texts.begin(), texts.end());
}

// A record of the pictures in a folder is that of each of them: nothing is taken from it.
bool verifies_folder(const std::vector<Assignment>& flags) {
  return value_of("verify", flags) && value_of("file", flags);
}

}  // namespace

Options read_options(int argc, const char* const* argv) {
  Options options;
  if (argc < 2) options.action = Action::kUsage;
  const std::vector<Assignment> flags = Parser().parse(words_of(argc, argv));
  if (value_of("help", flags)) options.action = Action::kHelp;
  if (value_of("version", flags)) options.action = Action::kVersion;
  if (options.action != Action::kDraw) return options;
  add_warnings(options, check_repeats(flags));
  add_warnings(options, explain_bare_words(bare_prompts(flags)));
  add_warnings(options, explain_environment());

  if (const std::optional<std::filesystem::path> path = config_path(flags)) apply_all(read_config(*path), options);
  apply_all(read_environment(), options);
  if (!verifies_folder(flags)) options.record = find_record(flags);
  if (options.record) {
    apply_record(*options.record, options);
    forget_what_is_replaced(flags, options.request);
  }
  if (const std::optional<std::string> from = value_of("from", flags); from && !options.record) {
    options.foreign = read_foreign(*from);
    options.prompts = {options.foreign->prompt};
  }
  for (const Assignment& flag : flags) options.given.push_back(name_of(*flag.option));
  if (value_of("prompt", flags) || value_of("file", flags)) options.prompts.clear();
  apply_all(flags, options);
  // What is drawn to be compared is not written only because all pictures are.
  if (options.action == Action::kVerify) options.output = value_of("output", flags);
  if (verifies_folder(flags) && !options.output)
    options.output = (std::filesystem::path(options.subject) / "").string();
  if (options.is_stream) options.format = ResultFormat::kJson;
  check_prompts(options);
  check_output(options);
  check_files(options);
  check_stream(options);
  check_overviews(options);
  check_batch(options);
  return options;
}

}  // namespace txt2img::cli
