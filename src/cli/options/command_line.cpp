#include "options/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>

#include "foreign/names.h"
#include "options/meant_option.h"
#include "options/option_values.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

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
      return format_text("--{}{}", name_of(option), word.substr(2));
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
  if (!option.empty()) return format_text("; it is called --{} here", option);
  const ForeignName* const foreign = find_foreign_name(flag);
  return foreign == nullptr ? "" : ": " + std::string(foreign->note);
}

[[noreturn]] void refuse_unknown(const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  std::string remedy = explain_foreign(flag);
  if (remedy.empty()) remedy = suggestion(flag, all_flags());
  if (remedy.empty())
    remedy = "; txt2img --help lists all of them (a prompt that begins with '-': --prompt='" + word + " ...')";
  throw Error(ExitCode::kUsage, format_text("unknown option '{}'{}", flag, remedy));
}

// "-steps 9" would be "-s teps".
void refuse_single_dash(const std::string& word) {
  if (word.size() < 4 || word[0] != '-' || word[1] == '-') return;
  const std::string_view name = std::string_view(word).substr(1, word.find('=') - 1);
  const OptionInfo* const option = find_option(name);
  if (option == nullptr || name.size() < 3) return;
  throw Error(ExitCode::kUsage, format_text("'{}': write --{}, with two dashes", word, name));
}

CLI::Option* declare(CLI::App& app, const OptionInfo& option) {
  const std::string flags(option.flags);
  if (kind_of(option) == ValueKind::kSwitch) return app.add_flag(flags);
  CLI::Option* const added = app.add_option(flags, CLI::callback_t([](const CLI::results_t&) { return true; }));
  added->type_size(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return kind_of(option) == ValueKind::kOptionalText ? added->expected(0, 1) : added->expected(1);
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
    if (kind_of(option) != ValueKind::kSwitch && looks_like_option(value) && (is_own_word(value) || value == "--")) {
      throw Error(
          ExitCode::kUsage,
          format_text("option {} needs a value, and '{}' looks like another option; if it is the value, write {}={}",
                      flag, value, flag, value));
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

}  // namespace

std::vector<Assignment> parse_command_line(int argc, const char* const* argv) {
  return Parser().parse(words_of(argc, argv));
}

std::vector<std::string> bare_prompts(const std::vector<Assignment>& flags) {
  std::vector<std::string> prompts;
  for (const Assignment& flag : flags) {
    if (flag.origin == kPositional) prompts.push_back(flag.value);
  }
  return prompts;
}

}  // namespace txt2img::cli
