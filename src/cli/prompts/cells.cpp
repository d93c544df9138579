#include "prompts/cells.h"

#include <algorithm>

#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

// The rest of a cell after its opening quote, and that of the text after the closing one.
std::string take_quoted(std::string_view& rest) {
  std::string cell;
  for (;;) {
    const std::size_t end = rest.find('"');
    if (end == std::string_view::npos) throw Error(ExitCode::kBadData, "a quote is not closed");
    cell += rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (!rest.starts_with('"')) return cell;
    cell += '"';
    rest.remove_prefix(1);
  }
}

std::string take_bare(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(','), rest.size());
  std::string cell(rest.substr(0, end));
  rest.remove_prefix(end);
  if (cell.find('"') == std::string::npos) return cell;
  throw Error(ExitCode::kBadData, "a quote within a cell; put the whole cell into quotes and double those in it");
}

}  // namespace

std::vector<std::string> split_tsv(std::string_view line) {
  std::vector<std::string> cells;
  for (;;) {
    const std::size_t end = std::min(line.find('\t'), line.size());
    cells.emplace_back(line.substr(0, end));
    if (end == line.size()) return cells;
    line.remove_prefix(end + 1);
  }
}

std::vector<std::string> split_csv(std::string_view record) {
  std::vector<std::string> cells;
  for (;;) {
    if (record.starts_with('"')) {
      record.remove_prefix(1);
      cells.push_back(take_quoted(record));
    } else {
      cells.push_back(take_bare(record));
    }
    if (record.empty()) return cells;
    if (!record.starts_with(','))
      throw Error(ExitCode::kBadData, "text after a closing quote; double the quotes within a cell");
    record.remove_prefix(1);
  }
}

bool has_open_quote(std::string_view text) { return std::ranges::count(text, '"') % 2 != 0; }

}  // namespace txt2img::cli
