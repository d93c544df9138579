// parse_text_row: a line of a text file, a prompt as it is or one with switches.
#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/prompt_row.h"
#include "json.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

struct Word {
  std::string text;
  bool is_quoted = false;  // in part at least: it is no switch
};

bool is_space(char c) { return c == ' ' || c == '\t'; }

// One word off the front of `rest`, as a shell would read it: quotes of both kinds, and a backslash before a quote or a
// backslash.
Word take_word(std::string_view& rest) {
  Word word;
  char quote_mark = 0;
  while (!rest.empty() && (quote_mark != 0 || !is_space(rest.front()))) {
    const char c = rest.front();
    rest.remove_prefix(1);
    const bool is_escape = c == '\\' && !rest.empty() && (rest[0] == '"' || rest[0] == '\\' || rest[0] == '\'');
    if (is_escape && quote_mark != '\'') {
      word.text += rest.front();
      rest.remove_prefix(1);
    } else if (c == quote_mark) {
      quote_mark = 0;
    } else if (quote_mark == 0 && (c == '"' || c == '\'')) {
      quote_mark = c;
      word.is_quoted = true;
    } else {
      word.text += c;
    }
  }
  if (quote_mark != 0) throw Error(ExitCode::kBadData, "a quote is not closed");
  return word;
}

std::vector<Word> split_words(std::string_view rest) {
  std::vector<Word> words;
  for (;;) {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (rest.empty()) return words;
    words.push_back(take_word(rest));
  }
}

struct Switch {
  std::string_view name;  // without dashes
  std::string_view key;   // of ours
};

// Of AUTOMATIC1111's "prompts from file", then the short ones of InvokeAI, whose case matters.
constexpr std::array<Switch, 14> kSwitches = {{{"sampler_name", "sampler"},
                                               {"n_iter", "count"},
                                               {"batch_size", "count"},
                                               {"iterations", "count"},
                                               {"cfg_scale", "guidance"},
                                               {"negative_prompt", "negative"},
                                               {"scheduler", "schedule"},
                                               {"s", "steps"},
                                               {"S", "seed"},
                                               {"W", "width"},
                                               {"H", "height"},
                                               {"C", "guidance"},
                                               {"A", "sampler"},
                                               {"n", "count"}}};

bool is_switch(const Word& word) {
  return !word.is_quoted && word.text.size() > 1 && word.text[0] == '-' &&
         (word.text[1] == '-' || std::isalpha(static_cast<unsigned char>(word.text[1])) != 0);
}

std::string_view name_of(const Word& word) {
  return std::string_view(word.text).substr(word.text.starts_with("--") ? 2 : 1);
}

std::string_view key_of(std::string_view name) {
  const auto* const found = std::ranges::find(kSwitches, name, &Switch::name);
  return found == kSwitches.end() ? name : found->key;
}

// AUTOMATIC1111 and InvokeAI draw a seed of their own for -1.
std::string value_for(std::string_view key, const std::string& value) {
  return key == "seed" && value == "-1" ? "random" : value;
}

// Words that belong together without quotes: --sampler_name DPM++ 2M Karras.
std::string take_value(const std::vector<Word>& words, std::size_t& at) {
  std::string value;
  for (const std::size_t first = at; at < words.size() && !is_switch(words[at]); ++at) {
    value += (at > first ? " " : "") + words[at].text;
  }
  return value;
}

void take_switch(PromptRow& row, const Word& word, std::string value, nlohmann::json& passed, const RowSource& source) {
  const std::string_view key = key_of(name_of(word));
  if (key == "prompt") {
    row.prompt = std::move(value);
  } else if (key == "id") {
    passed["id"] = value;
    row.id = std::move(value);
  } else if (key == "output") {
    row.output = std::move(value);
  } else if (const OptionInfo* const option = find_setting(key)) {
    if (value.empty() && option->kind != ValueKind::kText) {
      if (option->kind != ValueKind::kSwitch) throw Error(ExitCode::kBadData, word.text + " needs a value after it");
      value = "true";
    }
    add_setting(row, *option, word.text, value_for(key, value));
  } else {
    refuse_extra_key(word.text, "switch", source);
    passed["extra"][std::string(name_of(word))] = value;
  }
}

void take_switches(PromptRow& row, const std::vector<Word>& words, const RowSource& source) {
  nlohmann::json passed = nlohmann::json::object();
  for (std::size_t at = 0; at < words.size();) {
    const Word& word = words[at++];
    if (!is_switch(word)) throw Error(ExitCode::kBadData, quote(word.text) + " is no switch; quote the whole prompt");
    std::string value = take_value(words, at);
    take_switch(row, word, std::move(value), passed, source);
  }
  if (!passed.empty()) row.passed = passed.dump();
}

// "a cat" -s 20 -W 512: the prompt and its switches, or nothing if the line is only one that begins with a quote.
std::optional<std::vector<Word>> split_quoted(const std::string& line) {
  if (!line.starts_with('"')) return std::nullopt;
  std::size_t end = 1;
  while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
  if (end + 2 >= line.size() || !is_space(line[end + 1])) return std::nullopt;
  const std::size_t next = line.find_first_not_of(" \t", end + 1);
  if (next == std::string::npos || line[next] != '-') return std::nullopt;
  std::string_view rest = std::string_view(line).substr(next);
  const Word first{.text = std::string(rest.substr(0, rest.find_first_of(" \t")))};
  const bool is_known = is_switch(first) && find_setting(key_of(name_of(first))) != nullptr;
  return is_known ? std::optional(split_words(line)) : std::nullopt;
}

}  // namespace

PromptRow parse_text_row(const std::string& line, const RowSource& source) {
  PromptRow row;
  if (line.starts_with("--prompt ") || line.starts_with("--prompt\t")) {
    take_switches(row, split_words(line), source);
  } else if (std::optional<std::vector<Word>> words = split_quoted(line)) {
    row.prompt = std::move(words->front().text);
    words->erase(words->begin());
    take_switches(row, *words, source);
  } else {
    row.prompt = line;
  }
  return row;
}

}  // namespace txt2img::cli
