// A line of a prompt file, understood but not yet judged: which settings it asks for.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/request.h"
#include "options/column_map.h"
#include "options/command.h"
#include "options/option_table.h"

namespace txt2img::cli {

struct PromptRow {
  std::size_t line = 0;  // of the file, from 1; 0: from no file
  std::size_t file = 0;  // among those of the run
  std::string prompt;
  std::vector<Assignment> settings{};         // in the order of the file
  std::string id{};                           // as text, empty if there is none
  std::string output{};                       // a name of its own, empty if there is none
  std::optional<foreign::Request> foreign{};  // settings of another program, followed as far as the model can
  nlohmann::ordered_json passed{};            // what the JSON record repeats: id, custom_id, metadata, extra; or empty
};

// Where a row comes from, and how it is read.
struct RowSource {
  std::string file;
  ExtraKeys extra_keys{};
  ColumnMap* columns = nullptr;  // of tables and objects; null: all columns are what they are called
};

// The value as the command line would have it. Throws Error(kBadData) that says of which type it must be.
std::string setting_text(const OptionInfo& option, const nlohmann::json& value);

// Adds a setting. The pictures of a prompt are multiplied where two of n_iter and batch_size say them. Throws
// Error(kBadData) if the row has it already.
void add_setting(PromptRow& row, const OptionInfo& option, std::string_view key, std::string_view value);

// Whether a line, or several with line breaks between them, are AUTOMATIC1111's way to write a request.
bool is_of_infotext(const std::string& text);

// Throws Error(kBadData) where it is open which of several lines belong to a request: there are two negative prompts,
// or one that goes on and no line of settings that would end it.
void check_infotext_block(std::string_view text);

// All of these throw Error(kBadData) with a message that does not say where.
PromptRow parse_text_row(const std::string& line, const RowSource& source);
PromptRow parse_infotext_row(const std::string& text);
PromptRow parse_json_row(const std::string& line, const RowSource& source);

// The same for an entry of a JSON document, which may be a text, too; an `id` that is not empty is its own.
PromptRow parse_json_entry(const std::string& text, const std::string& id, const RowSource& source);
PromptRow parse_table_row(const std::vector<std::string>& header, const std::vector<std::string>& cells,
                          const RowSource& source);

// The keys that the columns of a header line give. Refuses columns that are unknown or there twice, and a table without
// prompts.
std::vector<std::string> parse_header(const std::vector<std::string>& columns, const RowSource& source);

// Whether a key that is no setting is passed on; if not, it asks for nothing. Throws Error(kBadData) that says what it
// is where `extra_keys` is kError and it does ask for something. `kind`: "key", "switch", "column".
bool passes_on(std::string_view key, std::string_view value, std::string_view kind, const RowSource& source);

// The same for a column, whose values are not known yet.
void check_extra_column(std::string_view column, const RowSource& source);

}  // namespace txt2img::cli
