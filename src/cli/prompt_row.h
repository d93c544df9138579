// A line of a prompt file, understood but not yet judged: which settings it asks for.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/option_table.h"
#include "cli/options.h"

namespace txt2img::cli {

struct PromptRow {
  std::size_t line = 0;  // of the file, from 1; 0: from no file
  std::string prompt;
  std::vector<Assignment> settings{};  // in the order of the file
  std::string id{};                    // as text, empty if there is none
  std::string output{};                // a name of its own, empty if there is none
  std::string passed{};  // what the JSON record repeats: id, custom_id, metadata, extra; a JSON object, or empty
};

// Where a row comes from, and how it is read.
struct RowSource {
  std::string file;
  ExtraKeys extra_keys{};
};

// The option that a key of a prompt file stands for, null if it is none: '_' is as good as '-', and what an option may
// be called otherwise (negative_prompt, cfg_scale) is known too.
const OptionInfo* find_setting(std::string_view key);

// All keys in the spelling of the documentation: prompt, id, ..., negative, seed, ...
const std::vector<std::string_view>& prompt_keys();

// The value as the command line would have it. Throws Error(kBadData) that says of which type it must be.
std::string setting_text(const OptionInfo& option, const nlohmann::json& value);

// Adds a setting; throws Error(kBadData) if the row has it already.
void add_setting(PromptRow& row, const OptionInfo& option, std::string_view key, std::string value);

// All of these throw Error(kBadData) with a message that does not say where.
PromptRow parse_text_row(const std::string& line, const RowSource& source);
PromptRow parse_json_row(const std::string& line, const RowSource& source);
PromptRow parse_table_row(const std::vector<std::string>& header, const std::vector<std::string>& cells);

// Refuses columns that are unknown or there twice, or a table without prompts.
void check_header(const std::vector<std::string>& header, const RowSource& source);

// What a row says of a key that is none: with `extra_keys` at kPass nothing.
void refuse_extra_key(std::string_view key, std::string_view kind, const RowSource& source);

}  // namespace txt2img::cli
