// A prompt file: the rows of a text, JSON Lines, TSV, CSV or JSON file, one by one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "options/column_map.h"
#include "options/command.h"
#include "prompts/json_entries.h"
#include "prompts/line_reader.h"
#include "prompts/prompt_row.h"
#include "prompts/remarks.h"
#include "prompts/text_blocks.h"

namespace txt2img::cli {

// Throws Error(kBadData) for a line that is no UTF-8 text, or too long.
void check_text(const Line& line);

// Whether a request of a text file may take several lines, as AUTOMATIC1111 writes it.
enum class Requests { kOfManyLines, kOfOneLine };

class PromptFile {
 public:
  // What is wrong with a line: the message begins with FILE:LINE.
  using Refuse = std::function<void(std::size_t line, const std::string& message)>;

  // Throws as LineReader does.
  PromptFile(const std::string& file, PromptFormat format, ExtraKeys extra_keys, ColumnMap* columns = nullptr,
             Remarks* remarks = nullptr, Requests requests = Requests::kOfManyLines);

  // The next row that can be read, or nothing at the end; shows what cannot be read to `refuse` and goes on. Blank
  // lines are skipped. A table whose header line is wrong ends there. Throws as LineReader does.
  std::optional<PromptRow> next(const Refuse& refuse);

  [[nodiscard]] std::string place(std::size_t line) const;  // "prompts.txt:12"

 private:
  std::optional<PromptRow> next_entry(const Refuse& refuse);
  void read_entries();
  std::optional<Line> next_line();
  std::optional<PromptRow> parse(Line line);
  std::optional<PromptRow> parse_text(const Line& line);
  [[nodiscard]] std::vector<std::string> split(Line line);
  void join_quoted_lines(Line& line);

  RowSource source_;
  PromptFormat format_;
  Requests requests_;
  LineReader lines_;
  TextBlocks blocks_;
  Remarks* remarks_;
  std::optional<std::vector<std::string>> header_;  // of tables
  std::vector<JsonEntry> entries_;                  // of a JSON document, once it is read
  bool has_entries_ = false;
  std::size_t entry_ = 0;
  bool is_ended_ = false;
};

}  // namespace txt2img::cli
