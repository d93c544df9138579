// parse_table_row, check_header: tables with a header line, TSV and CSV.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/prompt_row.h"
#include "json.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;

bool is_prompt_column(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"prompt", "Prompt", "Prompts", "prompts", "caption"};
  return std::ranges::find(kNames, name) != kNames.end();
}

json parse_metadata(const std::string& text) {
  json metadata = parse_json(text, {.name = "metadata", .remedy = "write a JSON object"}, text.size());
  if (!metadata.is_object()) throw Error(ExitCode::kBadData, "metadata must be a JSON object");
  return metadata;
}

void take_cell(PromptRow& row, const std::string& column, const std::string& cell, json& passed) {
  if (is_prompt_column(column)) {
    row.prompt = cell;
  } else if (column == "output") {
    row.output = cell;
  } else if (column == "id" || column == "custom_id") {
    if (column == "id" || row.id.empty()) row.id = cell;
    passed[column] = cell;
  } else if (column == "metadata") {
    passed[column] = parse_metadata(cell);
  } else if (const OptionInfo* const option = find_setting(column)) {
    add_setting(row, *option, column, cell);
  } else {
    passed["extra"][column] = cell;
  }
}

bool is_known(const std::string& column) {
  return is_prompt_column(column) || find_setting(column) != nullptr ||
         std::ranges::find(prompt_keys(), column) != prompt_keys().end();
}

}  // namespace

void check_header(const std::vector<std::string>& header, const RowSource& source) {
  std::set<std::string> seen;
  for (const std::string& column : header) {
    if (!is_known(column)) refuse_extra_key(column, "column", source);
    if (seen.insert(column).second) continue;
    throw Error(ExitCode::kBadData, "the column " + quote(column) + " is there twice");
  }
  const auto prompts = std::ranges::count_if(header, is_prompt_column);
  if (prompts == 1) return;
  throw Error(ExitCode::kBadData, prompts == 0 ? "the header line names no column \"prompt\""
                                               : "several columns are named like prompts; leave one");
}

// An empty cell says nothing, so that its setting is the run's.
PromptRow parse_table_row(const std::vector<std::string>& header, const std::vector<std::string>& cells) {
  if (cells.size() != header.size()) {
    throw Error(ExitCode::kBadData,
                "has " + std::to_string(cells.size()) + " cells, the header line has " + std::to_string(header.size()));
  }
  PromptRow row;
  json passed = json::object();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].empty()) take_cell(row, header[i], cells[i], passed);
  }
  if (row.prompt.empty()) throw Error(ExitCode::kBadData, "the prompt is empty");
  if (!passed.empty()) row.passed = passed.dump();
  return row;
}

}  // namespace txt2img::cli
