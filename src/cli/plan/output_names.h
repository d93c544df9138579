// Where pictures go: the names that --output and --layout give them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "options/command.h"
#include "txt2img/output_file.h"
#include "txt2img/request.h"

namespace txt2img::cli {

enum class Destination {
  kFiles,
  kStream,  // a device or a pipe with a name: all pictures go there
  kStandardOutput,
  kNowhere,
};

// What the fields of a template stand for.
struct PictureName {
  std::size_t index = 1;  // among all pictures of the run, from 1
  std::size_t item = 0;   // the prompt, from 0 as in --json
  int image = 0;          // among the pictures of the prompt, from 0
  const Settings& settings;
  std::string_view model;
  std::string_view id{};      // empty: the number of the item
  std::string_view output{};  // a template of its own, below the folder of the run
};

// The fields a template may have, without braces.
std::span<const std::string_view> template_fields();

class OutputNames {
 public:
  // Of that many pictures: several in one x.png become x-0001.png, ... Names follow --output, --layout, and --file,
  // whose pictures have names that depend on their place in it. Throws Error(kUsage): neither .png nor folder, unknown
  // field, several pictures for standard output, a layout without a folder.
  OutputNames(const RunOptions& options, std::size_t pictures);

  [[nodiscard]] Destination destination() const { return destination_; }

  // A name that follows from what the user gave is replaced, a name made by the program is never given twice. Pictures
  // of a prompt file and of a layout have one name each, which must be free.
  [[nodiscard]] OnExists default_on_exists() const { return default_on_exists_; }

  // The folder that all files are in: what comes before the first field. Empty: the current one.
  [[nodiscard]] const std::string& root() const { return root_; }

  // Throws Error(kBadData) for an `output` that is no name of a file below the root.
  [[nodiscard]] std::filesystem::path path_of(const PictureName& picture) const;

 private:
  struct Field {
    std::size_t number = 0;  // among the fields
    std::size_t digits = 0;  // of numbers: filled up with zeros
    std::size_t bytes = 0;   // of texts: at most that many, 0: the field's own limit
  };
  using Part = std::variant<std::string, Field>;

  static std::vector<Part> parse_template(std::string_view text);
  static Field parse_field(std::string_view text);
  static std::string fill_in(const std::vector<Part>& parts, const PictureName& picture);
  void set_template(const std::string& text);

  Destination destination_ = Destination::kFiles;
  OnExists default_on_exists_ = OnExists::kOverwrite;
  std::string root_;
  std::vector<Part> parts_;  // below the root
};

}  // namespace txt2img::cli
