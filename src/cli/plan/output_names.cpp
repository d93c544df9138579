#include "plan/output_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "options/option_values.h"
#include "plan/file_names.h"
#include "prompts/prompt_files.h"
#include "txt2img/ascii.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/names.h"
#include "txt2img/number_text.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigitsMax = 20;
constexpr std::size_t kSlugMax = 64;  // bytes, unless the template says how many

constexpr const char* kDefaultName = "{prompt}-{seed}.png";
constexpr const char* kNameAfterFile = "{id}.png";  // of a prompt in a folder of them
constexpr const char* kNamesAfterFile = "{id}-{image}.png";

// In the order of Layout. GenEval's evaluate_images.py reads NNNNN/samples/NNNN.png and NNNNN/metadata.jsonl,
// T2I-CompBench takes the prompt from the name and sorts by the number behind it.
constexpr std::array<const char*, 3> kLayoutTemplates = {
    "{index:05}-{prompt:.40}.png", "{item:05}/samples/{image:04}.png", "samples/{text}_{picture:06}.png"};

struct FieldInfo {
  std::string_view name;
  std::string (*value)(const PictureName& picture, std::size_t bytes);
  std::size_t bytes = 0;  // 0: a number, which may have digits: {index:05}

  [[nodiscard]] bool is_number() const { return bytes == 0; }
};

constexpr std::array<FieldInfo, 15> kFields = {{
    {"index", [](const PictureName& p, std::size_t) { return std::to_string(p.index); }},
    {"picture", [](const PictureName& p, std::size_t) { return std::to_string(p.index - 1); }},
    {"item", [](const PictureName& p, std::size_t) { return std::to_string(p.item); }},
    {"image", [](const PictureName& p, std::size_t) { return std::to_string(p.image); }},
    {"id",
     [](const PictureName& p, std::size_t bytes) {
       return p.id.empty() ? std::to_string(p.item) : plain_name(p.id, bytes);
     },
     kPlainNameMax},
    {"prompt", [](const PictureName& p, std::size_t bytes) { return slug(p.settings.prompt, bytes); }, kSlugMax},
    {"text", [](const PictureName& p, std::size_t bytes) { return plain_name(p.settings.prompt, bytes); },
     kPlainNameMax},
    {"seed", [](const PictureName& p, std::size_t) { return std::to_string(p.settings.seed); }},
    {"width", [](const PictureName& p, std::size_t) { return std::to_string(p.settings.width); }},
    {"height", [](const PictureName& p, std::size_t) { return std::to_string(p.settings.height); }},
    {"steps", [](const PictureName& p, std::size_t) { return std::to_string(p.settings.steps); }},
    {"guidance",
     [](const PictureName& p, std::size_t bytes) { return to_shortest_text(p.settings.guidance).substr(0, bytes); },
     kSlugMax},
    {"sampler",
     [](const PictureName& p, std::size_t bytes) {
       return std::string(info(p.settings.sampler).name.substr(0, bytes));
     },
     kSlugMax},
    {"schedule",
     [](const PictureName& p, std::size_t bytes) {
       return std::string(info(p.settings.schedule).name.substr(0, bytes));
     },
     kSlugMax},
    {"model", [](const PictureName& p, std::size_t bytes) { return slug(p.model, bytes); }, kSlugMax},
}};

constexpr auto kFieldNames = [] {
  std::array<std::string_view, kFields.size()> names;
  std::ranges::transform(kFields, names.begin(), &FieldInfo::name);
  return names;
}();

std::size_t find_field(std::string_view name) {
  const auto* const found = std::ranges::find(kFields, name, &FieldInfo::name);
  if (found == kFields.end()) {
    throw Error(ExitCode::kUsage,
                format_text("unknown field {{{}}}{} (txt2img --help lists the fields; {{{{ is a brace itself)", name,
                            suggestion(name, kFieldNames)));
  }
  return static_cast<std::size_t>(found - kFields.begin());
}

bool is_png_name(const std::string& name) { return lower_case(fs::path(name).extension().string()) == ".png"; }

std::string check_png_name(const std::string& name) {
  if (is_png_name(name)) return name;
  const std::string as_file = fs::path(name).replace_extension(".png").string();
  throw Error(ExitCode::kUsage,
              format_text("--output {}: pictures are PNG files; write {}, or {}/ for a folder", name, as_file, name));
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

void check_layout(const RunOptions& options, OutputKind kind) {
  if (!options.target.layout || kind == OutputKind::kFolder) return;
  throw Error(ExitCode::kUsage, "--layout names the files itself; give a folder to --output, as in -o out/");
}

// How pictures in a folder are called.
std::string name_in_folder(const RunOptions& options) {
  if (!options.target.layout && !options.source.has_files()) return kDefaultName;
  if (!options.target.layout && are_folders(options.source.files))
    return options.request.count > 1 ? kNamesAfterFile : kNameAfterFile;
  return kLayoutTemplates[static_cast<std::size_t>(options.target.layout.value_or(Layout::kFlat))];
}

// The bytes that {prompt:.40} asks for, or the digits of {index:05}, of a field that has such; 0 if it is not that.
std::size_t parse_width(std::string_view text, std::size_t max) {
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole && width <= max ? width : 0;
}

}  // namespace

