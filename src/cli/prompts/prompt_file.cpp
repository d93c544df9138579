#include "prompts/prompt_file.h"

#include <utility>

#include "prompts/cells.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

bool is_table(PromptFormat format) { return format == PromptFormat::kTsv || format == PromptFormat::kCsv; }

bool is_utf16(const std::string& text) { return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"); }

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\v\f") == std::string::npos; }

}  // namespace

void check_text(const Line& line) {
  if (line.is_too_long) throw Error(ExitCode::kBadData, "the line has more than 1 MiB");
  if (is_utf16(line.text))
    throw Error(ExitCode::kBadData, "this is UTF-16; convert the file to UTF-8, with iconv for instance");
  if (line.text.find('\0') != std::string::npos) throw Error(ExitCode::kBadData, "the line has a zero byte");
  if (!is_valid_utf8(line.text)) {
    throw Error(ExitCode::kBadData, "the line is not UTF-8; convert the file, with iconv for instance");
  }
}

PromptFile::PromptFile(const std::string& file, PromptFormat format, ExtraKeys extra_keys, ColumnMap* columns,
                       Remarks* remarks, Requests requests)
    : source_{.file = file == "-" ? "standard input" : file, .extra_keys = extra_keys, .columns = columns},
      format_(format),
      requests_(requests),
      lines_(file, format == PromptFormat::kJson ? kJsonFileMax : kLineMax),
      blocks_(lines_),
      remarks_(remarks) {}

std::optional<Line> PromptFile::next_line() {
  const bool has_blocks = format_ == PromptFormat::kTxt && requests_ == Requests::kOfManyLines;
  return has_blocks ? blocks_.next() : lines_.next();
}

std::string PromptFile::place(std::size_t line) const { return format_text("{}:{}", source_.file, line); }

std::optional<PromptRow> PromptFile::next(const Refuse& refuse) {
  if (format_ == PromptFormat::kJson) return next_entry(refuse);
  while (!is_ended_) {
    std::optional<Line> line = next_line();
    if (!line) return std::nullopt;
    const std::size_t number = line->number;
    const bool is_in_utf16 = is_utf16(line->text);
    try {
      if (std::optional<PromptRow> row = parse(std::move(*line))) {
        row->line = number;
        return row;
      }
    } catch (const Error& error) {
      if (error.code() != ExitCode::kBadData) throw;
      // Of a text in UTF-16 every further line would be wrong, too.
      is_ended_ = (is_table(format_) && !header_) || is_in_utf16;
      refuse(number, place(number) + ": " + error.what());
    }
  }
  return std::nullopt;
}

std::optional<PromptRow> PromptFile::next_entry(const Refuse& refuse) {
  try {
    if (!std::exchange(has_entries_, true)) read_entries();
  } catch (const Error& error) {
    if (error.code() != ExitCode::kBadData) throw;
    refuse(lines_.number(), source_.file + ": " + error.what());
  }
  while (entry_ < entries_.size()) {
    const JsonEntry& entry = entries_[entry_++];
    try {
      PromptRow row = parse_json_entry(entry.text, entry.id, source_);
      row.line = entry.line;
      return row;
    } catch (const Error& error) {
      if (error.code() != ExitCode::kBadData) throw;
      refuse(entry.line, place(entry.line) + ": " + error.what());
    }
  }
  return std::nullopt;
}

void PromptFile::read_entries() {
  std::string document;
  while (const std::optional<Line> line = lines_.next()) {
    check_text(*line);
    document += line->text + '\n';
    if (document.size() > kJsonFileMax) throw Error(ExitCode::kBadData, "the file has more than 64 MiB");
  }
  entries_ = split_json(document);
}

// Nothing for a comment.
std::optional<PromptRow> PromptFile::parse_text(const Line& line) {
  if (remarks_ != nullptr && is_comment(line.text)) {
    remarks_->add(RemarkKind::kComment, place(line.number), line.text);
    return std::nullopt;
  }
  if (remarks_ != nullptr && line.text.starts_with('#'))
    remarks_->add(RemarkKind::kHash, place(line.number), line.text);
  if (!is_of_infotext(line.text)) return parse_text_row(line.text, source_);
  check_infotext_block(line.text);
  return parse_infotext_row(line.text);
}

// Nothing for a blank line, a comment or a header.
std::optional<PromptRow> PromptFile::parse(Line line) {
  check_text(line);
  if (is_blank(line.text)) return std::nullopt;
  switch (format_) {
    case PromptFormat::kTxt: return parse_text(line);
    case PromptFormat::kJsonl: return parse_json_row(line.text, source_);
    case PromptFormat::kTsv:
    case PromptFormat::kCsv:
    case PromptFormat::kJson: break;
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
