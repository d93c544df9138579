// Which columns of a table, or keys of an object, a prompt file's settings are read from: what --column says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img::cli {

// KEY=COLUMN: the key is read from that column and from no other one; without a column it is read from none.
struct ColumnRule {
  std::string key;
  std::string column;

  bool operator==(const ColumnRule&) const = default;
};

// Throws Error(kUsage) if the text is not KEY=COLUMN, or if KEY is no key of a prompt file and has a column.
ColumnRule parse_column_rule(std::string_view text);

// "prompt=prompt_en", as it was given.
std::string text_of(const ColumnRule& rule);

class ColumnMap {
 public:
  // Throws Error(kUsage) if two rules are about the same key.
  explicit ColumnMap(std::vector<ColumnRule> rules);

  // The key that the column gives, which is its own name if no rule is about it; nothing if it is left out.
  std::optional<std::string> key_of(std::string_view column);

  // The first rule that no column has met so far, null if all have.
  [[nodiscard]] const ColumnRule* find_unused() const;

 private:
  struct Entry {
    ColumnRule rule;
    std::string meaning;  // of its key, however it is spelled
    bool is_used = false;
  };
  std::vector<Entry> entries_;
};

}  // namespace txt2img::cli
