// parse_table_row, parse_header: tables with a header line, TSV and CSV.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "options/prompt_keys.h"
#include "prompts/prompt_row.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/json.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;

constexpr const char* kLeftOut = "\n";  // no header line has this name

json parse_metadata(const std::string& text) {
  json metadata = parse_json(text, {.name = "metadata", .remedy = "write a JSON object"}, text.size());
  if (!metadata.is_object()) throw Error(ExitCode::kBadData, "metadata must be a JSON object");
  return metadata;
}

void take_cell(PromptRow& row, const std::string& column, const std::string& cell, const RowSource& source,
               json& passed) {
  if (is_prompt_key(column)) {
    row.prompt = cell;
  } else if (column == "output") {
    row.output = cell;
  } else if (column == "id" || column == "custom_id") {
    if (column == "id" || row.id.empty()) row.id = cell;
    passed[column] = cell;
  } else if (column == "metadata") {
    passed[column] = parse_metadata(cell);
  } else if (const OptionInfo* const option = find_setting(column, cell)) {
    add_setting(row, *option, column, cell);
  } else if (passes_on(column, cell, "column", source)) {
    passed["extra"][column] = cell;
  }
}

void check_columns(const std::vector<std::string>& keys, const RowSource& source) {
  std::set<std::string> seen;
  for (const std::string& key : keys) {
    if (key == kLeftOut) continue;
    if (!is_prompt_key(key) && !is_own_key(key) && find_setting(key) == nullptr) check_extra_column(key, source);
    if (!seen.insert(key).second) throw Error(ExitCode::kBadData, "the column " + quote(key) + " is there twice");
  }
}

std::vector<std::string> keys_of(const std::vector<std::string>& columns, const RowSource& source) {
  if (source.columns == nullptr) return columns;
  std::vector<std::string> keys;
  for (const std::string& column : columns) keys.push_back(source.columns->key_of(column).value_or(kLeftOut));
  return keys;
}

}  // namespace

std::vector<std::string> parse_header(const std::vector<std::string>& columns, const RowSource& source) {
  std::vector<std::string> keys = keys_of(columns, source);
  check_columns(keys, source);
  const auto prompts = std::ranges::count_if(keys, is_prompt_key);
  if (prompts == 1) return keys;
  const bool is_none = prompts == 0;
  throw Error(ExitCode::kBadData, std::string(is_none ? "the header line names no column \"prompt\""
                                                      : "several columns are named like prompts") +
                                      "; say which one to read, with --column prompt=NAME");
}

// An empty cell says nothing, so that its setting is the run's.
PromptRow parse_table_row(const std::vector<std::string>& header, const std::vector<std::string>& cells,
                          const RowSource& source) {
  if (cells.size() != header.size()) {
    throw Error(ExitCode::kBadData, format_text("has {} cells, the header line has {}", cells.size(), header.size()));
  }
  PromptRow row;
  json passed = json::object();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].empty() && header[i] != kLeftOut) take_cell(row, header[i], cells[i], source, passed);
  }
  if (row.prompt.empty()) throw Error(ExitCode::kBadData, "the prompt is empty");
  if (!passed.empty()) row.passed = passed;
  return row;
}

}  // namespace txt2img::cli
