#include "prompts/prompt_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "foreign/infotext.h"
#include "options/prompt_format.h"
#include "prompts/line_reader.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

bool is_folder(const std::string& file) {
  std::error_code ignored;
  return file != "-" && fs::is_directory(file, ignored);
}

std::optional<PromptFormat> find_format(const fs::path& file) {
  try {
    return format_of(file.string());
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (!entry->path().filename().string().starts_with('.')) files.push_back(entry->path());
  }
  if (failed) throw Error(ExitCode::kIo, folder.string() + ": the folder cannot be read: " + failed.message());
  std::ranges::sort(files);
  return files;
}

// The lines of a file, with breaks between them only.
std::string read_text(const std::string& path) {
  LineReader lines(path);
  std::string text;
  while (const std::optional<Line> line = lines.next()) {
    check_text(*line);
    text += (line->number == 1 ? "" : "\n") + line->text;
    if (text.size() > kLineMax) throw Error(ExitCode::kBadData, "the prompt has more than 1 MiB");
  }
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

bool are_folders(const std::vector<std::string>& files) {
  return !files.empty() && std::ranges::all_of(files, is_folder);
}

std::string name_of_all(const std::vector<std::string>& files) {
  if (files.empty()) return {};
  return files.front() + (files.size() > 1 ? format_text(" and {} more", files.size() - 1) : "");
}

PromptFiles::PromptFiles(const PromptSource& source, Remarks& remarks)
    : source_(&source), remarks_(&remarks), columns_(source.columns) {
  for (const std::string& file : source.files) list(file);
}

void PromptFiles::list(const std::string& file) {
  if (is_folder(file))
    list_folder(file);
  else
    sources_.push_back({.path = file});
}

void PromptFiles::list_folder(const fs::path& folder) {
  const std::size_t before = sources_.size();
  for (const fs::path& file : files_in(folder)) {
    std::error_code ignored;
    const bool is_inner = fs::is_directory(file, ignored);
    const std::optional<PromptFormat> format = is_inner ? std::nullopt : find_format(file);
    if (format == PromptFormat::kTxt)
      sources_.push_back({.path = file.string(), .is_prompt = true});
    else if (is_inner || format)
      remarks_->add(RemarkKind::kLeftAlone, folder.string(), file.filename().string());
  }
  if (sources_.size() == before)
    throw Error(ExitCode::kBadData, folder.string() + ": there is no .txt file in the folder; each would be a prompt");
}

std::optional<PromptRow> PromptFiles::next(const PromptFile::Refuse& refuse) {
  for (;;) {
    if (current_) {
      if (std::optional<PromptRow> row = current_->next(refuse)) {
        row->file = names_.size() - 1;
        return row;
      }
      current_.reset();
    }
    if (next_ == sources_.size()) return std::nullopt;
    if (std::optional<PromptRow> row = next_of(sources_[next_++], refuse)) return row;
  }
}

// The row of a file that is a prompt; of others nothing yet.
std::optional<PromptRow> PromptFiles::next_of(const Source& source, const PromptFile::Refuse& refuse) {
  names_.push_back(source.path == "-" ? "standard input" : source.path);
  if (source.is_prompt) return read_prompt(source.path, refuse);
  const PromptFormat format = source_->format_of_file ? *source_->format_of_file : format_of(source.path);
  current_ = std::make_unique<PromptFile>(source.path, format, source_->extra_keys, &columns_, remarks_);
  return std::nullopt;
}

std::optional<PromptRow> PromptFiles::read_prompt(const std::string& path, const PromptFile::Refuse& refuse) {
  try {
    const std::string text = read_text(path);
    if (text.find_first_not_of(" \t\n") == std::string::npos) throw Error(ExitCode::kBadData, "the file is empty");
    PromptRow row = foreign::parse_infotext(text)
                        ? parse_infotext_row(text)
                        : parse_text_row(text, {.file = path, .extra_keys = source_->extra_keys});
    row.line = 1;
    row.file = names_.size() - 1;
    if (row.id.empty()) {
      row.id = fs::path(path).stem().string();
      if (row.passed.empty()) row.passed = nlohmann::ordered_json::object({{"id", row.id}});
    }
    return row;
  } catch (const Error& error) {
    if (error.code() != ExitCode::kBadData) throw;
    refuse(1, path + ": " + error.what());
    return std::nullopt;
  }
}

std::string PromptFiles::place(std::size_t file, std::size_t line) const {
  return format_text("{}:{}", names_.at(file), line);
}

void PromptFiles::check_columns() const {
  const ColumnRule* const unused = columns_.find_unused();
  if (unused == nullptr) return;
  throw Error(ExitCode::kBadData, format_text("--column {}: there is no such column or key in {}", text_of(*unused),
                                              name_of_all(source_->files)));
}

}  // namespace txt2img::cli
