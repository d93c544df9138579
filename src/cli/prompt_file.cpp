#include "cli/prompt_file.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/cells.h"
#include "txt2img/error.h"
#include "utf8.h"

namespace txt2img::cli {
namespace {

bool is_table(PromptFormat format) { return format == PromptFormat::kTsv || format == PromptFormat::kCsv; }

bool is_utf16(const std::string& text) { return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"); }

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\v\f") == std::string::npos; }

void check_text(const Line& line) {
  if (line.is_too_long) throw Error(ExitCode::kBadData, "the line has more than 1 MiB");
  if (is_utf16(line.text))
    throw Error(ExitCode::kBadData, "this is UTF-16; convert the file to UTF-8, with iconv for instance");
  if (line.text.find('\0') != std::string::npos) throw Error(ExitCode::kBadData, "the line has a zero byte");
  if (!is_valid_utf8(line.text)) {
    throw Error(ExitCode::kBadData, "the line is not UTF-8; convert the file, with iconv for instance");
  }
}

}  // namespace

PromptFormat format_of(const std::string& file) {
  std::string extension = std::filesystem::path(file).extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (extension == ".ndjson") return PromptFormat::kJsonl;
  const auto* const found =
      std::ranges::find(kPromptFormatNames, std::string_view(extension).substr(extension.empty() ? 0 : 1));
  if (file != "-" && found != kPromptFormatNames.end())
    return static_cast<PromptFormat>(found - kPromptFormatNames.begin());
  throw Error(ExitCode::kUsage,
              "--file " + file + ": the name does not tell the format; give --format txt, jsonl, tsv or csv");
}

PromptFile::PromptFile(const std::string& file, PromptFormat format, ExtraKeys extra_keys)
    : source_{.file = file == "-" ? "standard input" : file, .extra_keys = extra_keys}, format_(format), lines_(file) {}

std::string PromptFile::place(std::size_t line) const { return source_.file + ":" + std::to_string(line); }

std::optional<PromptRow> PromptFile::next(const Refuse& refuse) {
  while (!is_ended_) {
    std::optional<Line> line = lines_.next();
    if (!line) return std::nullopt;
    const std::size_t number = line->number;
    try {
      if (std::optional<PromptRow> row = parse(std::move(*line))) {
        row->line = number;
        return row;
      }
    } catch (const Error& error) {
      if (error.code() != ExitCode::kBadData) throw;
      is_ended_ = is_table(format_) && !header_;
      refuse(number, place(number) + ": " + error.what());
    }
  }
  return std::nullopt;
}

// Nothing for a blank line or a header.
std::optional<PromptRow> PromptFile::parse(Line line) {
  check_text(line);
  if (is_blank(line.text)) return std::nullopt;
  switch (format_) {
    case PromptFormat::kTxt: return parse_text_row(line.text, source_);
    case PromptFormat::kJsonl: return parse_json_row(line.text, source_);
    case PromptFormat::kTsv:
    case PromptFormat::kCsv: break;
  }
  std::vector<std::string> cells = split(std::move(line));
  if (header_) return parse_table_row(*header_, cells, source_);
  header_ = parse_header(cells, source_);
  return std::nullopt;
}

std::vector<std::string> PromptFile::split(Line line) {
  if (format_ == PromptFormat::kCsv) {
    join_quoted_lines(line);
    return split_csv(line.text);
  }
  std::vector<std::string> cells = split_tsv(line.text);
  // Spreadsheets leave the tabs of empty cells at the end out.
  if (header_ && cells.size() < header_->size()) cells.resize(header_->size());
  return cells;
}

// A quoted cell goes on over line breaks.
void PromptFile::join_quoted_lines(Line& line) {
  for (bool is_open = has_open_quote(line.text); is_open;) {
    const std::optional<Line> more = lines_.next();
    if (!more) throw Error(ExitCode::kBadData, "a quote is not closed before the end of the file");
    check_text(*more);
    is_open = is_open != has_open_quote(more->text);
    line.text += '\n' + more->text;
    if (line.text.size() > kLineMax) throw Error(ExitCode::kBadData, "a quote is not closed within 1 MiB");
  }
}

}  // namespace txt2img::cli
