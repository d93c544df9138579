// The prompt files of a run, one after the other.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "options/column_map.h"
#include "options/command.h"
#include "prompts/prompt_file.h"
#include "prompts/remarks.h"

namespace txt2img::cli {

// Whether there are prompt files, and each is a folder: pictures are named after the files in it.
bool are_folders(const std::vector<std::string>& files);

// "a.txt", "a.txt and 2 more"
std::string name_of_all(const std::vector<std::string>& files);

class PromptFiles {
 public:
  // Of --file, --format, --extra-keys and --column. A folder stands for the .txt files in it, in the order of their
  // names, each of which is one prompt. Throws Error: kUsage if a name does not tell the format; kMissingInput, kIo.
  PromptFiles(const PromptSource& source, Remarks& remarks);

  // As PromptFile's; rows know their file.
  std::optional<PromptRow> next(const PromptFile::Refuse& refuse);

  // The files so far, in their order, as places are called after them.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::string place(std::size_t file, std::size_t line) const;

  // At the end. Throws Error(kBadData) for a --column that no column met.
  void check_columns() const;

 private:
  struct Source {
    std::string path;
    bool is_prompt = false;  // one, all of it
  };
  void list(const std::string& file);
  void list_folder(const std::filesystem::path& folder);
  std::optional<PromptRow> read_prompt(const std::string& path, const PromptFile::Refuse& refuse);
  std::optional<PromptRow> next_of(const Source& source, const PromptFile::Refuse& refuse);

  const PromptSource* source_;
  Remarks* remarks_;
  ColumnMap columns_;
  std::vector<Source> sources_;
  std::size_t next_ = 0;  // of the sources
  std::unique_ptr<PromptFile> current_;
  std::vector<std::string> names_;
};

}  // namespace txt2img::cli
