// parse_text_row: a line of a text file, a prompt as it is or one with switches.
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "foreign/names.h"
#include "foreign/shell_words.h"
#include "options/prompt_keys.h"
#include "prompts/prompt_row.h"
#include "txt2img/error.h"
#include "txt2img/json.h"

namespace txt2img::cli {
namespace {

// A word that asks for something: --steps, --steps=9, -s, -S1234.
struct Switch {
  std::string_view name;  // as it is written, with its dashes
  std::string_view key;   // of ours or of another program; empty: nobody's that we know
  std::optional<std::string_view> value{};
};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_known(std::string_view key) {
  return is_own_key(key) || is_prompt_key(key) || find_setting(key) != nullptr || find_foreign_name(key) != nullptr;
}

// -s, -S1234, -Ak_lms, -s=50: InvokeAI's letters, whose value may follow at once.
std::optional<Switch> read_letter(std::string_view word) {
  const ForeignName* const letter = find_foreign_letter(word[1]);
  const std::string_view rest = word.substr(2);
  if (letter == nullptr || rest.empty()) return Switch{.name = word, .key = letter == nullptr ? "" : letter->option};
  const bool is_attached = rest[0] == '=' || is_number(rest) || (letter->option == "sampler" && is_sampler_name(rest));
  if (!is_attached) return std::nullopt;
  return Switch{.name = word.substr(0, 2), .key = letter->option, .value = rest.substr(rest[0] == '=' ? 1 : 0)};
}

// A word that begins with a dash or two, and a letter; nothing for others.
std::optional<Switch> read_switch(std::string_view word) {
  const std::size_t dashes = word.starts_with("--") ? 2 : 1;
  if (word.size() <= dashes || word[0] != '-' || !is_letter(word[dashes])) return std::nullopt;
  if (dashes == 1) {
    if (std::optional<Switch> letter = read_letter(word)) return letter;
  }
  const std::size_t sign = word.find('=');
  Switch found{.name = word.substr(0, sign), .key = {}};
  const std::string_view name = found.name.substr(dashes);
  if ((dashes == 2 || name.size() > 2) && is_known(name)) found.key = name;
  if (sign != std::string_view::npos) found.value = word.substr(sign + 1);
  return found;
}

// In the midst of a text "-made" is a word like others; "--made", "-m" and "-m5" are not, whatever they mean.
bool is_conspicuous(std::string_view word, const Switch& found) {
  return !found.key.empty() || word.starts_with("--") || word.size() == 2 || is_number(word.substr(2));
}

// Where the switches of a line begin, behind the text in front of them.
struct Split {
  std::size_t at = std::string_view::npos;
  bool has_known = false;  // one at least
};

// Quotes count where they are in pairs, or an inch would be one.
Split find_switches(std::string_view line) {
  Split split;
  const bool has_pairs = std::ranges::count(line, '"') % 2 == 0;
  bool is_in_quotes = false;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find_first_of(" \t\n", at), line.size());
    const std::string_view word = line.substr(at, end - at);
    const std::optional<Switch> found = is_in_quotes ? std::nullopt : read_switch(word);
    if (found && is_conspicuous(word, *found)) {
      split.at = std::min(split.at, at);
      split.has_known = split.has_known || !found->key.empty();
    }
    if (has_pairs && std::ranges::count(word, '"') % 2 != 0) is_in_quotes = !is_in_quotes;
    at = end + 1;
  }
  return split;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") + 1 - first);
}

bool is_quoted(std::string_view text) { return !text.empty() && end_of_quoted(text) == text.size(); }

// A row from the words of a line.
class SwitchReader {
 public:
  SwitchReader(std::string_view line, const RowSource& source) : words_(split_words(line)), source_(&source) {}

  PromptRow read(std::string_view text) {
    if (is_quoted(text))
      take_prompt(split_words(text).front().text);
    else if (!text.empty())
      take_prompt(std::string(text));
    while (at_ < words_.size()) take_switch();
    if (!has_prompt_) throw Error(ExitCode::kBadData, "the line has switches and no prompt");
    if (!passed_.empty()) row_.passed = passed_;
    return std::move(row_);
  }

 private:
  [[nodiscard]] std::optional<Switch> switch_at(std::size_t at) const {
    return words_[at].is_quoted ? std::nullopt : read_switch(words_[at].text);
  }

  // Turned on where it has no value.
  static std::string value_for(const OptionInfo& option, std::string_view name, const std::string& value) {
    if (!value.empty() || kind_of(option) == ValueKind::kText) return value;
    if (kind_of(option) == ValueKind::kSwitch) return "true";
    throw Error(ExitCode::kBadData, std::string(name) + " needs a value after it");
  }

  void take_prompt(std::string text) {
    if (std::exchange(has_prompt_, true)) throw Error(ExitCode::kBadData, "the prompt is there twice");
    row_.prompt = std::move(text);
  }

  void take_switch() {
    const std::optional<Switch> found = switch_at(at_);
    if (!found) throw Error(ExitCode::kBadData, quote(words_[at_].text) + " is no switch; quote the whole prompt");
    if (found->name.size() > 2 && !found->name.starts_with("--"))
      throw Error(ExitCode::kBadData, quote(found->name) + " is no switch; long ones begin with two dashes");
    ++at_;
    const std::string value = take_value(*found);
    if (is_prompt_key(found->key)) {
      take_prompt(value);
    } else if (found->key == "id") {
      passed_["id"] = value;
      row_.id = value;
    } else if (found->key == "output") {
      row_.output = value;
    } else {
      take_setting(*found, value);
    }
  }

  // Words that belong together without quotes: --sampler_name DPM++ 2M Karras.
  std::string take_value(const Switch& found) {
    std::string value(found.value.value_or(""));
    for (bool is_first = !found.value; at_ < words_.size() && !switch_at(at_); ++at_, is_first = false)
      value += (is_first ? "" : " ") + words_[at_].text;
    return value;
  }

  void take_setting(const Switch& found, const std::string& value) {
    if (const OptionInfo* const option = find_setting(found.key, value)) {
      add_setting(row_, *option, found.name, value_for(*option, found.name, value));
    } else if (passes_on(found.name, value.empty() ? "true" : value, "switch", *source_)) {
      passed_["extra"][std::string(found.name.substr(found.name.find_first_not_of('-')))] = value;
    }
  }

  std::vector<Word> words_;
  const RowSource* source_;
  std::size_t at_ = 0;
  bool has_prompt_ = false;
  PromptRow row_;
  nlohmann::json passed_ = nlohmann::json::object();
};

}  // namespace

PromptRow parse_text_row(const std::string& line, const RowSource& source) {
  const Split split = find_switches(line);
  const std::string_view text = trim(std::string_view(line).substr(0, split.at));
  const bool begins_with_switches = split.at != std::string_view::npos && (text.empty() || is_quoted(text));
  if (!split.has_known && !begins_with_switches) return {.prompt = line};
  try {
    return SwitchReader(std::string_view(line).substr(split.at), source).read(text);
  } catch (const Error& error) {
    if (line.find("--prompt") != std::string::npos) throw;
    throw Error(error.code(), std::string(error.what()) + "; a line that is text all through: --prompt \"...\"");
  }
}

}  // namespace txt2img::cli
