// Where pictures go: the names that --output gives them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

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
};

// The fields a template may have, without braces.
std::span<const std::string_view> template_fields();

class OutputNames {
 public:
  // `output` as in Options; `pictures` of the run: several in one x.png become x-0001.png, ...
  // Throws Error(kUsage): neither .png nor folder, unknown field, several pictures for standard output.
  OutputNames(const std::optional<std::string>& output, std::size_t pictures);

  [[nodiscard]] Destination destination() const { return destination_; }

  // A name the user chose is replaced, a name made by the program is never given twice.
  [[nodiscard]] OnExists default_on_exists() const { return default_on_exists_; }

  [[nodiscard]] std::filesystem::path path_of(const PictureName& picture) const;

 private:
  struct Field {
    std::string_view name;  // in template_fields()
    int digits = 0;         // filled up with zeros
  };
  using Part = std::variant<std::string, Field>;

  static std::vector<Part> parse_template(std::string_view text);
  static Field parse_field(std::string_view text);

  Destination destination_ = Destination::kFiles;
  OnExists default_on_exists_ = OnExists::kOverwrite;
  std::vector<Part> parts_;
};

}  // namespace txt2img::cli
