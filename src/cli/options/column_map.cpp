#include "options/column_map.h"

#include <algorithm>
#include <utility>

#include "options/meant_option.h"
#include "options/option_values.h"
#include "options/prompt_keys.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

// The same for all spellings of a key.
std::string meaning_of(std::string_view key) {
  const std::string_view option = meant_option(key);
  return std::string(option.empty() || is_own_key(key) ? key : option);
}

bool is_key(std::string_view key) { return is_own_key(key) || find_setting(key) != nullptr || is_prompt_key(key); }

}  // namespace

ColumnRule parse_column_rule(std::string_view text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string_view::npos || sign == 0) {
    throw Error(ExitCode::kUsage,
                format_text("'{}' is not KEY=COLUMN, as in prompt=prompt_en, or KEY= to read it from no column", text));
  }
  ColumnRule rule{.key = std::string(text.substr(0, sign)), .column = std::string(text.substr(sign + 1))};
  if (rule.column.empty() || is_key(rule.key)) return rule;
  throw Error(ExitCode::kUsage, format_text("'{}' is no key of a prompt file{} (KEY=COLUMN: ours comes first)",
                                            rule.key, suggestion(rule.key, prompt_keys())));
}

std::string text_of(const ColumnRule& rule) { return rule.key + "=" + rule.column; }

ColumnMap::ColumnMap(std::vector<ColumnRule> rules) {
  for (ColumnRule& rule : rules) {
    Entry entry{.rule = std::move(rule), .meaning = {}};
    entry.meaning = meaning_of(entry.rule.key);
    const auto other = std::ranges::find(entries_, entry.meaning, &Entry::meaning);
    if (other == entries_.end()) {
      entries_.push_back(std::move(entry));
    } else if (other->rule != entry.rule) {
      throw Error(ExitCode::kUsage, format_text("--column {} and --column {} are about the same key; leave one out",
                                                text_of(other->rule), text_of(entry.rule)));
    }
  }
}

std::optional<std::string> ColumnMap::key_of(std::string_view column) {
  for (Entry& entry : entries_) {
    if (entry.rule.column != column) continue;
    entry.is_used = true;
    return entry.rule.key;
  }
  for (Entry& entry : entries_) {
    if (entry.meaning != meaning_of(column)) continue;
    entry.is_used = entry.is_used || entry.rule.column.empty();
    return std::nullopt;
  }
  return std::string(column);
}

const ColumnRule* ColumnMap::find_unused() const {
  const auto unused = std::ranges::find(entries_, false, &Entry::is_used);
  return unused == entries_.end() ? nullptr : &unused->rule;
}

}  // namespace txt2img::cli