std::span<const std::string_view> template_fields() { return kFieldNames; }

OutputNames::OutputNames(const RunOptions& options, std::size_t pictures) {
  if (options.source.has_files() || options.target.layout) default_on_exists_ = OnExists::kError;
  if (options.purpose == Purpose::kStream) default_on_exists_ = OnExists::kRename;  // its answers have the names
  const std::string given = options.target.output.value_or(".");
  const OutputKind kind = kind_of(given);
  check_layout(options, kind);
  switch (kind) {
    case OutputKind::kStandardOutput:
      destination_ = Destination::kStandardOutput;
      if (pictures > 1) {
        throw Error(ExitCode::kUsage,
                    "--output -: standard output takes one picture, these are " + std::to_string(pictures));
      }
      break;
    case OutputKind::kStream:
      destination_ = Destination::kStream;
      root_ = given;
      break;
    case OutputKind::kFolder:
      if (default_on_exists_ == OnExists::kOverwrite) default_on_exists_ = OnExists::kRename;
      set_template((options.target.output ? literal((fs::path(given) / "").string()) : "") + name_in_folder(options));
      break;
    case OutputKind::kTemplate:
      set_template(check_png_name(given.ends_with('/') ? given + name_in_folder(options) : given));
      break;
    case OutputKind::kFile:
      set_template(pictures > 1 ? numbered(check_png_name(given)) : literal(check_png_name(given)));
      break;
  }
}

// What has no fields up to a slash is the root.
void OutputNames::set_template(const std::string& text) {
  try {
    parts_ = parse_template(text);
  } catch (const Error& error) {
    throw Error(error.code(), "--output: " + std::string(error.what()));
  }
  auto* const first = std::get_if<std::string>(&parts_.front());
  if (first == nullptr) return;
  const std::size_t slash = first->rfind('/');
  if (slash == std::string::npos) return;
  root_ = first->substr(0, slash + 1);
  first->erase(0, slash + 1);
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
      throw Error(ExitCode::kUsage,
                  "a single '" + std::string(1, c) + "' in the template; write it twice if it belongs to the name");
    } else {
      plain += c;
      text.remove_prefix(c == '{' || c == '}' ? 2 : 1);
    }
  }
  parts.emplace_back(std::move(plain));
  return parts;
}

// "index", "index:05" or "prompt:.40"
OutputNames::Field OutputNames::parse_field(std::string_view text) {
  const std::size_t colon = text.find(':');
  Field field{.number = find_field(text.substr(0, colon))};
  if (colon == std::string_view::npos) return field;
  const bool is_number = kFields[field.number].is_number();
  const std::string_view format = text.substr(colon + 1);
  if (is_number)
    field.digits = parse_width(format.substr(format.starts_with('0') ? 1 : 0), kDigitsMax);
  else if (format.starts_with('.'))
    field.bytes = parse_width(format.substr(1), kPlainNameMax);
  if (field.digits > 0 || field.bytes > 0) return field;
  throw Error(ExitCode::kUsage,
              format_text("{{{}}} is not a field with {}", text,
                          is_number ? "digits, as {index:05} is" : "a length in bytes, as {prompt:.40} is"));
}

std::string OutputNames::fill_in(const std::vector<Part>& parts, const PictureName& picture) {
  std::string path;
  for (const Part& part : parts) {
    if (const auto* const plain = std::get_if<std::string>(&part)) {
      path += *plain;
      continue;
    }
    const auto& field = std::get<Field>(part);
    const FieldInfo& info = kFields[field.number];
    const std::string value = info.value(picture, field.bytes > 0 ? field.bytes : info.bytes);
    path += std::string(field.digits - std::min(field.digits, value.size()), '0') + value;
  }
  return path;
}

fs::path OutputNames::path_of(const PictureName& picture) const {
  if (destination_ == Destination::kStream) return root_;
  if (picture.output.empty()) return root_ + avoid_device_names(fill_in(parts_, picture));
  try {
    const std::string path = fill_in(parse_template(picture.output), picture);
    check_relative_name(path);
    if (!is_png_name(path)) throw Error(ExitCode::kBadData, "it has to end in .png");
    return root_ + avoid_device_names(path);
  } catch (const Error& error) {
    throw Error(ExitCode::kBadData, "output: " + std::string(error.what()));
  }
}

}  // namespace txt2img::cli
