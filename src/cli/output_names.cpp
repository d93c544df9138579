#include "cli/output_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <system_error>
#include <utility>

#include "cli/unicode.h"
#include "cli/values.h"
#include "txt2img/error.h"
#include "txt2img/names.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kDigitsMax = 20;
constexpr const char* kDefaultName = "{prompt}-{seed}.png";

struct FieldInfo {
  std::string_view name;
  std::string (*value)(const PictureName& picture);
  bool is_number = false;  // may have digits: {index:05}
};

constexpr std::array<FieldInfo, 12> kFields = {{
    {"index", [](const PictureName& p) { return std::to_string(p.index); }, true},
    {"item", [](const PictureName& p) { return std::to_string(p.item); }, true},
    {"image", [](const PictureName& p) { return std::to_string(p.image); }, true},
    {"prompt", [](const PictureName& p) { return slug(p.settings.prompt); }},
    {"seed", [](const PictureName& p) { return std::to_string(p.settings.seed); }, true},
    {"width", [](const PictureName& p) { return std::to_string(p.settings.width); }, true},
    {"height", [](const PictureName& p) { return std::to_string(p.settings.height); }, true},
    {"steps", [](const PictureName& p) { return std::to_string(p.settings.steps); }, true},
    {"guidance", [](const PictureName& p) { return real_text(p.settings.guidance); }},
    {"sampler", [](const PictureName& p) { return std::string(info(p.settings.sampler).name); }},
    {"schedule", [](const PictureName& p) { return std::string(info(p.settings.schedule).name); }},
    {"model", [](const PictureName& p) { return slug(p.model); }},
}};

constexpr auto kFieldNames = [] {
  std::array<std::string_view, kFields.size()> names;
  std::ranges::transform(kFields, names.begin(), &FieldInfo::name);
  return names;
}();

const FieldInfo& find_field(std::string_view name) {
  const auto* const found = std::ranges::find(kFields, name, &FieldInfo::name);
  if (found == kFields.end()) {
    throw Error(ExitCode::kUsage, "--output: unknown field {" + std::string(name) + "}" +
                                      suggestion(name, kFieldNames) +
                                      " (txt2img --help lists the fields; {{ is a brace itself)");
  }
  return *found;
}

std::string check_png_name(const std::string& name) {
  std::string extension = fs::path(name).extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".png") return name;
  const std::string as_file = fs::path(name).replace_extension(".png").string();
  throw Error(ExitCode::kUsage,
              "--output " + name + ": pictures are PNG files; write " + as_file + ", or " + name + "/ for a folder");
}

enum class OutputKind { kStandardOutput, kStream, kFolder, kTemplate, kFile };

OutputKind kind_of(const std::string& output) {
  std::error_code ignored;
  if (output == "-") return OutputKind::kStandardOutput;
  const fs::file_status status = fs::status(output, ignored);
  if (fs::is_directory(status)) return OutputKind::kFolder;
  // /dev/null, a named pipe, >(a command), or /dev/stdout whatever that is.
  const bool is_system_name = output.starts_with("/dev/") || output.starts_with("/proc/");
  if (fs::exists(status) && (is_system_name || !fs::is_regular_file(status))) return OutputKind::kStream;
  if (output.find_first_of("{}") != std::string::npos) return OutputKind::kTemplate;
  return output.ends_with('/') ? OutputKind::kFolder : OutputKind::kFile;
}

// The text as it is, in a template.
std::string literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += (c == '{' || c == '}') ? std::string(2, c) : std::string(1, c);
  return escaped;
}

// "x.png" for several pictures: x-0001.png, x-0002.png, ...
std::string numbered(const std::string& file) {
  const std::size_t stem = file.size() - 4;
  return literal(file.substr(0, stem)) + "-{index:04}" + literal(file.substr(stem));
}

}  // namespace

std::span<const std::string_view> template_fields() { return kFieldNames; }

OutputNames::OutputNames(const std::optional<std::string>& output, std::size_t pictures) {
  const std::string given = output.value_or(".");
  switch (kind_of(given)) {
    case OutputKind::kStandardOutput:
      destination_ = Destination::kStandardOutput;
      if (pictures > 1) {
        throw Error(ExitCode::kUsage,
                    "--output -: standard output takes one picture, these are " + std::to_string(pictures));
      }
      break;
    case OutputKind::kStream:
      destination_ = Destination::kStream;
      parts_ = {given};
      break;
    case OutputKind::kFolder:
      default_on_exists_ = OnExists::kRename;
      parts_ = parse_template(output ? literal((fs::path(given) / "").string()) + kDefaultName : kDefaultName);
      break;
    case OutputKind::kTemplate:
      parts_ = parse_template(check_png_name(given.ends_with('/') ? given + kDefaultName : given));
      break;
    case OutputKind::kFile:
      parts_ = parse_template(pictures > 1 ? numbered(check_png_name(given)) : literal(check_png_name(given)));
      break;
  }
}

std::vector<OutputNames::Part> OutputNames::parse_template(std::string_view text) {
  std::vector<Part> parts;
  std::string plain;
  while (!text.empty()) {
    const char c = text.front();
    const bool is_doubled = text.size() > 1 && text[1] == c;
    const std::size_t end = text.find('}');
    if (c == '{' && !is_doubled && end != std::string_view::npos) {
      parts.emplace_back(std::exchange(plain, {}));
      parts.emplace_back(parse_field(text.substr(1, end - 1)));
      text.remove_prefix(end + 1);
    } else if ((c == '{' || c == '}') && !is_doubled) {
      throw Error(ExitCode::kUsage, "--output: a single '" + std::string(1, c) +
                                        "' in the template; write it twice if it belongs to the name");
    } else {
      plain += c;
      text.remove_prefix(c == '{' || c == '}' ? 2 : 1);
    }
  }
  parts.emplace_back(std::move(plain));
  return parts;
}

// "index" or "index:05"
OutputNames::Field OutputNames::parse_field(std::string_view text) {
  const std::size_t colon = text.find(':');
  const FieldInfo& field = find_field(text.substr(0, colon));
  if (colon == std::string_view::npos) return {field.name, 0};
  std::string_view format = text.substr(colon + 1);
  if (format.starts_with('0')) format.remove_prefix(1);
  int digits = 0;
  const auto [end, error] = std::from_chars(format.data(), format.data() + format.size(), digits);
  if (!field.is_number || error != std::errc{} || end != format.data() + format.size() || digits < 1 ||
      digits > kDigitsMax) {
    throw Error(ExitCode::kUsage, "--output: {" + std::string(text) + "} is not a field with digits, as {index:05} is");
  }
  return {field.name, digits};
}

fs::path OutputNames::path_of(const PictureName& picture) const {
  std::string path;
  for (const Part& part : parts_) {
    if (const auto* const plain = std::get_if<std::string>(&part)) {
      path += *plain;
      continue;
    }
    const auto& field = std::get<Field>(part);
    const std::string value = find_field(field.name).value(picture);
    const auto digits = static_cast<std::size_t>(field.digits);
    path += std::string(digits - std::min(digits, value.size()), '0') + value;
  }
  return path;
}

}  // namespace txt2img::cli
