// Names of pictures: a template, the `output` of a line, a prompt and an id, one a line, never lead out of the folder.
#include "plan/output_names.h"

#include "fuzz.h"
#include "options/command.h"

namespace {

using txt2img::cli::Destination;
using txt2img::cli::OutputNames;
using txt2img::cli::PictureName;

constexpr std::size_t kTextMax = 4096;

std::string take_line(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return std::string(line.substr(0, kTextMax));
}

bool has_parent(const std::filesystem::path& path) {
  return std::ranges::find(path, std::filesystem::path("..")) != path.end();
}

std::ptrdiff_t depth(std::string_view path) { return std::ranges::count(path, '/'); }

void check(const OutputNames& names, const PictureName& picture, std::string_view wanted) {
  if (names.destination() != Destination::kFiles) return;
  const std::filesystem::path path = names.path_of(picture);
  txt2img::fuzz::require(path.string().starts_with(names.root()));
  txt2img::fuzz::require(path.string().find('\0') == std::string::npos || wanted.find('\0') != std::string::npos);
  // What a field stands for is never more than a part of a name.
  txt2img::fuzz::require(depth(path.string()) == depth(wanted));
  const bool asks_for_parent = has_parent(std::filesystem::path(wanted));
  txt2img::fuzz::require(!has_parent(path) || asks_for_parent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  std::string_view rest = fuzz::text_of(data, size);
  cli::RunOptions options;
  options.source.files = {"p.jsonl"};
  const std::string name_template = "out/" + take_line(rest) + ".png";
  const std::string output = take_line(rest);
  Settings settings;
  settings.prompt = take_line(rest);
  const std::string id = take_line(rest);
  const std::string model = take_line(rest);
  const cli::PictureName picture{.settings = settings, .model = model, .id = id};
  fuzz::try_shown([&] {
    options.target.output = name_template;
    check(cli::OutputNames(options, 2), picture, name_template);
  });
  return fuzz::try_shown([&] {
    options.target.output = "out/";
    const cli::OutputNames names(options, 2);
    const cli::PictureName named{.settings = settings, .model = model, .id = id, .output = output};
    check(names, named, output.empty() ? "out/x" : "out/" + output);
    fuzz::require(!has_parent(names.path_of(named)));
  });
}
